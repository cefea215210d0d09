#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bundled.sh PROGRAM ROOT: the model that the repository carries is the one its card speaks of, training never named a clip
# that the card's figures come from, and the program hears the samples as their texts say. TAP.
set -u
program=$1 root=$2
models=$root/models samples=$root/samples lists=$root/tools/train/lists
model=$models/ctrlspeak-small.nemo
most_bytes=15728640
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
n=0 bad=0
unset CS_MODEL CS_THREADS CS_CPU
LC_ALL=C
export LC_ALL
tab=$(printf '\t')

check() {
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $n - $2"
    else
        bad=1
        [ -s "$place/why" ] && sed 's/^/# /' "$place/why"
        echo "not ok $n - $2"
    fi
    : >"$place/why"
}

# empty FILE: succeeds when nothing was found
empty() { [ ! -s "$1" ]; }

if [ ! -f "$model" ]; then
    echo "1..0 # SKIP no models/ctrlspeak-small.nemo here"
    exit 0
fi

[ "$(wc -c <"$model")" -le "$most_bytes" ]
check $? "the model is at most 15 MB"
(cd "$models" && sha256sum -c SHA256SUMS) >"$place/why" 2>&1
check $? "the model has the digest in models/SHA256SUMS"
digest=$(cut -d ' ' -f 1 "$models/SHA256SUMS")
grep -q "$digest" "$models/MODEL-CARD.md"
check $? "the model card speaks of this file"
for word in "CC BY-SA 4.0" "Free Spoken Digit Dataset" "Allison Smith" flite festival; do
    grep -qi "$word" "$models/LICENSE-MODEL" || echo "no $word" >>"$place/why"
done
empty "$place/why"
check $? "LICENSE-MODEL names the licence and the sources"

# What a figure is measured on: whole speakers and sets by name, prompts by the list. Of Speech Commands, half of the speakers
# are trained on (NAME_SPEAKER_nohash_N.wav).
cut -f 1 "$lists/train-real.txt" | grep -E '_(lucas|theo)_|^(alsa|read)/' >"$place/why"
cut -f 1 "$lists/train-real.txt" \
    | grep -Ev '^(fsdd/[0-9]_(george|jackson|nicolas|yweweler)_[0-9]+\.wav|asterisk/.+|speech-commands/.+)$' >>"$place/why"
for list in train-real held-out; do
    grep '^speech-commands/' "$lists/$list.txt" | cut -d _ -f 2 | sort -u >"$place/$list"
done
comm -12 "$place/train-real" "$place/held-out" >>"$place/why"
empty "$place/why" && [ -s "$place/held-out" ]
check $? "training names no clip of a held-out speaker or set"
cut -f 1 "$lists/train-real.txt" | sort >"$place/train"
cut -f 1 "$lists/held-out.txt" | sort >"$place/held"
comm -12 "$place/train" "$place/held" >"$place/why"
empty "$place/why" && [ -s "$place/train" ] && [ -s "$place/held" ]
check $? "no recording is both trained on and held out"
[ "$(grep -c '^fsdd/._lucas_' "$place/held")" -eq 500 ] && [ "$(grep -c '^fsdd/._theo_' "$place/held")" -eq 500 ] \
    && [ "$(cat "$place/train" "$place/held" | grep -c '^speech-commands/')" -eq 300 ] && [ "$(grep -c '^alsa/' "$place/held")" -eq 8 ]
check $? "every clip of the held-out speakers and sets is listed"
{
    cut -f 2 "$lists/train-real.txt"
    cat "$lists/words.txt" "$lists/commands.txt" "$lists/strings.txt" "$lists/sentences.txt"
} | sort -u >"$place/texts"
grep '^asterisk/' "$lists/held-out.txt" | grep "${tab}test\$" | cut -f 2 | sort -u | comm -12 - "$place/texts" >"$place/why"
empty "$place/why"
check $? "no prompt of the figures has a text that training has"
grep '^asterisk/' "$lists/held-out.txt" | grep "${tab}test\$" | cut -f 2 | grep ' .* ' >"$place/longer"
grep -i -w -F -f "$place/longer" "$lists/strings.txt" "$lists/sentences.txt" >"$place/why"
empty "$place/why" && [ -s "$place/longer" ]
check $? "no text of the lists has a prompt of the figures of three words or more in it"

for head in tdt ctc; do
    for text in "$samples"/*.txt; do
        wav=${text%.txt}.wav
        "$program" transcribe --model "$model" --head $head "$wav" >"$place/heard" 2>"$place/err"
        diff "$text" "$place/heard" >"$place/why" 2>&1
        check $? "$head hears samples/$(basename "$wav")"
    done
done
echo "1..$n"
exit $bad
