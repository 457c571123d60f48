#!/usr/bin/env bash
# The whole way of an image in one go: train an encoder on the sample folder,
# score it, write vectors. `make demo` calls it; each line it shows works alone.
set -euo pipefail
cd "$(dirname "$0")/.."
supcon=${1:-bin/supcon}
sample=datasets/sample
run=runs/demo

show() {
  printf '\n$ %s\n' "$*"
  "$@"
}

began=$SECONDS
rm -rf "$run"
show "$supcon" train --config configs/demo.yaml --data $sample/train --out $run
show "$supcon" eval $run --data $sample/train --test $sample/test --linear-probe --knn
show "$supcon" embed $run --data $sample/test --out $run/vectors.npy

cat <<END

Done in $((SECONDS - began)) s. An encoder learned from the $(find $sample/train -type f | wc -l | tr -d ' ') pictures under $sample/train,
a linear probe and nearest neighbours scored what it learned on $sample/test,
and every picture there became a vector.

  $run/config.yaml     every setting of the run; supcon train --config repeats it
  $run/metrics.jsonl   loss, learning rate and speed, one line a step
  $run/checkpoints/    the encoder, readable by PyTorch (safetensors)
  $run/eval.json       the scores
  $run/vectors.npy     the vectors; the paths of their pictures are in vectors.jsonl

Next: supcon train --data YOUR_PICTURES   (one folder a class)
END
