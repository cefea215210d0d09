#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test.sh [STAGE...]: install what is missing, build and test in every way that counts, and end with a line
# "N passed, N failed[, N skipped]".
#
#   gcc       gcc, warnings are errors: the whole suite, the house's rules and the installed library among it
#   clang     clang, warnings are errors: the suite
#   address   address, leak and undefined-behaviour sanitizers: the suite
#   thread    thread sanitizer: the suites in which threads meet
#   options   each optional part off, then all: compiles
#   format    the house's format
#
# A build counts as one check. One that fails, and a program that crashes or hangs, count as failed; the other stages
# still run. What went wrong is shown; everything is in build-STAGE/log.txt. JOBS (default 2) sets the number of jobs.
set -u
cd "$(dirname "$0")/.." || exit 1
jobs=${JOBS:-2}
passed=0 failed=0 skipped=0
under= # a command that runs the tests

say() {
    printf '%s\n' "$*"
}

# count PASSED FAILED SKIPPED
count() {
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# build STAGE OPTION...: configure and build build-STAGE, starting over where its options changed.
build() {
    dir=build-$1
    shift
    mkdir -p "$dir"
    if [ "$(cat "$dir/options.txt" 2>/dev/null)" != "$*" ]; then
        rm -rf "$dir" && mkdir -p "$dir"
    fi
    if { [ -f "$dir/build.ninja" ] || meson setup "$dir" -Dwerror=true "$@"; } >"$dir/log.txt" 2>&1 \
        && say "$*" >"$dir/options.txt" && ninja -C "$dir" -j "$jobs" >>"$dir/log.txt" 2>&1; then
        say "$dir: built without a warning"
        count 1 0 0
        return 0
    fi
    tail -n 60 "$dir/log.txt"
    say "FAILED  $dir does not build (whole log: $dir/log.txt)"
    count 0 1 0
    return 1
}

# suite STAGE OPTION...: run the tests of build-STAGE and count their checks.
suite() {
    dir=build-$1
    shift
    log=$dir/meson-logs/testlog.json
    rm -f "$log"
    $under meson test -C "$dir" --no-rebuild --num-processes "$jobs" "$@" >>"$dir/log.txt" 2>&1
    status=$?
    if [ ! -f "$log" ] || ! sums=$(python3 tools/tally.py "$log"); then
        tail -n 40 "$dir/log.txt"
        say "FAILED  $dir: no result of its tests"
        count 0 1 0
        return
    fi
    before=$failed
    count $sums
    if [ $status -ne 0 ] && [ $failed -eq "$before" ]; then
        say "FAILED  $dir: meson test ended with $status"
        count 0 1 0
    fi
    set -- $sums
    say "$dir: $1 passed, $2 failed, $3 skipped"
}

stage_gcc() {
    CC=gcc build gcc && suite gcc
}

stage_clang() {
    build clang --native-file tools/clang.ini && suite clang
}

stage_address() {
    build address --native-file tools/clang.ini --buildtype=debugoptimized -Db_ndebug=false -Db_lundef=false \
        -Db_sanitize=address,undefined || return
    ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:detect_stack_use_after_return=1 \
        UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
        suite address --timeout-multiplier 5
}

stage_thread() {
    build thread --native-file tools/clang.ini --buildtype=debugoptimized -Db_ndebug=false -Db_lundef=false \
        -Db_sanitize=thread || return
    # It wants its shadow memory where address randomisation may put something else: run without that.
    setarch -R true 2>/dev/null && under="setarch -R"
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 suite thread --timeout-multiplier 10 \
        --no-suite kern --no-suite fuzz --no-suite fault --no-suite house
    under=
}

stage_options() {
    for part in sndfile soxr ffmpeg curl all; do
        off="-D$part=disabled"
        [ $part = all ] && off=-Dauto_features=disabled
        CC=gcc build "without-$part" --buildtype=plain "$off"
    done
}

stage_format() {
    output=$(sh tools/format.sh --check 2>&1)
    case $? in
    0) say "format: as it should be" && count 1 0 0 ;;
    77) say "format: skipped, $output" && count 0 0 1 ;;
    *) say "$output" && say "FAILED  format; make format puts it right" && count 0 1 0 ;;
    esac
}

[ $# -gt 0 ] || set -- format gcc clang address thread options
if sh tools/packages.sh build test; then
    for stage in "$@"; do
        say "== $stage"
        "stage_$stage"
    done
else
    count 0 1 0
fi
say
say "$passed passed, $failed failed$([ $skipped -gt 0 ] && printf ', %d skipped' $skipped)"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
