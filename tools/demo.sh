#!/bin/sh
# SPDX-License-Identifier: MIT
#
# demo.sh: transcribe recordings with the program that was just built: make run [MODEL=FILE.nemo|NAME] [AUDIO="FILE..."].
#
# Without MODEL it uses the bundled model, on samples/ and on the real voices of Debian's alsa-utils where that is
# installed. Where the bundled model is not there either, a test model of the suite: 0.4 MB, made to exercise the engine,
# which knows only the sentences of the synthetic recordings beside it. The time is of the whole command, opening the
# model included.
set -eu
cd "$(dirname "$0")/.."
program=build/ctrlspeak
voices=/usr/share/sounds/alsa
data=tests/golden/data
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# hear FILE [SPOKEN]: transcribe and time one recording.
hear() {
    start=$(date +%s%N)
    $program transcribe $model -f jsonl --timestamps none "$1" 2>/dev/null >"$out" || {
        $program transcribe $model "$1" # its own words
        return
    }
    end=$(date +%s%N)
    shown=
    [ "$model" = "--model bundled" ] || shown="$model "
    printf '$ %s transcribe %s%s\n    heard   %s\n' $program "$shown" "$1" "$(sed 's/.*"text": "\(.*\)", "segments".*/\1/; s/\\"/"/g' "$out")"
    [ -z "${2:-}" ] || printf '    spoken  %s\n' "$2"
    awk -v ns=$((end - start)) -v audio="$(sed 's/.*"duration": \([0-9.]*\).*/\1/' "$out")" \
        'BEGIN { s = ns / 1e9; printf("    %.2f s of audio in %.2f s, real-time factor %.1f\n", audio, s, audio / s) }'
}

if [ -n "${MODEL:-}" ]; then
    if [ -z "${AUDIO:-}" ]; then
        echo 'make run: MODEL needs recordings beside it: make run MODEL=FILE.nemo AUDIO="talk.flac more.wav"' >&2
        exit 2
    fi
    model="--model $MODEL"
elif $program models path bundled >/dev/null 2>&1; then
    model="--model bundled"
    if [ -z "${AUDIO:-}" ]; then
        echo "The bundled model, $($program models path bundled), made for short commands, digits and letters. Synthetic voices:"
        echo
        for audio in samples/*.wav; do
            [ ! -f "$audio" ] || hear "$audio" "$(cat "${audio%.wav}.txt" 2>/dev/null)"
        done
        if [ -f $voices/Front_Left.wav ]; then
            echo
            echo "Real voices, from alsa-utils:"
            echo
            for phrase in Front_Center Front_Left Front_Right Rear_Center Rear_Left Rear_Right Side_Left Side_Right; do
                hear $voices/$phrase.wav "$(echo $phrase | tr 'A-Z_' 'a-z ')"
            done
        fi
        echo
        echo "A model for all that people say, 2.5 GB:  $program models get parakeet-tdt-0.6b-v3"
        echo "Then any recording:                       $program transcribe --model parakeet-tdt-0.6b-v3 talk.flac"
        exit 0
    fi
else
    model="--model $data/tdt/model.nemo"
    AUDIO=${AUDIO:-$data/audio/long.wav $data/audio/short.wav}
    echo "A test model that knows only its own sentences, on two synthetic recordings. With a real model and any recording:"
    echo
    echo "    $program models get parakeet-tdt-0.6b-v3"
    echo "    $program transcribe --model parakeet-tdt-0.6b-v3 talk.flac"
    echo
fi
for audio in $AUDIO; do
    hear "$audio"
done
