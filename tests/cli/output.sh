#!/bin/sh
# SPDX-License-Identifier: MIT
# Where output goes: files whole or not at all, full disks, closed pipes, interrupts, the bar.
. "$(dirname "$0")/cli.sh"

# left WHAT EXPECTED: what is in the folder $place/o.
left() {
    [ "$(ls -A "$place/o" | tr '\n' ' ')" = "$2" ] && ok "$1" || { ls -lA "$place/o" >"$place/out"; not_ok "$1"; }
}

mkdir "$place/o"
transcribe -o "$place/o/text" "$short"
check "-o" 0 silent
[ "$(cat "$place/o/text")" = "$text_short" ] && ok "has the text" || not_ok "has the text"
transcribe -o "$place/o/text" "$place/none.wav"
check "a failure" 3 err_has "cannot open"
[ "$(cat "$place/o/text")" = "$text_short" ] && ok "leaves the old file" || not_ok "leaves the old file"
left "and nothing else" "text "
transcribe -o "$place/missing/text" "$short"
check "no such folder" 5 err_has "error output $place/missing/text: cannot create: No such file"
transcribe -o "$place/o" "$short"
check "a folder is no output file" 5 err_has "$place/o"

mkdir -p "$place/in/x" "$place/in/y"
cp "$short" "$place/in/x/a.wav"
cp "$long" "$place/in/y/a.wav"
transcribe --output-dir "$place/tree" "$place/in"
check "--output-dir keeps the folder's shape" 0 test -f "$place/tree/x/a.txt" -a -f "$place/tree/y/a.txt"
transcribe --output-dir "$place/flat" "$place/in/x/a.wav" "$place/in/y/a.wav" "$place/in/x/a.wav"
check "same names do not meet" 0 test "$(ls "$place/flat" | tr '\n' ' ')" = "a.txt a.wav-2.txt a.wav.txt "
[ "$(cat "$place/flat/a.wav.txt")" = "$text_long" ] && ok "each its own text" || not_ok "each its own text"

if [ -c /dev/full ]; then
    transcribe -o /dev/full "$short"
    check "a full device" 5 err_is "error output /dev/full: cannot write: No space left on device"
    "$program" transcribe -m "$model" "$short" >/dev/full 2>"$place/err"
    status=$?
    check "standard output is full" 5 err_is "error output standard output: cannot write: No space left on device"
    "$program" --help >/dev/full 2>"$place/err"
    status=$?
    check "no room for --help" 5 err_has "standard output: cannot write"
else
    skip "no /dev/full"; skip "no /dev/full"; skip "no /dev/full"
fi
# A limit on the size of files is a full disk that any user can have.
run sh -c 'ulimit -f 1; exec "$0" transcribe -m "$1" -f json -o "$2/o/text" "$3" "$3"' "$program" "$model" "$place" "$long"
check "a disk that fills up" 5 err_has "error output $place/o/text: cannot write: File too large"
[ "$(cat "$place/o/text")" = "$text_short" ] && ok "leaves the old file" || not_ok "leaves the old file"
left "and no temporary file" "text "

"$program" transcribe -m "$model" "$short" >&- 2>"$place/err"
status=$?
check "closed standard output" 5 err_is "error output standard output: cannot write: Bad file descriptor"
{ "$program" transcribe -m "$model" "$short" "$long" 2>"$place/err"; echo $? >"$place/status"; } | true
status=$(cat "$place/status")
: >"$place/out"
check "a reader that goes away: quiet" 0 quiet
"$program" transcribe -m "$model" -f json - >&- 2>"$place/err" <&-
status=$?
check "closed standard input" 3 err_has "standard input: cannot read: Bad file descriptor"

# The bar.
transcribe --progress "$short"
check "a bar when asked for, and the line given back" 0 both 'grep -q "left" "$place/err" || [ ! -s "$place/err" ]' 'out_is "$text_short"'
if command -v script >/dev/null; then
    # Standard output to a file, the terminal is stderr.
    line="'$program' transcribe -m '$model' '$long' '$long' '$long' >'$place/out'"
    TERM=xterm script -qec "$line" /dev/null </dev/null >"$place/err" 2>&1
    status=$?
    check "on a terminal" 0 true
    for quiet in "TERM=dumb" "TERM=xterm NO_COLOR=1"; do
        env $quiet script -qec "$line" /dev/null </dev/null >"$place/err" 2>&1
        status=$?
        check "silent with $quiet" 0 quiet
    done
    TERM=xterm script -qec "$line --no-progress" /dev/null </dev/null >"$place/err" 2>&1
    status=$?
    check "silent with --no-progress" 0 quiet
else
    skip "script is not installed"
fi

# Interrupts. Standard input that says nothing holds the program; the first input is done by then.
wait_for() {
    i=0
    while [ $i -lt 200 ] && ! eval "$1"; do
        sleep 0.05
        i=$((i + 1))
    done
}
mkfifo "$place/silent" "$place/nobody"
exec 9<>"$place/silent"
for signal in INT TERM; do
    env --default-signal=$signal true 2>/dev/null || { skip "env cannot set signals"; continue; }
    : >"$place/out"
    env --default-signal=$signal "$program" transcribe -m "$model" -j 1 --raw s16le:16000:1 "$short" - <"$place/silent" \
        >"$place/out" 2>"$place/err" &
    pid=$!
    wait_for '[ -s "$place/out" ]'
    kill -$signal $pid
    wait $pid
    status=$?
    expected=130
    [ $signal = TERM ] && expected=143
    check "SIG$signal: what is complete is there" $expected both 'grep -qF "$text_short" "$place/out"' \
        'err_has "interrupted: 1 of 2 inputs are done"'
done
if env --default-signal=INT true 2>/dev/null; then
    echo old >"$place/o/text"
    env --default-signal=INT "$program" transcribe -m "$model" -o "$place/o/text" --raw s16le:16000:1 "$short" - \
        <"$place/silent" >"$place/out" 2>"$place/err" &
    pid=$!
    wait_for '[ "$(ls -A "$place/o" | wc -l)" = 2 ]'
    sleep 0.2
    kill -INT $pid
    wait $pid
    status=$?
    check "interrupted, -o is not written" 130 err_has "the output file was not written"
    left "nothing is left behind" "text "
    [ "$(cat "$place/o/text")" = old ] && ok "the old file is" || not_ok "the old file is"
    # A pipe that nobody opens for writing holds the program where one signal does not reach.
    env --default-signal=INT "$program" transcribe -m "$model" -o "$place/o/text" "$place/nobody" \
        >"$place/out" 2>"$place/err" </dev/null &
    pid=$!
    wait_for '[ "$(ls -A "$place/o" | wc -l)" = 2 ]'
    sleep 0.2
    kill -INT $pid
    sleep 0.2
    kill -INT $pid
    wait $pid
    status=$?
    check "the second signal stops at once" 130 true
    left "and removes the temporary file" "text "
else
    skip "env cannot set signals"
fi
done_testing
