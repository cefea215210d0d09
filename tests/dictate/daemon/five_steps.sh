#!/bin/sh
# SPDX-License-Identifier: MIT
#
# five_steps.sh PROGRAM TAP SAMPLES: the program as it is used, by nobody's hand. Five steps:
#   1 start it, with the model loaded; 2 triple-tap Ctrl; 3 speak; 4 triple-tap Ctrl;
#   5 the words are in the window, and the log tells of nothing but success.
# Then the same for every circumstance that has ever broken a program of this kind.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/house.sh"
samples=$3
house_open "$1" "$2"
words=$(cat "$samples/digits.txt")
other=$(cat "$samples/commands.txt")

log_is_clean() {
    ! grep -nE ' (warning|error) |fds_to_keep' "$log" && ! [ -s "$place/stderr" ]
}

# dictate FILE: steps 2 to 4, until it is done.
dictate() {
    "$tap" triple >/dev/null
    wait_for 5 state_is recording || return 1
    speak "$1"
    "$tap" triple >/dev/null
    wait_for 20 sh -c "grep -c 'to=\"delivered\"' '$log' | grep -qx $2"
}

# five_steps NAME ARG...
five_steps() {
    name=$1
    shift
    : >"$place/state/ctrlspeak/ctrlspeak.log" 2>/dev/null
    check "$name: starts, with the model loaded" daemon_start "$@"
    check "$name: three taps, speech, three taps" dictate "$samples/digits.wav" 1
    check "$name: the words are in the window" typed_is "$words "
    check "$name: the log has the time that it took" grep -qE 'Transcription completed in [0-9]+\.[0-9][0-9] seconds' "$log"
    check "$name: twice in a row" dictate "$samples/commands.wav" 2
    check "$name: and again" typed_is "$other "
    check "$name: the history has both" sh -c "'$program' history list --json | grep -c '\"text\"' | grep -qx 2"
    check "$name: quits" daemon_end
    check "$name: no warning, no error, nothing on stderr" log_is_clean
    "$program" history clear --yes >/dev/null
}

check "a window with a line reader" window_open
five_steps "thread" --worker thread
five_steps "process" --worker process

[ $bad = 0 ] || echo "# see above"
echo "1..$n"
exit $bad
