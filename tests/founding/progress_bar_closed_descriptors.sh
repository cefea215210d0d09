#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The founding bug: a dictation program's worker thread died in a progress bar, because the bar started a helper process
# and stderr had no descriptor. Here whole transcriptions run with descriptors 0, 1 and 2 closed, each alone and all
# together, and with stderr a full pipe that nobody reads, the bar forced on: the text is the same.
. "$(dirname "$0")/../cli/cli.sh"

# same WHAT STATUS: the file $place/text holds the two texts.
both_texts=$(printf '%s:\t%s\n%s:\t%s' "$short" "$text_short" "$long" "$text_long")
same() {
    status=$2
    : >"$place/err"
    [ "$(cat "$place/text" 2>/dev/null)" = "$both_texts" ] || status="$status, another text"
    cp "$place/text" "$place/out" 2>/dev/null
    check "$1" 0
    rm -f "$place/text"
}

for bar in --progress --no-progress; do
    "$program" transcribe $bar -m "$model" -o "$place/text" "$short" "$long" <&- >&- 2>&-
    same "descriptors 0, 1 and 2 closed, $bar" $?
    "$program" transcribe $bar -m "$model" -o "$place/text" "$short" "$long" <&-
    same "descriptor 0 closed, $bar" $?
    "$program" transcribe $bar -m "$model" -o "$place/text" "$short" "$long" >&-
    same "descriptor 1 closed, $bar" $?
    "$program" transcribe $bar -m "$model" -o "$place/text" "$short" "$long" 2>&-
    same "descriptor 2 closed, $bar" $?
    "$program" transcribe $bar -m "$model" "$short" "$long" <&- >"$place/text" 2>&-
    same "descriptors 0 and 2 closed, text to standard output, $bar" $?
done

# A warning and a failure have nowhere to go either.
head -c 60044 "$short" >"$place/cut.wav"
"$program" transcribe --progress -m "$model" -o "$place/text" "$place/cut.wav" "$place/none.wav" <&- >&- 2>&-
status=$?
check "a warning and a failure with nowhere to go" 1 test -s "$place/text"
rm -f "$place/text"

# Fill a pipe until it takes no more; keep both ends open and never read.
mkfifo "$place/full"
exec 8<>"$place/full"
timeout 1 dd if=/dev/zero bs=4096 of="$place/full" 2>/dev/null
timeout 1 dd if=/dev/zero bs=1 of="$place/full" 2>/dev/null
for bar in --progress --no-progress; do
    timeout 60 "$program" transcribe $bar -m "$model" -o "$place/text" "$short" "$long" 2>&8
    same "stderr is a full pipe that nobody reads, $bar" $?
    timeout 60 "$program" transcribe $bar -m "$model" "$place/cut.wav" "$place/none.wav" "$short" >"$place/out" 2>&8
    status=$?
    check "and a warning and a failure with it, $bar" 1 out_has "$text_short"
done
done_testing
