#!/bin/sh
# SPDX-License-Identifier: MIT
# What a Canary, or a model that is none, cannot do is said in one sentence before anything is heard or written.
. "$(dirname "$0")/cli.sh"

# refused WHAT SENTENCE FOLDER OPTION...: exit status 2, one line, no file, and nothing of standard input was read.
echo "not a recording yet" >"$place/sound"
refused() {
    what=$1 sentence=$2 folder=$3
    shift 3
    {
        "$program" transcribe -m "$data/$folder/model.nemo" -o "$place/text" --raw s16le:16000:1 "$@" - >"$place/out" 2>"$place/err"
        status=$?
        cat >"$place/left"
    } <"$place/sound"
    check "$what" 2 both 'err_has "$sentence" && test "$(wc -l <"$place/err")" = 1 && cmp -s "$place/sound" "$place/left"' \
        '[ ! -s "$place/out" ] && [ -z "$(ls "$place" | grep text)" ]'
    rm -f "$place/text"
}

has="is none of this model, which has en, de, es, fr"
refused "no such language" "\"xx\" $has" canary --language xx
refused "no such language to write" "\"english\" $has" canary-flash --translate-to english
refused "no language" "\"<|pnc|>\" $has" canary-flash --language "<|pnc|>"
refused "a language with control characters" "$has" canary-v2 --language "$(printf 'd\033[31me\nen')"
grep -q "$(printf '\033')" "$place/err" && not_ok "which are not shown" || ok "which are not shown"
refused "a language without end" "$has" canary-v2 --language "$(printf '%05000d' 0)"
refused "a language that is not UTF-8" "$has" canary --language "$(printf 'd\377')"
refused "canary cannot tell the language" "cannot tell the language" canary --language auto
refused "canary has no place for a context" "context" canary --context "Nobody knew."
refused "nor for numbers" "inverse text normalisation" canary --itn
refused "nor for speakers" "speakers" canary --diarize
refused "nor for an emotion" "emotion" canary --emotion sad
refused "special tokens in a context" "special tokens" canary-flash --context "a<|en|>b"
refused "a context longer than the positions" "give less context" canary-flash --context "$(printf 'Nobody knew. %.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64)"
refused "more lines than beams" "3 alternatives, expected at most as many as beams, which are 2" canary -f json --beams 2 --n-best 3
refused "a guard of one round" "repeat_guard is 1" canary --repeat-guard 1
refused "no times for subtitles" "error options model gives no times: " canary -f srt
refused "no times for a table" "error options model gives no times: " canary -f tsv --timestamps none
refused "no times when asked" "error options model gives no times: " canary -f json --timestamps word
refused "no such head" "error options model has no ctc head: its family is aed" canary --head ctc
refused "a Canary's head" "error options model has no aed head: its family is tdt_ctc" tdt-ctc --head aed
for option in --language=en --translate-to=de --punctuation --no-punctuation --context=x --itn --diarize --emotion=sad \
    --beams=2 --length-penalty=1 --max-delta=5; do
    refused "$option is for Canary" "it is a tdt_ctc model, which has no prompt and no beams" tdt-ctc $option
done
transcribe -f json --timestamps word "$short"
check "a Parakeet has times in any case" 0 quiet
run "$program" bench -m "$data/canary/model.nemo" --seconds 1 --repeat 1 --language xx
check "bench says so, too" 2 err_has "$has"

for wrong in --beams=0 --beams=33 --beams=two --length-penalty=x --length-penalty=nan --length-penalty=101 \
    --length-penalty=0x1 --length-penalty=1,5 --length-penalty= --max-delta=-2 --max-delta=x --repeat-guard=33 \
    --repeat-guard=-1 --n-best=0 --n-best=33 --emotion=glad --emotion= --language= --translate-to= --context= \
    --itn=yes --no-itn=1 --greedy=1 --no-greedy --no-beams --chunks=2; do
    transcribe "$wrong" "$short"
    check "$wrong is misuse" 2 err_has "Try 'ctrlspeak transcribe --help'."
done
for wrong in --beams=2 --n-best=2 --length-penalty=1; do
    transcribe -f json --greedy "$wrong" "$short"
    check "$wrong of no search" 2 err_has "--greedy and ${wrong%=*} exclude each other"
done
for format in txt srt vtt ctm tsv; do
    transcribe -f $format --n-best 2 "$short"
    check "alternatives in $format" 2 err_has "--n-best needs --format json or jsonl"
done

# Of some recordings alone: the others are written.
mkdir "$place/de"
run "$program" transcribe -m "$data/canary-v2/model.nemo" --language de -f srt --output-dir "$place/de" "$short"
check "an answer that the aligner cannot place" 3 err_has "error audio $short: the result of model has no times, which SRT is made of"
err_has "warning transcribe $short: the aligner has too few frames" && ok "and why" || not_ok "and why"
[ -z "$(ls "$place/de")" ] && ok "is no empty file" || not_ok "is no empty file"
run "$program" transcribe -m "$data/canary-v2/model.nemo" --language de -f ctm "$short" "$long"
check "the others are written" 1 out_has "long 1 "
done_testing
