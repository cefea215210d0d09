/* SPDX-License-Identifier: MIT
 *
 * The paste on a screen of its own: the text arrives, the receipt is the window's own reading, and the clipboard is as
 * it was before, whatever reader and owner do. */
#define _GNU_SOURCE
#include "common/clock.h"
#include "x_kit.h"

#include <time.h>
#include <unistd.h>

static void nap_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static deliver_options options_with(int receipt_ms, int quiet_ms)
{
    deliver_options options;
    deliver_options_init(&options);
    options.receipt_ms = receipt_ms;
    options.quiet_ms = quiet_ms;
    return options;
}

/* Paste to a reader; what came has to be the text. */
static void paste_and_compare(deliverer *d, outcomes *o, child *reader, const char *chord, const char *text)
{
    deliver_outcome outcome;
    int64_t id = deliver_text(d, text);
    if (!child_chord(reader, chord))
        return;
    char *met = child_text(reader);
    CHECK(met && strcmp(met, text) == 0);
    if (met && strcmp(met, text) != 0)
        printf("# %zu bytes instead of %zu\n", strlen(met), strlen(text));
    free(met);
    if (outcomes_wait(o, id, &outcome)) {
        CHECK(outcome.delivered);
        CHECK_STR(outcome.why, "");
        CHECK(outcome.sent_us > 0 && outcome.receipt_us >= outcome.sent_us);
    }
    CHECK_INT(outcomes_restored(o, id), 1);
}

static char *long_text(size_t n)
{
    static const char piece[] = "Grüße, 日本 € und 🙂. ";
    char *text = malloc(n + sizeof piece + 1);
    size_t at = 0;
    while (text && at < n) {
        memcpy(text + at, piece, sizeof piece);
        at += sizeof piece - 1;
    }
    return text;
}

static void text_arrives_exactly(void)
{
    outcomes *o = outcomes_new();
    deliverer *d = screen_deliverer(o, NULL);
    child *reader = READER("class=Editor");
    char *large = long_text(200000), *larger = long_text(3000000);
    paste_and_compare(d, o, reader, "ctrl+v", "Hello, world. ");
    paste_and_compare(d, o, reader, "ctrl+v", "Grüße aus Köln, ça va?\nSecond line\twith tab ");
    paste_and_compare(d, o, reader, "ctrl+v", "日本 € 🙂👩‍👩‍👧 ");
    paste_and_compare(d, o, reader, "ctrl+v", large);
    paste_and_compare(d, o, reader, "ctrl+v", larger);
    char target[DELIVER_TARGET] = "";
    for (int i = 0; i < 100 && !target[0]; i++)
        deliver_target(d, target); /* "" when it took more than 50 ms */
    CHECK_STR(target, "Editor");
    char *left = screen_text();
    CHECK(left == NULL); /* the clipboard was empty and is again */
    free(left);
    free(large);
    free(larger);
    child_stop(reader);
    deliver_free(d);
    outcomes_free(o);
}

static void clipboard_comes_back_in_every_form(void)
{
    outcomes *o = outcomes_new();
    deliverer *d = screen_deliverer(o, NULL);
    child *owner = OWNER("1"), *reader = READER("class=Editor", "targets");
    paste_and_compare(d, o, reader, "ctrl+v", "one ");
    CHECK(screen_holds("clipboard", 1));
    child_stop(owner); /* what it had is ours to give now */
    CHECK(screen_holds("clipboard", 1));
    paste_and_compare(d, o, reader, "ctrl+v", "two ");
    CHECK(screen_holds("clipboard", 1));
    child_stop(reader);
    deliver_free(d);
    outcomes_free(o);
}

static void two_in_a_row(void)
{
    outcomes *o = outcomes_new();
    deliverer *d = screen_deliverer(o, NULL);
    child *owner = OWNER("2"), *reader = READER("class=Editor");
    deliver_outcome outcome;
    int64_t first = deliver_text(d, "first "), second = deliver_text(d, "second ");
    CHECK(child_chord(reader, "ctrl+v"));
    char *text = child_text(reader);
    CHECK_STR(text, "first ");
    free(text);
    CHECK(child_chord(reader, "ctrl+v"));
    text = child_text(reader);
    CHECK_STR(text, "second ");
    free(text);
    CHECK(outcomes_wait(o, first, &outcome) && outcome.delivered);
    CHECK(outcomes_wait(o, second, &outcome) && outcome.delivered);
    CHECK_INT(outcomes_restored(o, second), 1);
    CHECK(screen_holds("clipboard", 2));
    child_stop(reader);
    child_stop(owner);
    deliver_free(d);
    outcomes_free(o);
}

static void slow_reader_gets_the_text(void)
{
    outcomes *o = outcomes_new();
    deliverer *d = screen_deliverer(o, NULL);
    child *owner = OWNER("3"), *reader = READER("class=Editor", "targets", "slow=500");
    paste_and_compare(d, o, reader, "ctrl+v", "slowly ");
    CHECK(screen_holds("clipboard", 3));
    child_stop(reader);
    char *large = long_text(600000);
    reader = READER("class=Editor", "piece=150"); /* three pieces and the end */
    paste_and_compare(d, o, reader, "ctrl+v", large);
    CHECK(screen_holds("clipboard", 3));
    free(large);
    child_stop(reader);
    child_stop(owner);
    deliver_free(d);
    outcomes_free(o);
}

static void second_reading_is_waited_for(void)
{
    outcomes *o = outcomes_new();
    deliver_options options = options_with(20000, 1500);
    deliverer *d = screen_deliverer(o, &options);
    child *owner = OWNER("4"), *reader = READER("class=Editor", "twice=120");
    deliver_outcome outcome;
    int64_t id = deliver_text(d, "again ");
    CHECK(child_chord(reader, "ctrl+v"));
    for (int i = 0; i < 2; i++) {
        char *text = child_text(reader);
        CHECK_STR(text, "again ");
        free(text);
    }
    CHECK(outcomes_wait(o, id, &outcome) && outcome.delivered);
    CHECK_INT(outcomes_restored(o, id), 1);
    CHECK(screen_holds("clipboard", 4));
    child_stop(reader);
    child_stop(owner);
    deliver_free(d);
    outcomes_free(o);
}

static void no_reader_is_not_delivered(void)
{
    outcomes *o = outcomes_new();
    deliver_options options = options_with(300, 50);
    deliverer *d = screen_deliverer(o, &options);
    child *owner = OWNER("5"), *reader = READER("class=Deaf", "never");
    deliver_outcome outcome;
    int64_t id = deliver_text(d, "unheard ");
    if (outcomes_wait(o, id, &outcome)) {
        CHECK(!outcome.delivered && !outcome.kept);
        CHECK_STR(outcome.why, "The window Deaf did not read the text within 300 ms.");
        CHECK_STR(outcome.target, "Deaf");
    }
    CHECK_INT(outcomes_restored(o, id), 1);
    CHECK(screen_holds("clipboard", 5));
    child_stop(reader);
    /* One that dies on the chord, and none at all. */
    reader = READER("class=Frail", "die");
    id = deliver_text(d, "unheard ");
    CHECK(outcomes_wait(o, id, &outcome) && !outcome.delivered);
    CHECK_INT(outcomes_restored(o, id), 1);
    child_stop(reader);
    id = deliver_text(d, "unheard ");
    CHECK(outcomes_wait(o, id, &outcome) && !outcome.delivered && outcome.why[0]);
    CHECK(screen_holds("clipboard", 5));
    child_stop(owner);
    deliver_free(d);
    outcomes_free(o);
}

static void clipboard_manager_is_no_receipt(void)
{
    outcomes *o = outcomes_new();
    deliver_options options = options_with(400, 50);
    deliverer *d = screen_deliverer(o, &options);
    child *manager = READER("watch"), *reader = READER("class=Deaf", "never");
    deliver_outcome outcome;
    int64_t id = deliver_text(d, "overheard ");
    CHECK(outcomes_wait(o, id, &outcome) && !outcome.delivered);
    child_stop(reader);
    child_stop(manager);
    deliver_free(d);
    outcomes_free(o);
}

static void user_copies_meanwhile(void)
{
    outcomes *o = outcomes_new();
    deliver_options options = options_with(20000, 5000);
    deliverer *d = screen_deliverer(o, &options);
    child *owner = OWNER("6"), *reader = READER("class=Editor");
    deliver_outcome outcome;
    int64_t id = deliver_text(d, "mine ");
    CHECK(child_chord(reader, "ctrl+v"));
    free(child_text(reader));
    CHECK(outcomes_wait(o, id, &outcome) && outcome.delivered);
    child *user = OWNER("7");
    CHECK_INT(outcomes_restored(o, id), 2);
    CHECK(screen_holds("clipboard", 7));
    child_stop(user);
    child_stop(reader);
    child_stop(owner);
    deliver_free(d);
    outcomes_free(o);
}

static void mute_owner_does_not_hold_up(void)
{
    outcomes *o = outcomes_new();
    deliver_options options = options_with(20000, 50);
    deliverer *d = screen_deliverer(o, &options);
    child *owner = OWNER("8", "mute"), *reader = READER("class=Editor");
    deliver_outcome outcome;
    int64_t id = deliver_text(d, "all the same ");
    CHECK(child_chord(reader, "ctrl+v"));
    char *text = child_text(reader);
    CHECK_STR(text, "all the same ");
    free(text);
    CHECK(outcomes_wait(o, id, &outcome) && outcome.delivered);
    child_stop(reader);
    child_stop(owner);
    deliver_free(d);
    outcomes_free(o);
}

static void held_modifier_is_waited_for(void)
{
    outcomes *o = outcomes_new();
    deliver_options options = options_with(20000, 50);
    options.modifier_ms = 20000;
    deliverer *d = screen_deliverer(o, &options);
    child *reader = READER("class=Editor");
    screen_key("Control_L", true);
    int64_t id = deliver_text(d, "held ");
    nap_ms(150);
    int64_t held_until_us = clock_now_us();
    screen_key("Control_L", false);
    deliver_outcome outcome;
    CHECK(child_chord(reader, "ctrl+v"));
    free(child_text(reader));
    CHECK(outcomes_wait(o, id, &outcome) && outcome.delivered);
    CHECK(outcome.sent_us >= held_until_us); /* the chord came after the release */
    child_stop(reader);
    deliver_free(d);
    outcomes_free(o);
}

static void held_too_long_leaves_it_in_the_clipboard(void)
{
    outcomes *o = outcomes_new();
    deliver_options options = options_with(20000, 50);
    options.modifier_ms = 100;
    deliverer *d = screen_deliverer(o, &options);
    child *reader = READER("class=Editor"), *owner = OWNER("9");
    screen_key("Shift_L", true);
    deliver_outcome outcome;
    int64_t id = deliver_text(d, "kept ");
    if (outcomes_wait(o, id, &outcome)) {
        CHECK(!outcome.delivered && outcome.kept);
        CHECK_STR(outcome.why, "A modifier key was still held after 100 ms, so no key was pressed; the text lies in "
                               "the clipboard.");
    }
    screen_key("Shift_L", false);
    char *text = screen_text();
    CHECK_STR(text, "kept ");
    free(text);
    /* Nothing was pressed: the next chord is the next text's. */
    paste_and_compare(d, o, reader, "ctrl+v", "next ");
    child_stop(owner);
    child_stop(reader);
    deliver_free(d);
    outcomes_free(o);
}

static void layouts(void)
{
    static const char *const names[] = {"us", "de", "fr", "us,ru", "ru"};
    outcomes *o = outcomes_new();
    deliverer *d = screen_deliverer(o, NULL);
    uint64_t before = screen_map();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!screen_layout(names[i])) {
            printf("# no setxkbmap: layouts not tested\n");
            break;
        }
        child *reader = READER("class=Editor");
        before = screen_map();
        screen_group(strcmp(names[i], "us,ru") == 0 ? 1 : 0);
        paste_and_compare(d, o, reader, "ctrl+v", "Grüße ");
        child_stop(reader);
    }
    deliver_free(d); /* ru has no v: a spare key had one for a while */
    CHECK(screen_map() == before);
    screen_layout("us");
    outcomes_free(o);
}

static void chords_by_class(void)
{
    static const struct {
        const char *class, *chord;
    } cases[] = {
        {"class=XTerm", "shift+insert"},
        {"class=URxvt", "shift+insert"},
        {"class=konsole", "ctrl+shift+v"},
        {"class=Alacritty", "ctrl+shift+v"},
        {"class=kitty", "ctrl+shift+v"},
        {"class=Gnome-terminal", "ctrl+shift+v"},
        {"class=st-256color", "ctrl+shift+v"},
        {"class=MyEditor-4", "shift+insert"},
        {"class=Gedit", "ctrl+v"},
        {"class=Tilix", "ctrl+v"},
    };
    const char *const rules[] = {"myeditor-?=shift+insert", "Tilix=ctrl+v"};
    outcomes *o = outcomes_new();
    deliver_options options = options_with(20000, 50);
    options.rules = rules;
    options.n_rules = 2;
    deliverer *d = screen_deliverer(o, &options);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        child *reader = READER(cases[i].class);
        paste_and_compare(d, o, reader, cases[i].chord, "by class ");
        child_stop(reader);
    }
    deliver_free(d);
    outcomes_free(o);
}

static void primary_comes_back_too(void)
{
    outcomes *o = outcomes_new();
    deliverer *d = screen_deliverer(o, NULL);
    child *owner = OWNER("10", "primary"), *reader = READER("class=XTerm");
    paste_and_compare(d, o, reader, "shift+insert", "into a terminal ");
    CHECK(screen_holds("clipboard", 10));
    CHECK(screen_holds("primary", 10));
    child_stop(reader);
    child_stop(owner);
    deliver_free(d);
    outcomes_free(o);
}

static void clipboard_way_stays(void)
{
    outcomes *o = outcomes_new();
    deliver_options options = options_with(20000, 50);
    options.way = DELIVER_CLIPBOARD;
    deliverer *d = screen_deliverer(o, &options);
    child *owner = OWNER("11"), *manager = OWNER("12", "manager");
    deliver_outcome outcome;
    char line[64] = "";
    int64_t id = deliver_text(d, "to keep ");
    CHECK(outcomes_wait(o, id, &outcome) && outcome.delivered && !outcome.kept);
    CHECK(child_line(owner, line, sizeof line));
    CHECK_STR(line, "lost");
    char *text = screen_text();
    CHECK_STR(text, "to keep ");
    free(text);
    deliver_free(d); /* and the clipboard manager has it then */
    CHECK(child_line(manager, line, sizeof line));
    CHECK_STR(line, "kept");
    text = screen_text();
    CHECK_STR(text, "to keep ");
    free(text);
    child_stop(manager);
    child_stop(owner);
    outcomes_free(o);
}

/* Copying from the history: works beside every way, also one that needs no display otherwise. */
static void copies_beside_any_way(void)
{
    static const deliver_way ways[] = {DELIVER_PASTE, DELIVER_TYPE, DELIVER_NONE};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        outcomes *o = outcomes_new();
        deliver_options options = options_with(20000, 50);
        options.way = ways[i];
        deliverer *d = screen_deliverer(o, &options);
        deliver_outcome outcome;
        int64_t id = deliver_to_clipboard(d, "from long ago");
        CHECK(outcomes_wait(o, id, &outcome) && outcome.delivered);
        char *text = screen_text();
        CHECK_STR(text, "from long ago");
        free(text);
        deliver_free(d);
        outcomes_free(o);
    }
}

static void bad_rules_are_named(void)
{
    static const struct {
        const char *rule, *part;
    } cases[] = {{"Gedit", "is not CLASS=CHORD"},
                 {"=ctrl+v", "is not CLASS=CHORD"},
                 {"Gedit=", "is not CLASS=CHORD"},
                 {"Gedit=ctrl+", "is no chord"},
                 {"Gedit=hyper+v", "\"hyper+v\" is no chord"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char error[DELIVER_ERROR] = "";
        deliver_options options = options_with(100, 50);
        deliver_sink sink = {0};
        options.display = screen_name();
        options.rules = &cases[i].rule;
        options.n_rules = 1;
        CHECK(deliver_create(&options, &sink, error) == NULL);
        CHECK(strstr(error, "rule 1") && strstr(error, cases[i].part));
    }
}

static void xterm_gets_a_line(void)
{
    char path[] = "/tmp/ctrlspeak-xterm-XXXXXX", command[300], line[200] = "";
    if (access("/usr/bin/xterm", X_OK) != 0) {
        printf("# no xterm: not tested\n");
        return;
    }
    int fd = mkstemp(path);
    snprintf(command, sizeof command,
             "LC_ALL=C.UTF-8 xterm -u8 -display %s -e sh -c 'IFS= read -r line; printf \"%%s\\n\" \"$line\" >%s' &",
             screen_name(), path);
    CHECK(fd >= 0 && system(command) == 0);
    outcomes *o = outcomes_new();
    deliverer *d = screen_deliverer(o, NULL);
    CHECK(screen_focus("XTerm"));
    deliver_outcome outcome;
    int64_t id = deliver_text(d, "Grüße, 日本 € in a terminal\n");
    CHECK(outcomes_wait(o, id, &outcome) && outcome.delivered);
    CHECK_STR(outcome.target, "XTerm");
    for (int i = 0; i < LIMIT_MS / 20 && !strchr(line, '\n'); i++) {
        nap_ms(20);
        ssize_t n = pread(fd, line, sizeof line - 1, 0);
        line[n > 0 ? n : 0] = '\0';
    }
    CHECK_STR(line, "Grüße, 日本 € in a terminal\n");
    CHECK_INT(outcomes_restored(o, id), 1);
    deliver_free(d);
    outcomes_free(o);
    close(fd);
    unlink(path);
}

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Text ready to receipt, printed only: other work on the machine is no failure. */
static void latency_with(bool large)
{
    enum { N = 50 };
    int64_t took[N];
    outcomes *o = outcomes_new();
    deliver_options options = options_with(20000, 1);
    deliverer *d = screen_deliverer(o, &options);
    child *reader = READER("class=Editor", "targets");
    for (int i = 0; i < N; i++) {
        deliver_outcome outcome;
        child *owner = large ? OWNER("13") : OWNER("13", "small");
        int64_t begun_us = clock_now_us();
        int64_t id = deliver_text(d, "How long does this take? ");
        CHECK(child_chord(reader, "ctrl+v"));
        free(child_text(reader));
        CHECK(outcomes_wait(o, id, &outcome) && outcome.delivered);
        took[i] = outcome.receipt_us - begun_us;
        outcomes_restored(o, id);
        child_stop(owner);
    }
    qsort(took, N, sizeof *took, compare_times);
    printf("# text ready to receipt, another program's clipboard (%s) saved first: p50 %.1f ms, p95 %.1f ms\n",
           large ? "5 MB in 8 forms" : "6 small forms", (double)took[N / 2] / 1000, (double)took[N - 3] / 1000);
    child_stop(reader);
    deliver_free(d);
    outcomes_free(o);
}

static void latency(void)
{
    latency_with(false);
    latency_with(true);
}

int main(int argc, char **argv)
{
    if (!screen_start(argc, argv))
        return check_skip_all("no Xvfb here");
    RUN(text_arrives_exactly);
    RUN(clipboard_comes_back_in_every_form);
    RUN(two_in_a_row);
    RUN(slow_reader_gets_the_text);
    RUN(second_reading_is_waited_for);
    RUN(no_reader_is_not_delivered);
    RUN(clipboard_manager_is_no_receipt);
    RUN(user_copies_meanwhile);
    RUN(mute_owner_does_not_hold_up);
    RUN(held_modifier_is_waited_for);
    RUN(held_too_long_leaves_it_in_the_clipboard);
    RUN(layouts);
    RUN(chords_by_class);
    RUN(primary_comes_back_too);
    RUN(clipboard_way_stays);
    RUN(copies_beside_any_way);
    RUN(bad_rules_are_named);
    RUN(xterm_gets_a_line);
    RUN(latency);
    screen_stop();
    return check_done();
}
