#!/bin/sh
# SPDX-License-Identifier: MIT
#
# symbols.sh SYMBOLS HEADER SHARED STATIC: the libraries export what the committed list says, which is what the header
# declares, and nothing else; and they hold nothing that changes outside of objects. After an intended change of the
# header, write the list anew with the awk line below.
set -u
symbols=$1 header=$2 shared=$3 static=$4
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
n=0 bad=0
LC_ALL=C
export LC_ALL

# same WHAT EXPECTED MET
same() {
    n=$((n + 1))
    if diff "$2" "$3" >"$scratch/difference"; then
        echo "ok $n - $1"
    else
        bad=1
        sed -n 's/^</# only expected:/p; s/^>/# only met:/p' "$scratch/difference"
        echo "not ok $n - $1"
    fi
}

awk '/^CS_API/ { text = $0; while (text !~ /\(/ && (getline line) > 0) text = text line
                 if (match(text, /cs_[a-z0-9_]+\(/)) print substr(text, RSTART, RLENGTH - 1) }' "$header" | sort >"$scratch/header"
sort "$symbols" >"$scratch/list"
same "the list is what the header declares" "$scratch/list" "$scratch/header"

nm -D --defined-only "$shared" | awk '{ print $NF }' | sed 's/@.*//' | sort >"$scratch/exported"
same "the shared library exports the list" "$scratch/list" "$scratch/exported"

: >"$scratch/nothing"
nm -g --defined-only "$static" | awk 'NF == 3 { print $3 }' | grep -v '^cs_\|^csi_' | sort -u >"$scratch/strange"
same "the static library has only cs_ and csi_ names" "$scratch/nothing" "$scratch/strange"

# System V columns: name | value | class | type | size | line | section
nm --format=sysv --defined-only "$static" 2>/dev/null | awk -F '|' '{ gsub(/ /, "") }
    $7 ~ /^[.](data|bss|tdata|tbss)/ && $7 !~ /^[.]data[.]rel[.]ro/ && $4 != "SECTION" { print $1, $7 }' | sort -u >"$scratch/mutable"
same "no global changes" "$scratch/nothing" "$scratch/mutable"

nm -D --undefined-only "$shared" | awk '{ print $NF }' | sed 's/@.*//' | sort -u \
    | grep -x 'getenv\|secure_getenv\|exit\|_exit\|abort\|fork\|vfork\|system\|popen\|posix_spawnp*\|printf\|puts\|putchar\|perror\|stdin\|stdout\|stderr' \
        >"$scratch/forbidden"
same "nothing is printed, ended, started or asked of the environment" "$scratch/nothing" "$scratch/forbidden"

echo "1..$n"
exit $bad
