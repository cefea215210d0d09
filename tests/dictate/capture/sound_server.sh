#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A PulseAudio server of one's own, with null sinks in place of sound cards, for tests:
#
#   sound_server.sh start DIR          a server with the sink "speaker"; its source is "speaker.monitor". DIR is made.
#                                      (norewinds: a null sink otherwise sleeps for 2 s before it notices a listener)
#   sound_server.sh stop DIR           ends it (it is sent SIGTERM, then SIGKILL)
#   sound_server.sh kill DIR           SIGKILL, as in a crash
#   sound_server.sh restart DIR        kill and start
#   sound_server.sh play DIR FILE [SINK]   plays a sound file into a sink and returns when it has been played
#   sound_server.sh pactl DIR ARG...   pactl on that server
#
# Clients reach it by PULSE_SERVER=unix:DIR/native. Or source the file and call sound_server_start and so on.
#
# Exit status: 0; 1 it failed, with a sentence on stderr; 77 when there is no pulseaudio here. A server refuses to run as
# root, so root runs it as the user nobody; DIR must be where that user can get at (below /tmp, say). No file of the
# user who runs the tests is read or written: home, runtime folder and configuration are DIR.

sound_server_as_user() {
    sound_server_env="HOME=$1 XDG_RUNTIME_DIR=$1 XDG_CONFIG_HOME=$1 XDG_STATE_HOME=$1 PULSE_STATE_PATH=$1/state PULSE_RUNTIME_PATH=$1/runtime"
    shift
    if [ "$(id -u)" = 0 ]; then
        exec setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups \
            env -u DISPLAY -u PULSE_SERVER -u DBUS_SESSION_BUS_ADDRESS $sound_server_env "$@"
    fi
    exec env -u DISPLAY -u PULSE_SERVER -u DBUS_SESSION_BUS_ADDRESS $sound_server_env "$@"
}

sound_server_pactl() {
    sound_server_dir=$1
    shift
    PULSE_SERVER=unix:$sound_server_dir/native pactl "$@"
}

sound_server_start() {
    for sound_server_tool in pulseaudio pactl paplay; do
        if ! command -v $sound_server_tool >/dev/null; then
            echo "sound_server.sh: there is no $sound_server_tool here" >&2
            return 77
        fi
    done
    mkdir -p "$1/state" "$1/runtime" || return 1
    [ "$(id -u)" != 0 ] || chown -R nobody "$1" || return 1
    rm -f "$1/native"
    (sound_server_as_user "$1" pulseaudio --daemonize=no --use-pid-file=no --exit-idle-time=-1 --realtime=no \
        --high-priority=no --disable-shm=yes --log-target=file:"$1/log" -n \
        -L "module-native-protocol-unix socket=$1/native auth-anonymous=1" \
        -L "module-null-sink sink_name=speaker rate=48000 channels=2 norewinds=1" </dev/null >/dev/null 2>&1) &
    echo $! >"$1/pid"
    sound_server_tries=0
    until [ -S "$1/native" ] && sound_server_pactl "$1" info >/dev/null 2>&1; do
        sound_server_tries=$((sound_server_tries + 1))
        if [ $sound_server_tries -gt 300 ] || ! kill -0 "$(cat "$1/pid")" 2>/dev/null; then
            echo "sound_server.sh: pulseaudio does not come up in $1: $(tail -n 1 "$1/log" 2>/dev/null)" >&2
            return 1
        fi
        sleep 0.05
    done
}

# sound_server_end DIR SIGNAL: and wait until it is gone.
sound_server_end() {
    [ -s "$1/pid" ] || return 0
    sound_server_pid=$(cat "$1/pid")
    kill "-$2" "$sound_server_pid" 2>/dev/null
    sound_server_tries=0
    while kill -0 "$sound_server_pid" 2>/dev/null; do
        # a zombie of a parent that does not wait for it is gone as well
        case $(sed 's/.*) //' "/proc/$sound_server_pid/stat" 2>/dev/null) in Z*) break ;; esac
        sound_server_tries=$((sound_server_tries + 1))
        [ $sound_server_tries -ne 40 ] || kill -KILL "$sound_server_pid" 2>/dev/null
        [ $sound_server_tries -le 100 ] || return 1
        sleep 0.05
    done
    rm -f "$1/pid"
}

sound_server_stop() {
    sound_server_end "$1" TERM
}

sound_server_kill() {
    sound_server_end "$1" KILL
}

sound_server_restart() {
    sound_server_kill "$1" && sound_server_start "$1"
}

sound_server_play() {
    PULSE_SERVER=unix:$1/native paplay --device="${3:-speaker}" "$2"
}

case ${0##*/} in
sound_server.sh)
    [ $# -ge 2 ] || set -- help .
    case $1 in
    start | stop | kill | restart | play | pactl)
        sound_server_wish=$1
        shift
        "sound_server_$sound_server_wish" "$@"
        exit
        ;;
    esac
    sed -n '4,19s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
