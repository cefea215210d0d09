/* SPDX-License-Identifier: MIT
 * How the texts of segments become one text. */
#include "check.h"
#include "dictate/voice/joining.h"

#include <stdint.h>

typedef struct seam {
    const char *before, *segment;
    double pause_seconds;
    bool hard_cut;
    const char *joined;
} seam;

static void join_all(const seam *seams, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        textbuf text = {0};
        textbuf_append(&text, seams[i].before, strlen(seams[i].before));
        joining_add(&text, seams[i].segment, seams[i].pause_seconds, seams[i].hard_cut);
        CHECK_STR(text.data, seams[i].joined);
        textbuf_free(&text);
    }
}
#define JOIN(...)                                      \
    do {                                               \
        static const seam seams[] = {__VA_ARGS__};     \
        join_all(seams, sizeof seams / sizeof *seams); \
    } while (0)

static void one_space_between_segments(void)
{
    JOIN({"", "hello", 0, false, "hello"}, {"hello", "world", 1, false, "hello world"},
         {"hello", "  world \n", 1, false, "hello world"}, {"hello", "", 1, false, "hello"},
         {"hello", " \t ", 1, false, "hello"}, {"hello ", "world", 1, false, "hello world"},
         {"hello\n", "world", 1, false, "hello\nworld"}, {"hello", ", world", 1, false, "hello, world"},
         {"hello", "?", 1, false, "hello?"}, {"(", "world", 1, false, "(world"}, {"", "  ", 1, false, ""});
}

static void no_space_within_cjk(void)
{
    JOIN({"你好", "世界", 1, false, "你好世界"}, {"こんにちは。", "元気", 1, false, "こんにちは。元気"},
         {"안녕", "세계", 1, false, "안녕 세계"}, {"你好", "world", 1, false, "你好 world"},
         {"你好", "。", 1, false, "你好。"}, {"hello", "世界", 1, false, "hello 世界"});
}

static void no_capital_after_a_short_pause(void)
{
    JOIN({"I went to the", "House", 1.1, false, "I went to the house"},
         {"I went to the", "House and back", 0, true, "I went to the house and back"},
         {"I went home.", "House", 1.1, false, "I went home. House"}, {"Is it?", "Yes", 1.1, false, "Is it? Yes"},
         {"he said \"no.\"", "Then", 1.1, false, "he said \"no.\" Then"}, {"well,", "Then", 1.1, false, "well, then"},
         {"I went home", "House", 2.5, false, "I went home House"}, {"", "House", 0.1, false, "House"},
         {"nach", "Öl und Äther", 1, false, "nach öl und Äther"}, {"потом", "Дом", 1, false, "потом дом"});
}

static void words_that_keep_their_capital(void)
{
    JOIN({"and", "I think", 1, false, "and I think"}, {"and", "I'm here", 1, false, "and I'm here"},
         {"and", "I\u2019ll see", 1, false, "and I\u2019ll see"}, {"by", "NASA people", 1, false, "by NASA people"},
         {"my", "iPhone", 1, false, "my iPhone"}, {"to", "McDonald", 1, false, "to McDonald"},
         {"and", "It is", 1, false, "and it is"}, {"take", "A break", 1, false, "take a break"},
         {"and", "\"Quoted", 1, false, "and \"quoted"}, {"in", "3D", 1, false, "in 3D"});
}

/* The full stop that a model writes at the end of every piece of sound. */
static void full_stops_that_the_speaker_did_not_make(void)
{
    JOIN({"I went to the.", "house today.", 1.1, false, "I went to the house today."},
         {"I went to the.", "House today.", 0.05, true, "I went to the house today."},
         {"I went home.", "Then I slept.", 0.4, true, "I went home. Then I slept."},
         {"I went home.", "then I slept.", 3, false, "I went home. then I slept."},
         {"and then...", "nothing", 1, false, "and then... nothing"},
         {"in the U.S.", "army", 1, false, "in the U.S. army"}, {"Is it?", "yes", 1, false, "Is it? yes"},
         {".", "a", 0, true, ". a"});
}

static void many_segments(void)
{
    textbuf text = {0};
    for (int i = 0; i < 1000; i++)
        joining_add(&text, "one", 1, false);
    CHECK_INT(text.size, 3999);
    textbuf_free(&text);
}

static void bytes_that_are_not_utf8(void)
{
    JOIN({"\xFF", "a\xC3", 1, false, "\xFF a\xEF\xBF\xBD"}, {"\xA9", "\x80 b", 1, false, "\xA9 \xEF\xBF\xBD b"},
         {"a\xE4\xBD", "\xED\xA0\x80", 1, false, "a\xE4\xBD \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"});
}

int main(void)
{
    RUN(one_space_between_segments);
    RUN(no_space_within_cjk);
    RUN(no_capital_after_a_short_pause);
    RUN(words_that_keep_their_capital);
    RUN(full_stops_that_the_speaker_did_not_make);
    RUN(many_segments);
    RUN(bytes_that_are_not_utf8);
    return check_done();
}
