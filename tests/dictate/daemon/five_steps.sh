#!/bin/sh
# SPDX-License-Identifier: MIT
#
# five_steps.sh PROGRAM TAP SAMPLES thread|process: the program as it is used, by nobody's hand. Five steps:
#   1 start it, with the model loaded; 2 triple-tap Ctrl; 3 speak; 4 triple-tap Ctrl;
#   5 the words are in the window, and the log tells of nothing but success.
# Then the same in every circumstance that has ever broken a program of this kind.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/house.sh"
samples=$3 worker=$4
house_open "$1" "$2"
words=$(cat "$samples/loudspeakers.txt")
other=$(cat "$samples/commands.txt")

log_is_clean() {
    ! grep -nE ' (warning|error) |fds_to_keep' "$log" && ! [ -s "$place/stderr" ]
}

delivered_is() {
    [ "$(grep -c 'to="delivered"' "$log")" = "$1" ]
}

# dictate FILE N: steps 2 to 4, until it is the N-th of this run that was delivered.
dictate() {
    "$tap" triple >/dev/null
    wait_for 5 state_is recording || return 1
    speak "$1"
    "$tap" triple >/dev/null
    wait_for 20 delivered_is "$2"
}

fresh_log() {
    rm -f "$place/state/ctrlspeak/dictate.log"
}

# run_of NAME [ARG...]: the five steps, once.
run_of() {
    name=$1
    shift
    fresh_log
    check "$name: starts" daemon_start --worker "$worker" "$@"
    check "$name: three taps, speech, three taps" dictate "$samples/loudspeakers.wav" 1
    check "$name: the words are in the window" typed_is "$words "
    check "$name: ends" daemon_end
    check "$name: no warning, no error, nothing on stderr" log_is_clean
}

check "a window with a line reader" window_open

# ---- the five steps themselves
fresh_log
check "starts, with the model loaded" daemon_start --worker "$worker"
check "one model lives" sh -c "'$program' dictate status --json | grep -q '\"live_models\": 1,'"
check "three taps, speech, three taps" dictate "$samples/loudspeakers.wav" 1
check "the words are in the window" typed_is "$words "
check "the log has the time that it took" grep -qE 'Transcription completed in [0-9]+\.[0-9][0-9] seconds' "$log"
check "twice in a row" dictate "$samples/commands.wav" 2
check "and again the words" typed_is "$other "
check "the log has no spoken word" sh -c "! grep -q '${words%% *}\|${other%% *} ' '$log'"
check "the history has both" sh -c "'$program' history list --json | grep -o '\"text\"' | wc -l | grep -qx 2"
check "last tells the last" sh -c "[ \"\$('$program' dictate last)\" = '$other ' ]"
check "paste-last" "$program" dictate paste-last
check "is in the window again" typed_is "$other "
microphone_is_closed() {
    [ -z "$(sound_server_pactl "$place/sound" list short source-outputs)" ]
}
check "the microphone is closed" microphone_is_closed
"$tap" taps:2 >/dev/null
check "two taps open it" wait_for 2 state_is armed
check "and let it go when there is no third" wait_for 6 microphone_is_closed
"$tap" cc >/dev/null
sleep 0.3
check "Ctrl+C three times quickly is no gesture" state_is ready
"$tap" key:Return >/dev/null
check "no spool is left" sh -c "[ -z \"\$(ls -A '$place/state/ctrlspeak/spool' 2>/dev/null)\" ]"
check "files are the user's alone" sh -c \
    "[ -z \"\$(find '$place/state/ctrlspeak' '$place/run/ctrlspeak' -perm /077 ! -type l 2>/dev/null)\" ]"
"$program" dictate --no-ui >/dev/null 2>"$place/second"
check "a second one does not start" test $? = 6
check "and says why" grep -q 'runs already (process' "$place/second"
check "ends" daemon_end
check "no warning, no error, nothing on stderr" log_is_clean

# ---- descriptors
fresh_log
sh -c "exec '$program' dictate --no-ui --worker $worker <&- >&- 2>&-" &
daemon=$!
log=$place/state/ctrlspeak/dictate.log
: >"$place/stderr"
check "descriptors 0 to 2 closed: starts" wait_for 20 state_is ready
check "descriptors 0 to 2 closed: dictates" dictate "$samples/loudspeakers.wav" 1
check "descriptors 0 to 2 closed: the words" typed_is "$words "
check "descriptors 0 to 2 closed: ends" daemon_end
check "descriptors 0 to 2 closed: clean" log_is_clean

fresh_log
mkfifo "$place/full"
sleep 600 <"$place/full" &
nobody=$!
(
    exec 9>"$place/full"
    timeout 1 cat /dev/zero >&9 2>/dev/null
    exec "$program" dictate --no-ui --worker "$worker" </dev/null >/dev/null 2>&9
) &
daemon=$!
check "stderr a full pipe: starts" wait_for 20 state_is ready
check "stderr a full pipe: dictates" dictate "$samples/loudspeakers.wav" 1
check "stderr a full pipe: the words" typed_is "$words "
check "stderr a full pipe: ends" daemon_end
check "stderr a full pipe: clean" log_is_clean
kill "$nobody"

# ---- keyboards
for layout in de fr; do
    setxkbmap "$layout"
    run_of "layout $layout"
    run_of "layout $layout, typed" --deliver type
done
setxkbmap us

fresh_log
check "a modifier held: starts" daemon_start --worker "$worker"
"$tap" triple >/dev/null
wait_for 5 state_is recording
speak "$samples/loudspeakers.wav"
"$tap" triple down:Shift_L wait:400 up:Shift_L >/dev/null
check "a modifier held: waits, then delivers" wait_for 5 delivered_is 1
check "a modifier held: the words" typed_is "$words "
check "a modifier held: ends" daemon_end

# ---- the sound server goes away in the middle
fresh_log
check "sound server restarted: starts" daemon_start --worker "$worker"
"$tap" triple >/dev/null
wait_for 5 state_is recording
speak "$samples/loudspeakers.wav"
check "sound server restarted: it is" sound_server_restart "$place/sound"
listens_again() {
    [ -n "$(sound_server_pactl "$place/sound" list short source-outputs)" ]
}
check "sound server restarted: the microphone is opened again" wait_for 10 listens_again
sleep 0.5
speak "$samples/loudspeakers.wav"
"$tap" triple >/dev/null
check "sound server restarted: delivered" wait_for 20 delivered_is 1
check "sound server restarted: what was said before and after" typed_is "$words $words "
check "sound server restarted: ends" daemon_end

# ---- what was in the clipboard comes back
fresh_log
head -c 5000000 /dev/urandom | base64 -w 0 | head -c 5000000 >"$place/large"
printf '<b>bold</b>' >"$place/html"
printf '\211PNG\r\n\032\n some picture' >"$place/png"
check "clipboard: starts" daemon_start --worker "$worker"
i=0
clipboard_is() {
    xclip -selection clipboard -t "$1" -o 2>/dev/null | cmp -s - "$2"
}
for what in UTF8_STRING:large text/html:html image/png:png; do
    i=$((i + 1))
    xclip -selection clipboard -t "${what%:*}" -i "$place/${what#*:}"
    check "clipboard ${what%:*}: dictates" dictate "$samples/loudspeakers.wav" $i
    check "clipboard ${what%:*}: the words" typed_is "$words "
    check "clipboard ${what%:*}: is back" wait_for 5 clipboard_is "${what%:*}" "$place/${what#*:}"
done
check "clipboard: ends" daemon_end
check "clipboard: clean" log_is_clean

# ---- nobody reads
fresh_log
window_close
wait_for 5 sh -c "! xdotool search --onlyvisible --class xterm"
check "no reader: starts" daemon_start --worker "$worker"
"$tap" triple >/dev/null
wait_for 5 state_is recording
speak "$samples/loudspeakers.wav"
"$tap" triple >/dev/null
check "no reader: not delivered" wait_for 10 grep -q 'to="not delivered"' "$log"
check "no reader: it is said" grep -q 'warning' "$place/stderr"
check "no reader: the text is kept" sh -c "[ \"\$('$program' dictate last)\" = '$words ' ]"
check "no reader: a window comes" window_open
check "no reader: paste-last" "$program" dictate paste-last
check "no reader: the words" typed_is "$words "
check "no reader: ends" daemon_end

echo "1..$n"
exit $bad
