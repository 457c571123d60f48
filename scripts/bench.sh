#!/usr/bin/env bash
# Speed and memory beside PyTorch on this machine, in one session: each figure is
# the median of several whole processes, the two sides in turns. Needs Python 3
# with torch; prints a table in Markdown after each round, over all rounds so far.
# Run it on a machine that does nothing else.
#
#   scripts/bench.sh [ROUNDS]        default 3
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-3}
python=${PYTHON:-python3}
"$python" -c 'import torch' 2>/dev/null || { echo "bench: $python cannot import torch; install it, or name another with PYTHON=" >&2; exit 1; }
CGO_ENABLED=0 go build -trimpath -o bin/supcon ./cmd/supcon
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

ours() { bin/supcon bench --json --steps "${STEPS:-8}" --threads 2 "$@"; }
peer() { "$python" scripts/torch_peer.py "$@"; }
cpu_has() { grep -qw "$1" /proc/cpuinfo 2>/dev/null; }
tuned() { PYTHON=$python scripts/torch_tuned.sh "$@"; }

# measure NAME COMMAND...: one JSON line a round, in turns with the others.
measure() {
  local name=$1
  shift
  echo "  $name" >&2
  "$@" >>"$results/$name"
}

for ((round = 1; round <= rounds; round++)); do
  echo "round $round of $rounds" >&2
  for model in small resnet20 resnet18; do
    measure "$model.ours" ours --model $model --images 128 --views 2
    measure "$model.step.tuned" tuned step --model $model
    measure "$model.step.plain" peer step --model $model --layout nchw
    if cpu_has avx512_bf16; then # elsewhere PyTorch emulates it, many times slower than float32
      measure "$model.step.bf16" tuned step --model $model --bf16
    fi
    measure "$model.infer.tuned" tuned infer --model $model --batch 256
    measure "$model.infer.frozen" tuned infer --model $model --batch 256 --freeze
  done
  measure resnet50.ours ours --model resnet50 --images 16 --views 1 --image-size 224 --infer-only
  measure resnet50.infer.tuned tuned infer --model resnet50 --batch 16 --size 224
  measure resnet50.infer.frozen tuned infer --model resnet50 --batch 16 --size 224 --freeze
  "$python" scripts/bench_table.py "$results"
done
