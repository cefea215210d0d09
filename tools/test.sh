#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test.sh [STAGE...]: install what is missing, build and test in every way that counts, and end with a line
# "N passed, N failed[, N skipped]".
#
#   gcc       gcc, warnings are errors: the whole suite, the house's rules and the installed library among it
#   clang     clang, warnings are errors: the suite without `waits`, which the next two run with clang
#   address   address, leak and undefined-behaviour sanitizers: the suite
#   thread    thread sanitizer: the suites in which threads meet
#   options   each optional part off, then all: compiles, and the program says its help and what it misses
#   format    the house's format
#
# Tests of the suite `waits` spend their time in sleep: waiting for sound, windows and other processes. Many of them run at
# once, beside the others. Tests that repeat something many times do less of it with a sanitizer (tests/dictate/meson.build);
# each kind of test runs with all of them.
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

# run_tests NAME PROCESSES OPTION...: a meson test of $dir; results in meson-logs/NAME.json, the rest in NAME.txt.
run_tests() {
    name=$1 processes=$2
    shift 2
    rm -f "$dir/meson-logs/$name.json"
    $under meson test -C "$dir" --no-rebuild --logbase "$name" --num-processes "$processes" "$@" >"$dir/$name.txt" 2>&1
}

# read_tests NAME STATUS: count the checks of what run_tests NAME has run, which ended with STATUS.
read_tests() {
    cat "$dir/$1.txt" >>"$dir/log.txt"
    if [ ! -f "$dir/meson-logs/$1.json" ] || ! sums=$(python3 tools/tally.py "$dir/meson-logs/$1.json"); then
        tail -n 40 "$dir/$1.txt"
        sums="0 1 0"
        say "FAILED  $dir: no result of its tests"
    elif [ "$2" -ne 0 ] && [ "${sums#* 0 }" != "$sums" ]; then
        sums="${sums%% *} 1 ${sums##* }"
        say "FAILED  $dir: meson test ended with $2"
    fi
    count $sums
}

# suite STAGE OPTION...: run the tests of build-STAGE and count their checks.
suite() {
    dir=build-$1
    shift
    before_passed=$passed before_failed=$failed before_skipped=$skipped
    waits=
    if [ "$dir" != build-clang ]; then
        run_tests waits $((jobs * 3)) "$@" --suite waits &
        waits=$!
    fi
    run_tests testlog "$jobs" "$@" --no-suite waits
    read_tests testlog $?
    [ -z "$waits" ] || { wait "$waits"; read_tests waits $?; }
    say "$dir: $((passed - before_passed)) passed, $((failed - before_failed)) failed, $((skipped - before_skipped)) skipped"
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
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/tools/tsan.supp suite thread --timeout-multiplier 10 \
        --no-suite kern --no-suite fuzz --no-suite fault --no-suite house
    under=
}

# runs PROGRAM ARG...: ends by itself, with any status of its own.
runs() {
    timeout 60 "$@" </dev/null >>"$dir/log.txt" 2>&1
    [ $? -lt 124 ]
}

# One folder, turned from option to option, so that only what an option changes is compiled again.
stage_options() {
    parts="sndfile soxr ffmpeg curl dictate x11 pulse alsa evdev systemd"
    dir=build-options
    mkdir -p $dir
    [ -f $dir/build.ninja ] || CC=gcc meson setup $dir -Dwerror=true --buildtype=plain >$dir/log.txt 2>&1
    for part in all $parts; do
        off="-Dauto_features=auto -D$part=disabled"
        [ $part = all ] && off=-Dauto_features=disabled
        if ! { meson configure $dir $(printf ' -D%s=auto' $parts) $off && ninja -C $dir -j "$jobs"; } >$dir/part.txt 2>&1; then
            tail -n 60 $dir/part.txt
            say "FAILED  $dir without $part does not build"
            count 0 1 0
            continue
        fi
        count 1 0 0
        words="--help doctor"
        [ $part != all ] && [ $part != dictate ] || words=--help
        for word in $words; do
            if runs $dir/ctrlspeak $word; then
                count 1 0 0
            else
                say "FAILED  $dir without $part: ctrlspeak $word"
                count 0 1 0
            fi
        done
        say "$dir: without $part built without a warning, runs"
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
