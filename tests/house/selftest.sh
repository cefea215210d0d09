#!/bin/sh
# SPDX-License-Identifier: MIT
#
# rules.sh must be able to fail: a small tree that keeps every rule, then one broken in one place after another.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT
n=0 bad=0

fresh() {
    rm -rf "$tree"/*
    mkdir -p "$tree/include" "$tree/src/base" "$tree/src/math/cpu" "$tree/src/text" "$tree/src/nn" "$tree/apps/ctrlspeak" \
        "$tree/apps/common" "$tree/tests"
    put include/ctrlspeak.h '#include <stddef.h>'
    put src/base/base.h '#include "ctrlspeak.h"'
    put src/base/env.c '#include "base/base.h"' 'void *get(void) { return malloc(1); }'
    put src/math/ops.h '#include "base/base.h"'
    put src/math/cpu/inner.h '#include "math/ops.h"'
    put src/math/cpu/inner.c '#include "inner.h"' '#include "math/cpu/inner.h"'
    put src/text/text.h '#include "ctrlspeak.h"'
    put src/nn/nn.h '#include "math/ops.h"' '#include "base/base.h"'
    put src/nn/layer.c '#include "nn/nn.h"' '/* printf("x"), exit(1) */' 'const char *s = "abort() // getenv()"; // free(s)'
    put apps/common/paths.h '#include <stdio.h>'
    put apps/ctrlspeak/main.c '#include "ctrlspeak.h"' '#include "common/paths.h"' 'int main(void) { return printf("\"x") < 0; }'
}

put() {
    file=$tree/$1
    shift
    printf '%s\n' '/* SPDX-License-Identifier: MIT */' "$@" >"$file"
}

report() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        bad=1
        echo "not ok $n - $2"
    fi
}

# breaks RULE WHAT: exactly the rule that has RULE in its name fails now.
breaks() {
    output=$(sh "$here/rules.sh" "$tree")
    status=$?
    fails=$(echo "$output" | grep '^not ok')
    [ $status -ne 0 ] && [ "$(echo "$fails" | grep -c .)" = 1 ] && echo "$fails" | grep -q "$1"
    result=$?
    [ $result = 0 ] || echo "$output" | sed 's/^/# /'
    report $result "finds $2"
    fresh
}

fresh
sh "$here/rules.sh" "$tree" >"$tree/output.txt"
status=$?
[ $status = 0 ] || sed 's/^/# /' "$tree/output.txt"
report $status "a tree in order passes"

put src/base/clock.c '#include "math/ops.h"'
breaks "layers" "an arrow upwards"
put src/math/letters.c '#include "text/text.h"'
breaks "layers" "an arrow between equals"
put src/nn/heads.c '#include "math/cpu/inner.h"'
breaks "layers" "a way round a door"
put src/nn/heads.c '#include "../math/ops.h"'
breaks "layers" "a way over the fence"
put src/nn/heads.c '#include <base/base.h>'
breaks "layers" "a door in angle brackets"
put src/nn/heads.c '#include "inner.h"'
breaks "layers" "another folder's file by its bare name"
put apps/ctrlspeak/info.c '#include "base/base.h"'
breaks "layers" "a program that looks inside"
put include/ctrlspeak.h '#include "base/base.h"'
breaks "layers" "a public header that does not stand alone"
mkdir "$tree/src/attic"
put src/attic/old.c '#include "base/base.h"'
breaks "layers" "a folder without a layer"
put src/text/inner.c ''
breaks "unique" "two files of one name"
echo 'int x;' >"$tree/src/text/bare.c"
breaks "licence" "a file without licence"
put src/nn/heads.c 'const char *home(void) { return getenv("HOME"); }'
breaks "environment" "a look at the environment"
put src/nn/heads.c 'void speak(void) { printf("x"); }'
breaks "prints" "a print"
put src/nn/heads.c 'void *where = stderr;'
breaks "prints" "a standard stream"
put src/nn/heads.c 'void stop(void) { exit (1); }'
breaks "ends" "an exit"
put src/nn/heads.c 'int split(void) { return fork(); }'
breaks "process" "a fork"
put src/nn/heads.c 'void drop(void *p) { free(p); }'
breaks "memory" "memory past the hooks"
put src/nn/heads.c 'double number(void) { return strtod("1.5", 0); }'
breaks "locale" "a call that minds the locale"
put src/nn/heads.c '/* TODO: later */'
breaks "left to do" "a note to self"

echo "1..$n"
exit $bad
