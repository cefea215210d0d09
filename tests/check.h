/* SPDX-License-Identifier: MIT
 * The smallest test kit that prints TAP and survives NDEBUG. A test program is a list of functions:
 *
 *     static void adds(void) { CHECK(1 + 1 == 2); CHECK_STR(name(), "ctrlspeak"); }
 *     int main(void) { RUN(adds); return check_done(); }
 *
 * A failed check prints file, line and values, and fails its function's line; the function goes on. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_n, check_failed, check_bad;

#define CHECK(condition)                     check_that((condition) != 0, __FILE__, __LINE__, #condition)
#define CHECK_INT(met, expected)             check_int((long long)(met), (long long)(expected), __FILE__, __LINE__, #met)
#define CHECK_STR(met, expected)             check_str((met), (expected), __FILE__, __LINE__, #met)
#define CHECK_NEAR(met, expected, tolerance) check_near((met), (expected), (tolerance), __FILE__, __LINE__, #met)
#define RUN(function)                        check_run(function, #function)

static inline int check_that(int ok, const char *file, int line, const char *what)
{
    if (!ok) {
        check_bad++;
        printf("# %s:%d: failed: %s\n", file, line, what);
    }
    return ok;
}

static inline int check_int(long long met, long long expected, const char *file, int line, const char *what)
{
    if (met != expected) {
        check_bad++;
        printf("# %s:%d: %s is %lld, expected %lld\n", file, line, what, met, expected);
    }
    return met == expected;
}

static inline int check_str(const char *met, const char *expected, const char *file, int line, const char *what)
{
    int ok = met && expected ? strcmp(met, expected) == 0 : met == expected;
    if (!ok) {
        check_bad++;
        printf("# %s:%d: %s is \"%s\", expected \"%s\"\n", file, line, what, met ? met : "(null)",
               expected ? expected : "(null)");
    }
    return ok;
}

static inline int check_near(double met, double expected, double tolerance, const char *file, int line,
                             const char *what)
{
    double difference = met > expected ? met - expected : expected - met;
    int ok = difference <= tolerance; /* false for NaN */
    if (!ok) {
        check_bad++;
        printf("# %s:%d: %s is %.9g, expected %.9g within %.3g\n", file, line, what, met, expected, tolerance);
    }
    return ok;
}

static inline void check_run(void (*function)(void), const char *name)
{
    check_bad = 0;
    function();
    check_failed += check_bad != 0;
    printf("%sok %d - %s\n", check_bad ? "not " : "", ++check_n, name);
    fflush(stdout);
}

static inline int check_done(void)
{
    printf("1..%d\n", check_n);
    return check_failed != 0;
}

/* The whole program cannot run here. Exit status 0: the plan line says it, and Meson calls any other status an error. */
static inline int check_skip_all(const char *reason)
{
    printf("1..0 # SKIP %s\n", reason);
    return 0;
}

#endif
