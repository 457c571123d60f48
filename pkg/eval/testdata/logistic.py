"""Writes logistic.json: what scikit-learn's LogisticRegression finds, tightly converged.

Run in this folder: python3 logistic.py   (made with scikit-learn 1.2.1, NumPy 1.24.2)
"""
import json

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(7)
cases = []
for n, d, classes, spread, strengths in [(120, 5, 3, 0.6, [0.1, 1, 100]), (80, 12, 5, 0.3, [1, 10]), (60, 4, 2, 2.0, [0.01])]:
    mixing = rng.normal(size=(d, d))
    centres = rng.normal(size=(classes, d)) * spread

    def draw(count):
        y = np.arange(count) % classes
        return (((rng.normal(size=(count, d)) + centres[y]) @ mixing) * 3 + 10).round(3), y

    x, y = draw(n)
    test, test_y = draw(50)
    scaler = StandardScaler().fit(x)
    z, test_z = scaler.transform(x), scaler.transform(test)
    for strength in strengths:
        model = LogisticRegression(C=1 / strength, multi_class='multinomial', solver='newton-cg', tol=1e-8, max_iter=10000).fit(z, y)
        w, b = model.coef_, model.intercept_
        if classes == 2:  # scikit-learn keeps one row, w of a class and -w of the other
            w, b = np.vstack([-w, w]), np.concatenate([-b, b])
        cases.append(dict(
            l2=strength, classes=classes, x=x.tolist(), y=y.tolist(), test=test.tolist(), test_y=test_y.tolist(),
            weight=w.round(9).tolist(), bias=(b - b.mean()).round(9).tolist(), top1=100 * float(model.score(test_z, test_y))))
json.dump(dict(cases=cases), open('logistic.json', 'w'))
