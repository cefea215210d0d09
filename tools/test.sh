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
#   python    the Python package on the library of `gcc`, in an environment with tqdm, mypy and ruff from PyPI where that can be reached,
#             else with the system's pytest and numpy; then the wheel: built, repaired, installed in a fresh environment, run
#   format    the house's format
#   cpus      CPUs that are not at hand, emulated: arm64 with and without dot product runs the kernels' tests (suite `kern`); x86-64
#             without AVX, and with AVX2, runs these and hears the samples as this CPU does on the same path. An illegal
#             instruction ends the program, and fails. AVX-512 is not emulated. Without compiler or emulator: skipped
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
built= # stages that are

say() {
    printf '%s\n' "$*"
}

# count PASSED FAILED SKIPPED
count() {
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# build STAGE OPTION...: configure and build build-STAGE, once, starting over where its options changed.
build() {
    dir=build-$1
    case " $built " in *" $1 "*) return 0 ;; esac
    name=$1
    shift
    mkdir -p "$dir"
    if [ "$(cat "$dir/options.txt" 2>/dev/null)" != "$*" ]; then
        rm -rf "$dir" && mkdir -p "$dir"
    fi
    if { [ -f "$dir/build.ninja" ] || meson setup "$dir" -Dwerror=true "$@"; } >"$dir/log.txt" 2>&1 \
        && say "$*" >"$dir/options.txt" && ninja -C "$dir" -j "$jobs" >>"$dir/log.txt" 2>&1; then
        say "$dir: built without a warning"
        built="$built $name"
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
    run_tests testlog "$jobs" "$@" --no-suite waits --no-suite python
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

# lacks WHAT FILE...: a program or file is not here: say so, and count WHAT as skipped.
lacks() {
    what=$1
    shift
    for file in "$@"; do
        command -v "$file" >/dev/null || [ -e "$file" ] && continue
        say "cpus: $what skipped, there is no $file"
        count 0 0 1
        return 0
    done
    return 1
}

# check STATUS WHAT: count one check.
check() {
    if [ "$1" -eq 0 ]; then
        count 1 0 0
    else
        say "FAILED  $2"
        count 0 1 0
    fi
}

# kernels_on NAME SETS EMULATOR CPU: the kernels' tests of $dir on a CPU; its sets of int8 kernels are SETS, no more and no less.
kernels_on() {
    before_passed=$passed before_failed=$failed
    run_tests "$1" "$jobs" --suite kern --timeout-multiplier 5 --wrapper "$3 -cpu $4"
    status=$?
    mv "$dir/meson-logs/$1-$3.json" "$dir/meson-logs/$1.json" # Meson adds the wrapper's name
    read_tests "$1" $status
    grep -q "int8 kernels: $2\\\\n" "$dir/meson-logs/$1.json"
    check $? "$dir on $1: int8 kernels other than $2"
    say "$dir on $1: $((passed - before_passed)) passed, $((failed - before_failed)) failed"
}

# hears_on NAME PATH CPU: an emulated CPU takes PATH, and hears with it what this one hears with it.
hears_on() {
    before_passed=$passed before_failed=$failed
    speak="timeout 120 env -i CS_CACHE=off CS_MODEL=$model"
    emulated="$speak qemu-x86_64-static -cpu $3 $dir/ctrlspeak"
    [ "$($emulated models info $model 2>>"$dir/log.txt" | sed -n 's/^cpu_path  *//p')" = "$2" ]
    check $? "$dir on $1: its CPU path is not $2"
    if ! grep -qw "$2" /proc/cpuinfo; then
        say "cpus: hearing on $1 skipped, this CPU has no $2 to compare with" && count 0 0 1
        return
    fi
    for precision in f32 int8 bf16; do
        expected=$($speak CS_CPU="$2" "$dir/ctrlspeak" transcribe --precision $precision samples/*.wav 2>>"$dir/log.txt") \
            && [ -n "$expected" ] \
            && met=$($emulated transcribe --precision $precision samples/*.wav 2>>"$dir/log.txt") && [ "$met" = "$expected" ]
        check $? "$dir on $1: hears in $precision something else than this CPU on $2 (or ends; see $dir/log.txt)"
    done
    say "$dir hears on $1: $((passed - before_passed)) passed, $((failed - before_failed)) failed"
}

stage_cpus() {
    if ! lacks arm64 qemu-aarch64-static aarch64-linux-gnu-gcc "$(aarch64-linux-gnu-gcc -print-file-name=libc.a 2>/dev/null)" \
        && build arm64 --cross-file tools/arm64.ini -Dkernels_only=true; then
        kernels_on cortex-a53 "c neon" qemu-aarch64-static cortex-a53
        kernels_on armv8-max "c neon neondot" qemu-aarch64-static max
    fi
    model=models/ctrlspeak-small.nemo
    if [ "$(uname -m)" != x86_64 ]; then
        say "cpus: x86-64 skipped, this is none" && count 0 0 1
    elif ! lacks x86-64 qemu-x86_64-static $model && CC=gcc build gcc; then
        haswell=Haswell-noTSX,-pcid,-x2apic,-tsc-deadline,-invpcid # less what the emulator would warn that it lacks
        kernels_on nehalem "c sse2" qemu-x86_64-static Nehalem
        kernels_on haswell "c sse2 avx2" qemu-x86_64-static $haswell
        hears_on nehalem sse2 Nehalem
        hears_on haswell avx2 $haswell
        # It has AVX2, but an operating system that does not keep the wide registers.
        hears_on haswell-old-system sse2 $haswell,-xsave
    fi
}

stage_python() {
    CC=gcc build gcc || return
    dir=build-gcc
    env=build-python/env
    mkdir -p build-python
    before_passed=$passed before_failed=$failed before_skipped=$skipped
    if sh tools/python_env.sh $env 2>>build-python/log.txt; then
        export CTRLSPEAK_PYTHON="$PWD/$env/bin/python"
        $env/bin/mypy >>build-python/log.txt 2>&1
        check $? "mypy --strict bindings/python (see build-python/log.txt)"
        $env/bin/ruff check >>build-python/log.txt 2>&1 && $env/bin/ruff format --check >>build-python/log.txt 2>&1
        check $? "ruff (see build-python/log.txt)"
        sh tools/python_wheel.sh $env build-python/wheel >>build-python/log.txt 2>&1
        check $? "the wheel (see build-python/log.txt)"
    else
        say "python: types, style and the wheel skipped, $(tail -n 1 build-python/log.txt)" && count 0 0 3
    fi
    run_tests python "$jobs" --suite python
    read_tests python $?
    say "python: $((passed - before_passed)) passed, $((failed - before_failed)) failed, $((skipped - before_skipped)) skipped"
}

stage_format() {
    output=$(sh tools/format.sh --check 2>&1)
    case $? in
    0) say "format: as it should be" && count 1 0 0 ;;
    77) say "format: skipped, $output" && count 0 0 1 ;;
    *) say "$output" && say "FAILED  format; make format puts it right" && count 0 1 0 ;;
    esac
}

[ $# -gt 0 ] || set -- format gcc python cpus clang address thread options
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
