#!/usr/bin/env python3
"""Renders the results that scripts/bench.sh gathered as a table in Markdown: medians, and ours over theirs."""
import json, pathlib, statistics, sys

folder = pathlib.Path(sys.argv[1])


def median(name, *path):
    """The median over the rounds of one figure of a measurement."""
    values = []
    for line in (folder / name).read_text().splitlines():
        value = json.loads(line)
        for key in path:
            value = value[key]
        values.append(value)
    return statistics.median(values)


def row(what, ours, theirs, unit, better=max):
    ratio = ours / theirs if better is max else theirs / ours
    print(f'| {what} | {ours:,.0f} | {theirs:,.0f} | {unit} | {ratio:.2f} |')


print('| | supcon | PyTorch | | ratio |\n|---|---|---|---|---|')
for model in ('resnet18', 'resnet20', 'small'):
    ours = median(f'{model}.ours', 'train', 'views_per_s')
    for side, name in (('tuned', 'at its best'), ('plain', 'as it comes'), ('bf16', 'bf16, at its best')):
        if (folder / f'{model}.step.{side}').exists():  # bf16 is measured only where the CPU has it
            row(f'{model} training step, PyTorch {name}', ours, median(f'{model}.step.{side}', 'views_per_s'), 'views/s')
for model in ('resnet18', 'resnet20', 'small', 'resnet50'):
    ours = median(f'{model}.ours', 'infer', 'images_per_s')
    theirs = max(median(f'{model}.infer.{side}', 'images_per_s') for side in ('tuned', 'frozen'))
    row(f'{model} inference, PyTorch at its best', ours, theirs, 'images/s')
ours = median('resnet18.ours', 'train', 'peak_bytes') / 2**20
row('resnet18 training step, memory', ours, median('resnet18.step.tuned', 'peak_rss_mib'), 'MiB', better=min)
cpu = json.loads((folder / 'resnet18.ours').read_text().splitlines()[0])['cpu']
print(f"\n{cpu['threads']} threads, {cpu['branch']}, {cpu['peak_gflops']:.0f} GFLOP/s peak; 128 images x 2 views; medians of {len((folder / 'resnet18.ours').read_text().splitlines())} runs each.")
