#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dictate.sh [--runs N] [--program FILE] [--tap FILE] [ARG...]: N dictations (50) as a user would make them, on a display and a sound
# server of their own, and the time of every stage: p50 and p95, on the monotonic clock from the key event on. ARG... goes to
# `ctrlspeak dictate`: --worker process, --model FILE, --deliver type.
#
# "arm" ends when the microphone is asked for, "first_buffer" is the sound server's own time, "decode" the model's.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
here=$root/tests/dictate/daemon
runs=50 program=$root/build/ctrlspeak tap=$root/build/tests/dictate/daemon/tap
while [ $# -gt 0 ]; do
    case $1 in
    --runs) runs=$2 && shift 2 ;;
    --program) program=$2 && shift 2 ;;
    --tap) tap=$2 && shift 2 ;;
    *) break ;;
    esac
done
. "$here/house.sh"
house_open "$program" "$tap"
window_open || exit 1
daemon_start "$@" || exit 1
lscpu | sed -n 's/^Model name: *//p' | head -n 1
i=0 bad=0
while [ $i -lt "$runs" ]; do
    i=$((i + 1))
    case $((i % 3)) in 0) file=digits ;; 1) file=commands ;; *) file=loudspeakers ;; esac
    "$tap" triple >/dev/null
    wait_for 5 state_is recording || bad=$((bad + 1))
    speak "$root/samples/$file.wav"
    "$tap" triple >/dev/null
    wait_for 10 sh -c "grep -c 'to=\"\(not \)\?delivered\"' '$log' | grep -qx $i" || bad=$((bad + 1))
done
"$program" dictate status | grep -E '^(model|dictations|latency)'
echo "$((runs - $(grep -c 'to="delivered"' "$log"))) of $runs were not delivered"
daemon_end
exit $bad
