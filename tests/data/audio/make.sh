#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the small files beside it: half a second of a 440 Hz tone, one per container. Needs the ffmpeg program.
# The files are kept in the repository, so that tests need no encoder; run this only to add one.
set -eu
cd "$(dirname "$0")"
tone() {
    out=$1; rate=$2; channels=$3; shift 3
    ffmpeg -nostdin -v error -y -f lavfi -i "sine=frequency=440:sample_rate=$rate:duration=0.5" -ac "$channels" \
        -map_metadata -1 -fflags +bitexact -flags:a +bitexact "$@" "$out"
}
tone tone.flac 16000 1
tone tone.ogg 16000 1 -c:a libvorbis -page_duration 60000
tone tone.opus 48000 1 -c:a libopus -b:a 16k -page_duration 60000
tone tone.mp3 16000 1 -b:a 16k -write_xing 0
tone tone-xing.mp3 44100 2 -b:a 64k
tone tone.aiff 16000 1
tone tone.caf 16000 1
tone tone.au 8000 1 -c:a pcm_mulaw
tone tone.m4a 16000 1 -c:a aac -b:a 24k -movflags +faststart
tone tone.mp4 44100 2 -c:a aac -b:a 48k
tone tone.webm 48000 1 -c:a libopus -b:a 16k
tone tone.mkv 16000 1 -c:a flac
tone tone.aac 16000 1 -c:a aac -b:a 24k
