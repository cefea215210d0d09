#!/bin/sh
# SPDX-License-Identifier: MIT
#
# display.sh: a screen of one's own for a test.
#
#   display.sh start FOLDER [OPTION...]   start an Xvfb (OPTIONs go to it), print its name (":7"); FOLDER gets `display`
#                                         and `pid`. Returns when the server answers. Exit status 77: no Xvfb here
#   display.sh stop FOLDER                end it, wait for its end
#   display.sh layout FOLDER LAYOUTS [DEVICE]
#                                         setxkbmap on it: "us", "de", "us,ru"; DEVICE: of one keyboard alone (5 is the
#                                         one that XTEST speaks for); exit status 77: no setxkbmap
#
# Free display numbers are the server's business (-displayfd), so tests may run side by side.
set -u
folder=${2:?display.sh start|stop|layout FOLDER ...}

case ${1:-} in
start)
    shift 2
    command -v Xvfb >/dev/null && command -v xkbcomp >/dev/null || exit 77 # it compiles its keymap by that
    mkdir -p "$folder" || exit 1
    # The number comes through a named pipe: reading it waits exactly until the server is ready or dead.
    rm -f "$folder/number"
    mkfifo "$folder/number" || exit 1
    # -noreset: it outlives the last client.
    Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp -noreset "$@" \
        3>"$folder/number" </dev/null >"$folder/xvfb.log" 2>&1 &
    echo $! >"$folder/pid"
    number=
    read -r number <"$folder/number"
    rm -f "$folder/number"
    if [ -z "$number" ]; then
        echo "display.sh: Xvfb did not start:" >&2
        cat "$folder/xvfb.log" >&2
        exit 1
    fi
    echo ":$number" >"$folder/display"
    echo ":$number"
    ;;
stop)
    [ -s "$folder/pid" ] || exit 0
    pid=$(cat "$folder/pid")
    kill "$pid" 2>/dev/null
    # Not our child; its process entry goes away when it has ended.
    while kill -0 "$pid" 2>/dev/null; do
        case $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) in Z*) break ;; esac
        sleep 0.02
    done
    rm -f "$folder/pid" "$folder/display"
    ;;
layout)
    command -v setxkbmap >/dev/null && command -v xkbcomp >/dev/null || exit 77
    setxkbmap -display "$(cat "$folder/display")" ${4:+-device "$4"} -layout "${3:?a layout}"
    ;;
*)
    echo "display.sh: start, stop or layout, not '${1:-}'" >&2
    exit 2
    ;;
esac
