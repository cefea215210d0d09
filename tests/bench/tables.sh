#!/bin/sh
# SPDX-License-Identifier: MIT
# tables.sh SOURCE: the tables of bench/peers.py from made-up figures whose ratios are known.
command -v python3 >/dev/null || { echo "1..0 # SKIP no python3" && exit 0; }
place=$(mktemp -d) && trap 'rm -rf "$place"' EXIT || exit 1
n=0 bad=0

# has WHAT LINE: the tables have this line.
has() {
    n=$((n + 1))
    if grep -qxF -- "$2" "$place/out"; then
        echo "ok $n - $1"
    else
        bad=1
        echo "not ok $n - $1: no line '$2'"
    fi
}

PYTHONDONTWRITEBYTECODE=1 python3 "$1/bench/peer_tables.py" "$1/tests/bench/run.json" >"$place/out" || bad=1
has "real time of ours" "| **ctrlspeak int8** | 52.4 (57.9) | 30.0 (30.0) | 1.0 | - |"
has "who ran out of memory says so" "| Quick | 34.9 (38.6) | MemoryError | 2.0 | 0.99980 |"
has "the best peer, of product and of floor" "| int8 | 11 s | 210 (190) | 200 to 220 | Quick | 315 (285) | 1.50 (1.50) | 50 % (55 %) | 104 | 2.02 (1.83) |"
has "the best of those that finished" "| int8 | 300 s | 10000 (10000) | 10000 to 10000 | Slow | 20000 (20000) | 2.00 (2.00) | 45 % (45 %) | 4490 | 2.23 (2.23) |"
has "the encoder's share" "| ctrlspeak int8 | 11 s | 250 | 44.0 | 10.0 | 200.0 | 40.0 | 80.0 % | 900 |"
has "stages" "| feed-forward | 190.0 (95.0 %) |"
has "a path against its own limit" "| avx2 | f32 | 1000 (800) | 11.0 | 1.00 | 333 | 50 % (63 %) |"
has "a path against its f32" "| avx2 | int8 | 500 (500) | 22.0 | 2.00 | 500 | 67 % (67 %) |"
has "a path that is not there" "| sse2 | int8 | ran as int8 on avx2 | - | - | - | - |"
has "a busy machine is called so" "**The machine was not idle: ratios within the run count, times do not.**"
has "what is absent is said" "ctrlspeak bf16: not measured: no such precision."
echo "1..$n"
exit $bad
