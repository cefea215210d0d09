/* SPDX-License-Identifier: MIT
 *
 * Typing on a screen of its own: any text on any layout, the keyboard as it was afterwards. The reader looks keys up
 * when it handles them, so a spare key that is emptied or reused too early shows as a wrong or missing character. */
#define _GNU_SOURCE
#include "x_kit.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

static deliver_options typing(void)
{
    deliver_options options;
    deliver_options_init(&options);
    options.way = DELIVER_TYPE;
    options.receipt_ms = 20000;
    return options;
}

static size_t count_chars(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += (*text & 0xc0) != 0x80;
    return n;
}

static void type_and_compare(deliverer *d, outcomes *o, child *reader, const char *text, const char *expected)
{
    deliver_outcome outcome;
    size_t size = strlen(expected) + 16;
    char *met = malloc(size);
    int64_t id = deliver_text(d, text);
    CHECK(met && child_keys(reader, met, size, count_chars(expected)));
    CHECK_STR(met, expected);
    if (outcomes_wait(o, id, &outcome)) {
        CHECK(outcome.delivered);
        CHECK_STR(outcome.why, "");
    }
    free(met);
}

static const char mixed[] = "Grüße, 日本 €";

static void any_text_on_any_layout(void)
{
    static const char *const names[] = {"us", "de", "fr", "us,ru", "ru"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!screen_layout(names[i])) {
            printf("# no setxkbmap: layouts not tested\n");
            return;
        }
        screen_group(strcmp(names[i], "us,ru") == 0 ? 1 : 0);
        uint64_t before = screen_map();
        for (int ping = 0; ping < 2; ping++) {
            outcomes *o = outcomes_new();
            deliver_options options = typing();
            deliverer *d = screen_deliverer(o, &options);
            child *reader = ping ? READER("class=Editor", "ping") : READER("class=Editor");
            type_and_compare(d, o, reader, mixed, mixed);
            type_and_compare(d, o, reader, "x^2 ~ {a|b} \"quoted\" 'it' \\ @ # []\n\tÉ é 🙂 ß",
                             "x^2 ~ {a|b} \"quoted\" 'it' \\ @ # []\r\tÉ é 🙂 ß");
            /* Control characters are not typed. */
            type_and_compare(d, o, reader, "a\033b\177c", "abc");
            child_stop(reader);
            deliver_free(d);
            outcomes_free(o);
            CHECK(screen_map() == before);
        }
    }
    screen_layout("us");
}

/* The hand's keyboard has one layout, the one that XTEST speaks for another: what counts is the map after the switch. */
static void two_keyboards_with_two_layouts(void)
{
    if (!screen_layout("us") || !screen_xtest_layout("fr") || !screen_other_keyboard("25")) {
        printf("# no setxkbmap, or a server without a second keyboard: not tested\n");
        return;
    }
    outcomes *o = outcomes_new();
    deliver_options options = typing();
    deliverer *d = screen_deliverer(o, &options);
    child *reader = READER("class=Editor", "ping");
    char key[8];
    for (int i = 0; i < 2; i++) {
        CHECK(screen_other_keyboard("25")); /* W where it is us, Z where it is fr */
        CHECK(child_keys(reader, key, sizeof key, 1));
        CHECK_STR(key, "w");
        type_and_compare(d, o, reader, "qwaz 1é", "qwaz 1é");
    }
    child_stop(reader);
    deliver_free(d);
    outcomes_free(o);
    screen_layout("us");
}

/* More characters than spare keys, so that each key has to mean several of them. */
static void more_characters_than_keys(void)
{
    char text[600] = "";
    for (unsigned int c = 0x4e00; c < 0x4e00 + 150; c++)
        snprintf(text + strlen(text), 4, "%c%c%c", 0xe0 | c >> 12, 0x80 | (c >> 6 & 0x3f), 0x80 | (c & 0x3f));
    uint64_t before = screen_map();
    outcomes *o = outcomes_new();
    deliver_options options = typing();
    deliverer *d = screen_deliverer(o, &options);
    child *reader = READER("class=Editor", "ping", "busy=400");
    type_and_compare(d, o, reader, text, text);
    child_stop(reader);
    reader = READER("class=Editor");
    type_and_compare(d, o, reader, text, text);
    child_stop(reader);
    deliver_free(d);
    CHECK(screen_map() == before);
    outcomes_free(o);
}

static void busy_window_still_reads_right(void)
{
    outcomes *o = outcomes_new();
    deliver_options options = typing();
    deliverer *d = screen_deliverer(o, &options);
    child *reader = READER("class=Editor", "busy=600");
    type_and_compare(d, o, reader, mixed, mixed);
    child_stop(reader);
    reader = READER("class=Editor", "busy=600", "ping");
    type_and_compare(d, o, reader, mixed, mixed);
    child_stop(reader);
    deliver_free(d);
    outcomes_free(o);
}

static void long_text_is_complete(void)
{
    enum { N = 3000 };
    char *text = malloc(N + 1);
    for (int i = 0; text && i < N; i++)
        text[i] = "The quick brown Fox, 12 times! "[i % 31];
    text[N] = '\0';
    outcomes *o = outcomes_new();
    deliver_options options = typing();
    deliverer *d = screen_deliverer(o, &options);
    child *reader = READER("class=Editor", "ping");
    type_and_compare(d, o, reader, text, text);
    child_stop(reader);
    deliver_free(d);
    outcomes_free(o);
    free(text);
}

static void caps_lock_does_not_matter(void)
{
    outcomes *o = outcomes_new();
    deliver_options options = typing();
    deliverer *d = screen_deliverer(o, &options);
    child *reader = READER("class=Editor", "ping");
    screen_set_caps(true);
    type_and_compare(d, o, reader, "Small and LARGE é", "Small and LARGE é");
    CHECK(screen_caps());
    screen_set_caps(false);
    child_stop(reader);
    deliver_free(d);
    outcomes_free(o);
}

static void held_modifier(void)
{
    outcomes *o = outcomes_new();
    deliver_options options = typing();
    options.modifier_ms = 100;
    deliverer *d = screen_deliverer(o, &options);
    child *reader = READER("class=Editor", "ping");
    deliver_outcome outcome;
    screen_key("Control_L", true);
    int64_t id = deliver_text(d, "not typed");
    CHECK(outcomes_wait(o, id, &outcome) && !outcome.delivered && outcome.kept);
    screen_key("Control_L", false);
    char *text = screen_text();
    CHECK_STR(text, "not typed");
    free(text);
    type_and_compare(d, o, reader, "typed", "typed");
    child_stop(reader);
    deliver_free(d);
    outcomes_free(o);
}

/* The focus goes to another program in the middle: the rest of the text does not go there. */
static void focus_that_moves_stops_it(void)
{
    enum { N = 200000 };
    char *text = calloc(1, N + 1);
    if (!CHECK(text != NULL))
        return;
    memset(text, 'a', N);
    outcomes *o = outcomes_new();
    deliver_options options = typing();
    deliverer *d = screen_deliverer(o, &options);
    child *reader = READER("class=Editor");
    char line[64];
    deliver_outcome outcome;
    int64_t id = deliver_text(d, text);
    CHECK(child_line(reader, line, sizeof line)); /* it has begun */
    child *other = READER("class=Other");
    if (outcomes_wait(o, id, &outcome)) {
        CHECK(!outcome.delivered);
        CHECK(strstr(outcome.why, "The focus moved to another window after") != NULL);
    }
    child_stop(other);
    child_stop(reader);
    deliver_free(d);
    outcomes_free(o);
    free(text);
}

static void rule_says_type(void)
{
    const char *const rules[] = {"Emacs=type", "Keep*=clipboard"};
    outcomes *o = outcomes_new();
    deliver_options options = typing();
    options.way = DELIVER_PASTE;
    options.rules = rules;
    options.n_rules = 2;
    deliverer *d = screen_deliverer(o, &options);
    child *reader = READER("class=Emacs", "ping");
    type_and_compare(d, o, reader, "by rule", "by rule");
    child_stop(reader);
    reader = READER("class=KeePass", "ping");
    deliver_outcome outcome;
    child_stop(reader);
    reader = READER("class=Keeper");
    int64_t id = deliver_text(d, "only copied");
    CHECK(outcomes_wait(o, id, &outcome) && outcome.delivered);
    char *text = screen_text();
    CHECK_STR(text, "only copied");
    free(text);
    child_stop(reader);
    deliver_free(d);
    outcomes_free(o);
}

int main(int argc, char **argv)
{
    if (!screen_start(argc, argv))
        return check_skip_all("no Xvfb here");
    RUN(any_text_on_any_layout);
    RUN(two_keyboards_with_two_layouts);
    RUN(more_characters_than_keys);
    RUN(busy_window_still_reads_right);
    RUN(long_text_is_complete);
    RUN(caps_lock_does_not_matter);
    RUN(held_modifier);
    RUN(focus_that_moves_stops_it);
    RUN(rule_says_type);
    screen_stop();
    return check_done();
}
