# SPDX-License-Identifier: MIT
#
# For tests of commands from outside, to be sourced with $program set: $place is a folder of their own, and no CS_ variable is
# left. A test defines run(), which puts stdout, stderr and $status where check() looks for them.

place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
n=0 bad=0
for variable in $(env | sed -n 's/^\(CS_[A-Z_]*\)=.*/\1/p'); do unset "$variable"; done

# check WHAT STATUS TEST...: the last run ended with STATUS, and each TEST, evaluated, holds.
check() {
    what=$1 result=0
    [ "$status" = "$2" ] || result=1
    shift 2
    for test in "$@"; do
        eval "$test" || result=1
    done
    n=$((n + 1))
    if [ $result = 0 ]; then
        echo "ok $n - $what"
    else
        bad=1
        echo "# status $status"
        sed 's/^/# out: /' "$place/out" | head -n 20
        sed 's/^/# err: /' "$place/err" | head -n 20
        echo "not ok $n - $what"
    fi
}

quiet='[ ! -s "$place/err" ]'
silent='[ ! -s "$place/out" ]'
out_is() { printf '%s\n' "$1" | cmp -s - "$place/out"; }
out_has() { grep -qF -- "$1" "$place/out"; }
err_is() { printf '%s\n' "$1" | cmp -s - "$place/err"; }
err_has() { grep -qF -- "$1" "$place/err"; }
