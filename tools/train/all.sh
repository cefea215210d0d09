#!/bin/sh
# SPDX-License-Identifier: MIT
#
# all.sh WORK AUDIO [STEPS]: from nothing to models/ctrlspeak-small.nemo and its samples; README.md says what each step is.
#
# WORK is made, and a Python environment in it; AUDIO holds the two archives of recordings. Prints the time of each step. Run again
# after a break it goes on: the synthesis keeps its clips, the training its checkpoint.
set -eu
work=$1 audio=$2 steps=${3:-16000}
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
export OMP_NUM_THREADS=1 CUDA_VISIBLE_DEVICES= HF_HUB_OFFLINE=1
mkdir -p "$work"
python=$work/env/bin/python

# step NAME COMMAND...: runs it, tells how long it took
step() {
    name=$1 start=$(date +%s)
    shift
    "$@"
    echo "== $name: $(($(date +%s) - start)) s"
}

environment() {
    python3.11 -m venv "$work/env"
    "$work/env/bin/pip" install -q -U pip 'setuptools<81'
    "$work/env/bin/pip" install -q -r "$here/requirements.txt"
    : >"$work/env/ready"
}

digest() {
    (cd "$root/models" && sha256sum ctrlspeak-small.nemo >SHA256SUMS)
}

began=$(date +%s)
[ -f "$work/env/ready" ] || step environment environment
step real "$python" "$here/real.py" --work "$work" --audio "$audio"
step grammar "$python" "$here/grammar.py"
step synth "$python" "$here/synth.py" --work "$work"
step tokens "$python" "$here/tokens.py" --work "$work"
step features "$python" "$here/features.py" --work "$work"
step test "$python" "$here/test_tdt_loss.py"
step train "$python" "$here/train.py" --work "$work" --audio "$audio" --steps "$steps"
step save "$python" "$here/save.py" --work "$work" --out "$root/models/ctrlspeak-small.nemo"
step digest digest
step samples "$python" "$here/samples.py"
echo "== all: $(($(date +%s) - began)) s"
