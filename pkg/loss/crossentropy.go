package loss

import (
	"fmt"
	"math"

	"supcon/pkg/kernel"
)

// CrossEntropy is the mean over rows of −log softmax(row)[label] and its
// gradient: the supervised baseline that the paper compares with. It is not
// safe for concurrent use.
type CrossEntropy struct {
	engine  *kernel.Engine
	classes int
	logits  []float32
	labels  []int
	lse     []float64 // row log-sum-exp of the last Forward
}

// NewCrossEntropy returns the loss for so many classes.
func NewCrossEntropy(e *kernel.Engine, classes int) *CrossEntropy {
	return &CrossEntropy{engine: e, classes: classes}
}

// Forward returns the loss of logits (M,classes), which have to stay unchanged
// until Backward. Each of the M = len(labels) labels has to be in 0…classes−1.
func (l *CrossEntropy) Forward(logits []float32, labels []int) (Value, error) {
	m := len(labels)
	if len(logits) != m*l.classes || m == 0 {
		return Value{}, fmt.Errorf("loss: %d logits for %d rows of %d classes", len(logits), m, l.classes)
	}
	l.logits, l.labels, l.lse = logits, labels, resize(l.lse, m)
	v := Value{Anchors: m}
	for i, label := range labels {
		if label < 0 || label >= l.classes {
			return Value{}, fmt.Errorf("loss: label %d in row %d; there are %d classes", label, i, l.classes)
		}
		row := logits[i*l.classes : (i+1)*l.classes]
		largest := float64(l.engine.MaxRow(row))
		var sum float64
		for _, x := range row {
			sum += math.Exp(float64(x) - largest)
		}
		l.lse[i] = largest + math.Log(sum)
		v.Loss += (l.lse[i] - float64(row[label])) / float64(m)
		if float64(row[label]) == largest {
			v.Correct++
		}
	}
	v.Unscaled = v.Loss
	return v, nil
}

// Backward writes (softmax(row) − onehot(label))/M of the last Forward to
// dlogits.
func (l *CrossEntropy) Backward(dlogits []float32) error {
	m := len(l.labels)
	if len(dlogits) != m*l.classes || m == 0 {
		return fmt.Errorf("loss: room for %d gradients of %d rows of %d classes", len(dlogits), m, l.classes)
	}
	for i, label := range l.labels {
		out := dlogits[i*l.classes : (i+1)*l.classes]
		for c, x := range l.logits[i*l.classes : (i+1)*l.classes] {
			p := math.Exp(float64(x) - l.lse[i])
			if c == label {
				p -= 1
			}
			out[c] = float32(p / float64(m))
		}
	}
	return nil
}
