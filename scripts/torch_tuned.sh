#!/usr/bin/env bash
# scripts/torch_peer.py with the settings that make PyTorch fastest on a CPU.
#
#   PYTHON=python3 scripts/torch_tuned.sh step|infer|embed|loader|train ARGUMENTS
set -euo pipefail
capability=avx2
if grep -qw avx512f /proc/cpuinfo 2>/dev/null; then capability=avx512; fi
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=1000000000
export ATEN_CPU_CAPABILITY=$capability OMP_PROC_BIND=true
exec "${PYTHON:-python3}" "$(dirname "$0")/torch_peer.py" "$@"
