# SPDX-License-Identifier: MIT
#
# For the scripts beside it, which get: PROGRAM GOLDEN_DATA. A check runs the program and compares status, stdout and
# stderr; the output is shown when one differs. Model: the small hybrid of the golden data; recordings: short.wav and
# long.wav there.
set -u
program=$1 data=$2
model=$data/tdt-ctc/model.nemo
short=$data/audio/short.wav long=$data/audio/long.wav
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
n=0 bad=0
unset CS_MODEL CS_THREADS CS_CPU NO_COLOR
LC_ALL=C
export LC_ALL

if [ ! -f "$model" ]; then
    echo "1..0 # SKIP the golden data is not here"
    exit 0
fi

ok() {
    n=$((n + 1))
    echo "ok $n - $1"
}

not_ok() {
    n=$((n + 1)) bad=1
    for file in out err; do
        [ -s "$place/$file" ] && head -c 3000 "$place/$file" | sed "s/^/# $file: /"
    done
    echo "# status ${status:-none}"
    echo "not ok $n - $1"
}

skip() {
    n=$((n + 1))
    echo "ok $n # SKIP $1"
}

# run COMMAND...: leaves out, err and status.
run() {
    "$@" >"$place/out" 2>"$place/err" </dev/null
    status=$?
}

# check WHAT STATUS TEST...: the last run ended with STATUS, and TEST holds.
check() {
    what=$1 expected=$2
    shift 2
    if [ "$status" = "$expected" ] && { [ $# = 0 ] || "$@"; }; then
        ok "$what"
    else
        not_ok "$what"
    fi
}

out_is() {
    printf '%s\n' "$1" | cmp -s - "$place/out"
}

out_has() {
    grep -qF -- "$1" "$place/out"
}

err_has() {
    grep -qF -- "$1" "$place/err"
}

err_is() {
    printf '%s\n' "$1" | cmp -s - "$place/err"
}

quiet() {
    [ ! -s "$place/err" ]
}

silent() {
    [ ! -s "$place/err" ] && [ ! -s "$place/out" ]
}

both() {
    eval "$1" && eval "$2"
}

# json TEST: Python's reader agrees, when there is one.
json() {
    command -v python3 >/dev/null || return 0
    python3 -c "import json, sys; d = json.load(open(sys.argv[1])); sys.exit(0 if ($1) else 1)" "$place/out"
}

done_testing() {
    echo "1..$n"
    exit $bad
}

# le NUMBER BYTES: little endian.
le() {
    number=$1 i=0
    while [ $i -lt "$2" ]; do
        printf "\\$(printf %o $((number & 255)))"
        number=$((number >> 8)) i=$((i + 1))
    done
}

# float_wav N_SAMPLES: head of a mono 16 kHz float WAV; the samples follow.
float_wav() {
    printf RIFF; le $((36 + $1 * 4)) 4; printf 'WAVEfmt '; le 16 4; le 3 2; le 1 2; le 16000 4; le 64000 4; le 4 2; le 32 2
    printf data; le $(($1 * 4)) 4
}

transcribe() {
    run "$program" transcribe -m "$model" "$@"
}

run "$program" transcribe -m "$model" "$short"
if grep -q 'this build has no decoder' "$place/err"; then
    echo "1..0 # SKIP this build reads no WAV"
    exit 0
fi
text_short=$("$program" transcribe -m "$model" "$short") text_long=$("$program" transcribe -m "$model" "$long")
