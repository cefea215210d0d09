#!/bin/sh
# SPDX-License-Identifier: MIT
#
# demo.sh: transcribe sample recordings with the program that was just built: make run [MODEL=FILE.nemo] [AUDIO="FILE..."].
#
# Without MODEL it uses a test model of the suite. Such a model is 0.4 MB, was made to exercise the engine, and knows only
# the sentences of the synthetic recordings beside it; it shows that everything works, not how well Parakeet hears.
set -eu
cd "$(dirname "$0")/.."
data=tests/golden/data
if [ -n "${MODEL:-}" ]; then
    if [ -z "${AUDIO:-}" ]; then
        echo 'make run: MODEL needs recordings beside it: make run MODEL=FILE.nemo AUDIO="talk.flac more.wav"' >&2
        exit 2
    fi
    model=$MODEL
else
    model=$data/tdt/model.nemo
    echo "A test model that knows only its own sentences, on two synthetic recordings. With a real model and any recording:"
    echo
    echo "    build/ctrlspeak transcribe --model parakeet-tdt-0.6b-v3.nemo talk.flac"
    echo
fi
for audio in ${AUDIO:-$data/audio/long.wav $data/audio/short.wav}; do
    echo "\$ build/ctrlspeak transcribe --model $model $audio"
    build/ctrlspeak transcribe --model "$model" "$audio"
done
