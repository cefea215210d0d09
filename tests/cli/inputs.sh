#!/bin/sh
# SPDX-License-Identifier: MIT
# Inputs that are not as hoped: folders, bad files among good ones, files that break off, samples that are no numbers.
. "$(dirname "$0")/cli.sh"
tab=$(printf '\t')

mkdir -p "$place/in/sub" "$place/empty"
cp "$short" "$place/in/b.wav"
cp "$long" "$place/in/sub/a.wav"
echo nothing >"$place/in/notes.txt"
ln -s .. "$place/in/sub/circle"
transcribe "$place/in"
check "a folder, sorted, a circle of links in it" 0 both quiet 'out_is "$place/in/b.wav:$tab$text_short
$place/in/sub/a.wav:$tab$text_long"'
transcribe "$place/empty"
check "a folder without audio" 3 err_is "error input $place/empty: no audio files in this folder"
transcribe "$place/none.wav"
check "a file that is not there" 3 err_is "error audio $place/none.wav: cannot open: No such file or directory"
if [ "$(id -u)" != 0 ]; then
    cp "$short" "$place/locked.wav"
    chmod 0 "$place/locked.wav"
    transcribe "$place/locked.wav"
    check "an unreadable file" 3 err_has "cannot open: Permission denied"
else
    skip "root can read everything"
fi
: >"$place/zero.wav"
transcribe "$place/zero.wav"
check "an empty file" 3 err_is "error audio $place/zero.wav: is empty, expected an audio file"
echo "Dear diary" >"$place/diary.wav"
transcribe "$place/diary.wav"
check "a text" 3 err_has "$place/diary.wav: "

transcribe "$short" "$place/diary.wav" "$long"
check "one bad file does not stop the rest" 1 both 'out_is "$short:$tab$text_short
$long:$tab$text_long"' 'err_has "1 of 3 inputs failed:
  $place/diary.wav"'
tail -n 2 "$place/err" | tr '\n' '|' | grep -qF "1 of 3 inputs failed:|  $place/diary.wav|" \
    && ok "and is listed at the end" || not_ok "and is listed at the end"
transcribe "$place/zero.wav" "$place/diary.wav"
check "all bad" 3 err_has "2 of 2 inputs failed:"
i=0
set --
while [ $i -lt 40 ]; do
    set -- "$@" "$short" "$place/zero.wav"
    i=$((i + 1))
done
transcribe -j 8 "$@"
check "eighty inputs, forty bad" 1 test "$(grep -cF "$short:$tab$text_short" "$place/out")" = 40

mkfifo "$place/pipe"
set -- "$short" "$long" "$place/zero.wav" "$short" "$place/pipe" "$place/in" "$long" "$short"
for how in 1 2 8 auto; do
    cat "$short" >"$place/pipe" &
    transcribe -f json --batch "$how" "$@"
    check "--batch $how: a pipe and a bad file among good ones" 1 err_has "1 of 9 inputs failed:"
    cp "$place/out" "$place/out-$how"
done
cmp "$place/out-1" "$place/out-2" && cmp "$place/out-1" "$place/out-8" && cmp "$place/out-1" "$place/out-auto" \
    && ok "and the same results, to the last digit" || not_ok "and the same results, to the last digit"

head -c 60044 "$short" >"$place/cut.wav"
transcribe "$place/cut.wav"
check "a WAV that breaks off: text and a warning" 0 both '[ -s "$place/out" ]' 'err_has "warning audio $place/cut.wav: breaks off after "'
audio=$data/../../data/audio
size=$(wc -c <"$audio/tone.flac")
head -c $((size * 19 / 20)) "$audio/tone.flac" >"$place/cut.flac"
transcribe "$place/cut.flac"
case $status$(cat "$place/err") in
3*"no decoder"*) skip "this build reads no FLAC" ;;
*) check "a FLAC that breaks off" 0 err_has "warning audio $place/cut.flac: breaks off after " ;;
esac
head -c 3000 "$audio/tone-xing.mp3" >"$place/cut.mp3"
transcribe "$place/cut.mp3"
case $status$(cat "$place/err") in
3*"no decoder"* | 0*"Xing"*) skip "this build has no FFmpeg" ;;
*) check "an MP3 that breaks off: one line, nothing from decoders" 0 test "$(wc -l <"$place/err")" = 1 ;;
esac
transcribe "$audio/tone.m4a"
case $status$(cat "$place/err") in
3*"no decoder"*) skip "this build has no FFmpeg" ;;
*) check "an m4a file" 0 quiet ;;
esac
{ float_wav 3; le 0 4; le 0 4; le 2143289344 4; } >"$place/nan.wav"
transcribe "$place/nan.wav"
check "a sample that is not a number" 3 err_is "error audio $place/nan.wav: sample 2 (at 0.000 s) is not a finite number, expected values around -1 to 1"
float_wav 0 >"$place/none-in-it.wav"
transcribe "$place/none-in-it.wav"
check "no samples: an empty text" 0 both quiet 'out_is ""'
"$program" transcribe -m "$model" --raw s16le:16000:1 - </dev/null >"$place/out" 2>"$place/err"
status=$?
check "nothing on standard input, raw" 0 out_is ""
run "$program" transcribe -m "$model" -
check "nothing on standard input" 3 err_has "standard input: is empty"
done_testing
