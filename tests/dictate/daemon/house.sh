# SPDX-License-Identifier: MIT
#
# A house to dictate in, for tests of the whole program: a display with a window manager, a sound server with a null sink whose
# monitor is the microphone, and folders of its own. To be sourced:
#
#   house_open PROGRAM TAP     everything up; sets DISPLAY, PULSE_SERVER, XDG_*, $place. Returns 77 after saying what is missing
#   house_close
#   window_open                an xterm that runs a line reader; $typed holds what it read
#   daemon_start ARG...        `ctrlspeak dictate --no-ui ARG...` in the background; waits until it is ready
#   daemon_end                 quit; its exit status
#   speak FILE                 plays a sound file into the microphone and waits for its end
#   typed_is TEXT              presses Return and waits until the reader has exactly this line
#   wait_for SECONDS COMMAND   until it succeeds; at least four times as long, for a busy machine is no failure
#   check NAME COMMAND         one line of TAP

here=${here:-$(cd "$(dirname "$0")" && pwd)}
n=0 bad=0

check() {
    n=$((n + 1))
    check_name=$1
    shift
    if "$@"; then
        echo "ok $n - $check_name"
    else
        bad=1
        echo "not ok $n - $check_name"
        [ ! -e "$place/log" ] || tail -n 12 "$place/log" | sed 's/^/# log: /'
        [ ! -s "$place/stderr" ] || sed 's/^/# stderr: /' "$place/stderr" | tail -n 10
    fi
}

# skip_all REASON
skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

# What is installed must come up: a whole program's tests are not silently left out.
house_fails() {
    echo "not ok 1 - $1"
    echo "1..1"
    exit 1
}

wait_for() {
    wait_end=$(($(date +%s) + 3 * $1)) # by the clock: under a sanitizer a command takes long
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt $wait_end ] || return 1
        sleep 0.02
    done
}

house_open() {
    program=$1 tap=$2
    for house_tool in Xvfb openbox xterm xdotool xclip setxkbmap pulseaudio pactl paplay; do
        command -v $house_tool >/dev/null || skip_all "there is no $house_tool here"
    done
    place=$(mktemp -d) || exit 1
    chmod 755 "$place"
    trap house_close EXIT
    . "$here/../capture/sound_server.sh"
    sound_server_start "$place/sound" || house_fails "no sound server comes up"
    export PULSE_SERVER=unix:$place/sound/native
    export HOME=$place/home XDG_CONFIG_HOME=$place/config XDG_STATE_HOME=$place/state XDG_DATA_HOME=$place/data \
        XDG_CACHE_HOME=$place/cache XDG_RUNTIME_DIR=$place/run
    # The fingers' timing is not what is tested, and a busy machine makes it uneven.
    export CS_DICTATE_TAP_GAP_MS=2000 CS_DICTATE_TAP_MS=1000
    unset DBUS_SESSION_BUS_ADDRESS NOTIFY_SOCKET JOURNAL_STREAM WAYLAND_DISPLAY CS_MODEL
    mkdir -p "$HOME" "$XDG_RUNTIME_DIR" "$XDG_CONFIG_HOME/ctrlspeak"
    chmod 700 "$XDG_RUNTIME_DIR"
    # -noreset: otherwise it throws out whoever comes while the last client is leaving
    Xvfb -displayfd 5 -screen 0 1024x768x24 -nolisten tcp -noreset 5>"$place/display" 2>/dev/null >/dev/null &
    xvfb=$!
    wait_for 10 test -s "$place/display" || house_fails "Xvfb does not come up"
    export DISPLAY=:$(cat "$place/display")
    openbox >/dev/null 2>&1 &
    openbox=$!
    wait_for 10 sh -c 'xdotool get_num_desktops' || house_fails "openbox does not come up"
}

house_close() {
    trap - EXIT
    window_close
    [ -z "${daemon:-}" ] || kill -KILL "$daemon" 2>/dev/null
    [ -z "${openbox:-}" ] || kill "$openbox" 2>/dev/null
    [ -z "${xvfb:-}" ] || kill "$xvfb" 2>/dev/null
    sound_server_stop "$place/sound"
    wait 2>/dev/null
    rm -rf "$place"
}

window_open() {
    typed=$place/typed
    : >"$typed"
    xterm -title reader -e sh -c "trap '' INT; while IFS= read -r line; do printf '%s\n' \"\$line\" >>'$typed'; done" >/dev/null 2>&1 &
    window=$!
    wait_for 10 sh -c "xdotool search --onlyvisible --class xterm" || return 1
    xdotool search --onlyvisible --class xterm windowactivate --sync >/dev/null 2>&1
    wait_for 5 sh -c '[ "$(xdotool getactivewindow getwindowname)" = reader ]'
}

window_close() {
    [ -z "${window:-}" ] || kill "$window" 2>/dev/null
    window=
}

state_is() {
    "$program" dictate status --json 2>/dev/null | grep -q "\"state\": \"$1\""
}

daemon_start() {
    rm -f "$place/stdout" "$place/stderr"
    "$program" dictate --no-ui "$@" >"$place/stdout" 2>"$place/stderr" </dev/null &
    daemon=$!
    log=$XDG_STATE_HOME/ctrlspeak/dictate.log
    ln -sf "$log" "$place/log"
    wait_for 20 state_is ready
}

daemon_end() {
    "$program" dictate quit
    wait "$daemon"
    daemon_status=$?
    daemon=
    return $daemon_status
}

speak() {
    sound_server_play "$place/sound" "$1"
}

last_line_is() {
    [ "$(tail -n 1 "$typed")" = "$1" ]
}

typed_is() {
    "$tap" key:Return >/dev/null
    wait_for 5 last_line_is "$1" && return
    echo "# typed: $(tail -n 1 "$typed"), expected: $1"
    return 1
}
