#!/bin/sh
# SPDX-License-Identifier: MIT
#
# installed.sh BUILD_DIR HEADER CC...: what a program outside sees. The header alone, the example in its first comment,
# and that example built with pkg-config against an installation in a temporary place, shared and static, and run.
set -u
build=$1 header=$2
shift 2
cc=$*
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
n=0 bad=0
strict="-pedantic -Wall -Wextra -Werror"

# check WHAT COMMAND...: the command's output is shown when it fails.
check() {
    what=$1
    shift
    n=$((n + 1))
    if "$@" >"$place/output.txt" 2>&1; then
        echo "ok $n - $what"
    else
        bad=1
        sed 's/^/# /' "$place/output.txt"
        echo "not ok $n - $what"
    fi
}

skip() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

# The example: the comment's lines that are set in by four more blanks.
awk '/smallest whole program/ { on = 1; next } on && /^ [*] [^ ]/ { exit } on { sub(/^ [*]( {1,5})?/, ""); print }' "$header" \
    >"$place/example.c"
printf '#include <ctrlspeak.h>\nint used = CS_OK;\n' >"$place/alone.c"
cp "$place/alone.c" "$place/alone.cpp"
include=$(dirname "$header")

check "the header alone is C99" $cc -std=c99 $strict -I"$include" -fsyntax-only "$place/alone.c"
check "the header alone is C11" $cc -std=c11 $strict -I"$include" -fsyntax-only "$place/alone.c"
if command -v c++ >/dev/null; then
    check "the header alone is C++11" c++ -std=c++11 $strict -I"$include" -fsyntax-only "$place/alone.cpp"
else
    skip "the header alone is C++11" "no C++ compiler"
fi
check "the example has a main" grep -q 'int main' "$place/example.c"

check "installs into a folder of its own" meson install -C "$build" --no-rebuild --destdir "$place/root"
pc=$(find "$place/root" -name ctrlspeak.pc | head -n 1)
check "brings a pkg-config file" [ -n "$pc" ]
check "brings the program" [ -x "$(find "$place/root" -path '*/bin/ctrlspeak' | head -n 1)" ]

# The sysroot puts the temporary place before the paths in the file; the libraries it needs come from the system.
config() {
    PKG_CONFIG_SYSROOT_DIR=$place/root PKG_CONFIG_PATH=$(dirname "$pc") pkg-config "$@" ctrlspeak
}
libraries=$(dirname "$(dirname "$pc")")

check "the example builds, shared" $cc -std=c99 $strict -o "$place/shared" "$place/example.c" $(config --cflags --libs)
# Ours static, its needs shared: pkg-config --static would ask for the needs of the needs, static too.
needs=$(config --print-requires-private | sed 's/ .*//')
check "the example builds, static" $cc -std=c99 $strict -o "$place/static" "$place/example.c" \
    $(config --cflags --libs | sed 's/-lctrlspeak/-l:libctrlspeak.a/') $(pkg-config --libs $needs) \
    $(sed -n 's/^Libs[.]private: *//p' "$pc")

# It says how it was called wrongly by status 2, and names a file that is not there in one line.
for kind in shared static; do
    check "the $kind example wants two arguments" sh -c \
        'LD_LIBRARY_PATH=$1 "$2"; [ $? = 2 ]' - "$libraries" "$place/$kind"
    check "the $kind example names a missing file" sh -c \
        'LD_LIBRARY_PATH=$1 "$2" /nonexistent.nemo x.wav 2>&1 >/dev/null | grep -c . | grep -qx 1 &&
         LD_LIBRARY_PATH=$1 "$2" /nonexistent.nemo x.wav 2>&1 | grep -q /nonexistent.nemo' - "$libraries" "$place/$kind"
done

awk '/^```c$/ { on = 1; next } /^```/ { on = 0 } on' "$(dirname "$header")/../README.md" >"$place/readme.c"
check "the README's program builds" $cc -std=c99 $strict -o "$place/readme" "$place/readme.c" $(config --cflags --libs)

golden=$(dirname "$0")/../golden/data
if [ -f "$golden/tdt/model.nemo" ]; then
    LD_LIBRARY_PATH=$libraries "$place/shared" "$golden/tdt/model.nemo" "$golden/audio/long.wav" >"$place/text"
    check "the example hears what NeMo heard" sh -c \
        'text=$(sed "s/[\"\\\\]/\\\\&/g" "$1") && [ -n "$text" ] && grep "\"name\":\"long\"" "$2" | grep -qF "\"text\":\"$text\","' \
        - "$place/text" "$golden/tdt/expected.json"
else
    skip "the example hears what NeMo heard" "no golden model here"
fi

echo "1..$n"
exit $bad
