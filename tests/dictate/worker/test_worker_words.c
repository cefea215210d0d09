/* SPDX-License-Identifier: MIT
 * The words' times as lines: right ones, and those of a child that has gone mad. */
#include "check.h"
#include "dictate/worker/worker_engine.h"

static int32_t count(const char *text, const char *lines)
{
    int32_t n = -1;
    worker_word *words = engine_words(text, lines, &n);
    for (int32_t i = 0; i < n; i++) {
        CHECK(words[i].at >= 0 && words[i].n > 0 && (size_t)words[i].at + (size_t)words[i].n <= strlen(text));
        CHECK(words[i].start_seconds >= 0 && words[i].end_seconds >= words[i].start_seconds);
    }
    free(words);
    return n;
}

static void right_lines(void)
{
    int32_t n;
    const char *text = "one one, two";
    worker_word *words = engine_words(text, "100 200 one\n300 450 one,\n460 460 two\n", &n);
    CHECK_INT(n, 3);
    CHECK(words[0].at == 0 && words[1].at == 4 && words[1].n == 4 && words[2].at == 9);
    CHECK_NEAR(words[1].start_seconds, 0.3, 1e-6);
    CHECK_NEAR(words[1].end_seconds, 0.45, 1e-6);
    free(words);
    CHECK_INT(count("", ""), 0);
    CHECK_INT(count("one", NULL), 0);
}

static void wrong_lines_end_the_list(void)
{
    CHECK_INT(count("one two", "100 200 one\n50 60 two\n"), 1);     /* backwards */
    CHECK_INT(count("one two", "100 200 one\n300 250 two\n"), 1);   /* ends before it begins */
    CHECK_INT(count("one two", "100 200 one\n300 400 three\n"), 1); /* not in the text */
    CHECK_INT(count("one two", "100 200 two\n300 400 one\n"), 1);   /* not in this order */
    CHECK_INT(count("one two", "100 200 one\n300 400 two"), 1);     /* breaks off */
    CHECK_INT(count("one two", "-100 200 one\n"), 0);
    CHECK_INT(count("one two", "100 99999999999999999999 one\n"), 0);
    CHECK_INT(count("one two", "one\n\n\n 1 2\n"), 0);
    CHECK_INT(count("one two", "1 2 \n"), 0);
}

int main(void)
{
    RUN(right_lines);
    RUN(wrong_lines_end_the_list);
    return check_done();
}
