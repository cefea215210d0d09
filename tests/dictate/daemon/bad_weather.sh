#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bad_weather.sh PROGRAM TAP SAMPLES: each thing that can be missing or break: one clear sentence, the documented status or state,
# and no sound lost.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/house.sh"
samples=$3
house_open "$1" "$2"
words=$(cat "$samples/loudspeakers.txt")
log=$place/state/ctrlspeak/dictate.log
ln -sf "$log" "$place/log"

# start_fails STATUS PATTERN ARG...
start_fails() {
    want=$1 pattern=$2
    shift 2
    timeout 20 "$program" dictate --no-ui "$@" >"$place/stdout" 2>"$place/stderr" </dev/null
    met=$?
    [ $met = "$want" ] && grep -qE "$pattern" "$place/stderr" && [ "$(wc -l <"$place/stderr")" -le 3 ] && return
    echo "# status $met, expected $want"
    return 1
}

spool_has() {
    [ "$(ls "$place/state/ctrlspeak/spool" 2>/dev/null | wc -l)" = "$1" ]
}

history_has() {
    "$program" history list 2>/dev/null | grep -q "$1"
}

# ---- before it starts
check "no such model" start_fails 4 'there is no such file' --model "nowhere"
head -c 100000 "$here/../../../models/ctrlspeak-small.nemo" >"$place/damaged.nemo"
printf '[dictate]\ngesure = triple:ctrl\n' >"$place/config/ctrlspeak/config"
check "unknown key: line and nearest" start_fails 2 'config:2: .*gesure.*gesture'
printf 'audio.cue_volume = loud\n' >"$place/config/ctrlspeak/config"
check "a value that is none" start_fails 2 'config:1: .*loud'
rm "$place/config/ctrlspeak/config"
check "a gesture that is none" start_fails 2 'sextuple' --gesture sextuple:ctrl
check "a way that is none" start_fails 2 'telepathy' --deliver telepathy
printf '[deliver]\nrule = Emacs\n' >"$place/config/ctrlspeak/config"
check "a rule that is none" start_fails 2 'Emacs.*CLASS=CHORD'
"$program" doctor >"$place/said" 2>&1
check "doctor: a rule that is none" grep -q '^missing *config .*Emacs.*CLASS=CHORD' "$place/said"
rm "$place/config/ctrlspeak/config"
check "a language that is none" start_fails 2 'the language to hear.*such as de' --source-lang d,e
check "no daemon: status says so" sh -c "'$program' dictate status 2>&1 >/dev/null | grep -q 'no dictation runs'"
"$program" dictate stop 2>/dev/null
check "no daemon: status 7" test $? = 7

# ---- a damaged model: the daemon runs and says it, and a good one can be chosen
daemon_start_error() {
    "$program" dictate --no-ui "$@" >"$place/stdout" 2>"$place/stderr" </dev/null &
    daemon=$!
    wait_for 20 state_is error
}
check "damaged model: state error" daemon_start_error --model "$place/damaged.nemo" --source "file:$samples/loudspeakers.wav" --deliver none
check "damaged model: one sentence" grep -q 'damaged.nemo' "$place/stderr"
check "damaged model: a recording is taken all the same" "$program" dictate start
sleep 0.7 # less than the sample is long
"$program" dictate stop 2>"$place/said"
check "damaged model: the stop tells" test $? = 5
check "damaged model: the sound is kept" spool_has 1
check "damaged model: ends" daemon_end
rm -rf "$place/state/ctrlspeak/spool"

# ---- no display
display=$DISPLAY
unset DISPLAY
check "no display: starts" daemon_start
check "no display: says what does not work" grep -qi 'display' "$place/stderr"
check "no display: recording by command" "$program" dictate start
speak "$samples/loudspeakers.wav"
"$program" dictate stop 2>"$place/said"
check "no display: status 8" test $? = 8
check "no display: the text is in the history" wait_for 10 history_has "${words%% *}"
check "no display: the sound is kept, too" spool_has 1
check "no display: ends" daemon_end
rm -rf "$place/state/ctrlspeak/spool"
export DISPLAY=$display
"$program" history clear --yes >/dev/null

# ---- no sound server
server=$PULSE_SERVER
export PULSE_SERVER=unix:$place/nowhere
check "no sound server: starts" daemon_start --source pulse
"$program" dictate start 2>"$place/said"
check "no sound server: start says so" test $? != 0
check "no sound server: in a sentence" grep -qi 'sound\|pulse\|server' "$place/said"
check "no sound server: state error" wait_for 2 state_is error
export PULSE_SERVER=$server
check "no sound server: ends" daemon_end

# ---- the microphone hears the cues, and nothing else
hears_nothing() {
    "$program" dictate start || return 1
    sleep "$1"
    "$program" dictate stop 2>"$place/said"
    [ $? = 3 ] && grep -q 'no speech' "$place/said"
}
check "silence: starts" daemon_start
check "silence: the start cue is no speech" hears_nothing 1
check "silence: nor is the stop cue of the one before" hears_nothing 0.3
check "silence: nor both" hears_nothing 0.3
check "silence: the history is empty" sh -c "[ -z \"\$('$program' history list --json | grep text)\" ]"
check "silence: nothing is kept" spool_has 0
check "silence: ends" daemon_end

# ---- the plug is pulled while it records
check "killed: starts" daemon_start
"$program" dictate start
wait_for 5 state_is recording
speak "$samples/loudspeakers.wav"
sleep 1.5 # what was played has arrived, on however busy a machine
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null
daemon=
check "killed: the sound is there" spool_has 1
check "killed: the lock is stale, the next starts" daemon_start
check "killed: the next one has the words" wait_for 20 history_has "${words% rear*}"
check "killed: and the spool is empty" wait_for 5 spool_has 0
check "killed: ends" daemon_end
"$program" history clear --yes >/dev/null

check "ended while recording: starts" daemon_start
"$program" dictate start
wait_for 5 state_is recording
speak "$samples/loudspeakers.wav"
sleep 1.5 # what was played has arrived, on however busy a machine
check "ended while recording: ends" daemon_end
check "ended while recording: the sound is there" spool_has 1
check "ended while recording: the next starts" daemon_start
check "ended while recording: and has the words" wait_for 20 history_has "${words% rear*}"
daemon_end
"$program" history clear --yes >/dev/null

# ---- the display goes away while it records
check "display gone: starts" daemon_start
"$tap" triple >/dev/null
wait_for 5 state_is recording
speak "$samples/loudspeakers.wav"
kill -KILL "$xvfb"
xvfb=
check "display gone: the recording is ended, its text kept" wait_for 20 history_has "$words"
check "display gone: it lives" sh -c "'$program' dictate status >/dev/null"
Xvfb "$DISPLAY" -screen 0 1024x768x24 -nolisten tcp >/dev/null 2>&1 &
xvfb=$!
wait_for 10 xdotool getmouselocation
openbox >/dev/null 2>&1 &
openbox=$!
wait_for 10 sh -c 'xdotool get_num_desktops'
check "display back: a window" window_open
check "display back: keys are heard again" wait_for 20 sh -c "'$program' dictate status | grep -q '^keys *x11'"
"$tap" triple >/dev/null
check "display back: three taps" wait_for 5 state_is recording
speak "$samples/loudspeakers.wav"
"$tap" triple >/dev/null
check "display back: the words are in the window" wait_for 10 grep -q 'to="delivered"' "$log"
check "display back: as they were said" typed_is "$words "
window_close
kill "$openbox" "$xvfb" 2>/dev/null
xvfb='' openbox=''
check "display gone: ends" daemon_end
"$program" history clear --yes >/dev/null
unset DISPLAY

# ---- disks
if [ "$(id -u)" = 0 ] && mkdir "$place/small" && mount -t tmpfs -o size=64k none "$place/small" 2>/dev/null; then
    export XDG_STATE_HOME=$place/small
    log=$place/small/ctrlspeak/dictate.log
    check "disk full: starts" daemon_start --source "file:$samples/loudspeakers.wav" --deliver "file:$place/out"
    head -c 100000 /dev/zero >"$place/small/filler" 2>/dev/null
    "$program" dictate start
    wait_for 10 test -s "$place/out"
    "$program" dictate stop 2>/dev/null
    check "disk full: the words arrive" wait_for 10 grep -q "$words" "$place/out"
    check "disk full: it is said" grep -qi 'space\|full' "$place/stderr"
    check "disk full: ends" daemon_end
    export XDG_STATE_HOME=$place/state
    log=$place/state/ctrlspeak/dictate.log
    umount "$place/small"
else
    n=$((n + 1))
    echo "ok $n - disk full # SKIP only root can mount a small disk"
fi

# ---- a home that cannot be written
if [ "$(id -u)" = 0 ] && mkdir -p "$place/fixed" && mount -t tmpfs -o ro none "$place/fixed" 2>/dev/null; then
    export XDG_STATE_HOME=$place/fixed XDG_CONFIG_HOME=$place/fixed XDG_DATA_HOME=$place/fixed XDG_CACHE_HOME=$place/fixed
    rm -f "$place/out"
    check "home read-only: starts" daemon_start --source "file:$samples/loudspeakers.wav" --deliver "file:$place/out"
    check "home read-only: it is said" grep -qi 'read-only' "$place/stderr"
    "$program" dictate start
    check "home read-only: the words arrive" wait_for 20 grep -q "$words" "$place/out"
    check "home read-only: last tells them" sh -c "'$program' dictate last | grep -q '$words'"
    check "home read-only: ends" daemon_end
    umount "$place/fixed"
else
    n=$((n + 1))
    echo "ok $n - home read-only # SKIP only root can mount one"
fi

echo "1..$n"
exit $bad
