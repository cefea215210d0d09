/* SPDX-License-Identifier: MIT
 *
 * Every allocation of the settings' and the history's own code fails in turn: each call then ends with a sentence, nothing
 * half done stays, nothing leaks (the sanitizer build sees that). Allocations are reached by the linker's --wrap. */
#define _XOPEN_SOURCE 700
#include "dictate/failing_memory.h"
#include "dictate/settings/settings_inside.h"
#include "history_kit.h"

static const char config[] = "model = x\nthreads = 3\n[text]\nreplace = a=b\nreplace = c=d\n[history]\nfile = /x\n";

static bool load(void)
{
    char error[SETTINGS_ERROR] = "";
    settings *s = settings_defaults(error);
    bool done = s && settings_read_text(s, "f", config, sizeof config - 1, error);
    CHECK(done || error[0]);
    CHECK(!done || s->replacements.n_items == 2);
    settings_free(s);
    return done;
}

static bool edit(void)
{
    static const char *const items[] = {"e=f", "g=h", "i=j"};
    char error[SETTINGS_ERROR] = "";
    textbuf out = {0};
    bool done = settings_edit_text(&out, "f", config, sizeof config - 1, SETTING_replacements, items, 3, false, error);
    CHECK(done || error[0]);
    textbuf_free(&out);
    return done;
}

static bool open_and_add(void)
{
    kit_error[0] = 0;
    history *h = history_open(kit_at("m.db"), kit_error);
    int64_t id = h ? kit_add(h, "some words", 1) : -1;
    int64_t n = id > 0 ? kit_found(h, "some \"words\"") : -1;
    CHECK(n >= 1 || kit_error[0]);
    history_close(h);
    return n >= 1;
}

/* Until it succeeds without a failure being reached. */
static void in_turn(bool (*call)(void), int least)
{
    int n = 0;
    for (bool reached = true; reached && n < 2000; n++) {
        memory_left = n;
        bool done = call();
        reached = memory_left < 0;
        memory_left = -1;
        CHECK(reached || done);
    }
    if (!CHECK(n > least && n < 2000))
        printf("# %d allocations\n", n);
}

static void settings_are_read_or_refused(void)
{
    in_turn(load, N_SETTINGS);
}

static void a_text_is_changed_or_refused(void)
{
    in_turn(edit, N_SETTINGS);
}

static void entries_are_added_or_refused(void)
{
    kit_fresh();
    in_turn(open_and_add, 6);
    history *h = history_open(kit_at("m.db"), kit_error);
    CHECK(h && kit_sound(h));
    history_close(h);
}

int main(void)
{
    if (!kit_begin())
        return check_skip_all("no folder for temporary files");
    RUN(settings_are_read_or_refused);
    RUN(a_text_is_changed_or_refused);
    RUN(entries_are_added_or_refused);
    return kit_end();
}
