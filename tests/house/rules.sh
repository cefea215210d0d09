#!/bin/sh
# SPDX-License-Identifier: MIT
#
# rules.sh [ROOT]: the house's rules that can be read off the source text, as TAP. A broken rule lists where.
# Needs only a POSIX shell with awk, grep and find. selftest.sh shows that each rule can fail.
set -u
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-.}" || exit 1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
n=0 broken=0

# rule NAME: passes when what was found before it is nothing; otherwise shows it.
rule() {
    n=$((n + 1))
    if [ -s "$scratch/found" ]; then
        broken=1
        sed 's/^/# /' "$scratch/found"
        echo "not ok $n - $1"
    else
        echo "ok $n - $1"
    fi
}

# calls FILE-PATTERN EXCEPT NAME...: where code calls one of the functions.
calls() {
    where=$1 except=$2
    shift 2
    names=$(echo "$*" | tr ' ' '|')
    awk -F '\t' -v where="$where" -v except="$except" -v names="(^|[^A-Za-z0-9_.>])($names)[ \t]*\\\\(" \
        '$1 ~ where && !(except != "" && $1 ~ except) && $3 ~ names { printf "%s:%d: %s\n", $1, $2, $3 }' "$scratch/code"
}

find include src apps -name '*.[ch]' 2>/dev/null | sort >"$scratch/files"
find include src apps tests bench tools -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.awk' 2>/dev/null \
    | sort >"$scratch/all"
if ! grep -q . "$scratch/files"; then
    echo "not ok 1 - there are sources in $(pwd)"
    echo "1..1"
    exit 1
fi
xargs awk -f "$here/code.awk" <"$scratch/files" >"$scratch/code"

awk -f "$here/arrows.awk" "$scratch/files" "$scratch/code" >"$scratch/found"
rule "includes go down the layers, through doors"

awk -F / '{ if ($NF in seen) printf "%s and %s have the same name\n", seen[$NF], $0; seen[$NF] = $0 }' "$scratch/all" \
    >"$scratch/found"
rule "file names are unique in the tree"

while read -r file; do
    head -n 2 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file"
done <"$scratch/all" >"$scratch/found"
rule "every file says its licence first"

calls '^src/' '' getenv secure_getenv setenv putenv setlocale >"$scratch/found"
rule "the library reads no environment"

{
    calls '^src/' '' printf fprintf vprintf vfprintf dprintf puts fputs putchar fputc perror psignal
    awk -F '\t' '$1 ~ /^src\// && $3 ~ /(^|[^A-Za-z0-9_])(stdin|stdout|stderr)([^A-Za-z0-9_]|$)/ \
        { printf "%s:%d: %s\n", $1, $2, $3 }' "$scratch/code"
} >"$scratch/found"
rule "the library prints nothing"

calls '^src/' '' exit _exit _Exit quick_exit abort atexit >"$scratch/found"
rule "the library never ends the program"

calls '^src/' '' fork vfork clone system popen posix_spawn posix_spawnp execv execve execvp execl execlp signal sigaction \
    >"$scratch/found"
rule "the library starts no process and takes no signal"

calls '^src/' '^src/base/env[.]c$' malloc calloc realloc free strdup strndup aligned_alloc posix_memalign alloca \
    asprintf vasprintf getline open_memstream >"$scratch/found"
rule "memory goes through the hooks of base/env.c"

calls '^src/' '^src/format/yaml[.]c$' strtod strtof atof strtok rand srand random gmtime localtime asctime ctime \
    >"$scratch/found"
rule "nothing depends on the locale or on hidden state"

grep -nE '(TODO|FIXME|XXX|HACK)([^A-Za-z0-9_]|$)' $(cat "$scratch/files") /dev/null >"$scratch/found"
rule "nothing is left to do in comments"

echo "1..$n"
exit $broken
