/* SPDX-License-Identifier: MIT
 *
 * The X server dies, at several moments of a delivery: the program lives, there is an outcome, lost() is told once, and
 * what comes later is answered at once. One server per moment, so each is a run of its own: argument 4 says which. */
#define _GNU_SOURCE
#include "x_kit.h"

#include <time.h>

static const char *moment;

static void server_dies(void)
{
    outcomes *o = outcomes_new();
    deliver_options options;
    deliver_options_init(&options);
    options.receipt_ms = 20000;
    options.quiet_ms = 20000;
    options.modifier_ms = 20000;
    bool type = strcmp(moment, "typing") == 0;
    if (type)
        options.way = DELIVER_TYPE;
    deliverer *d = screen_deliverer(o, &options);
    child *owner = strcmp(moment, "saving") == 0 ? OWNER("1", "mute") : OWNER("1");
    child *reader = strcmp(moment, "settling") == 0 ? READER("class=Editor") : READER("class=Editor", "never");
    deliver_outcome outcome;
    char why[DELIVER_ERROR] = "", line[64], *text = calloc(1, 200001);
    if (!CHECK(text != NULL))
        return;
    memset(text, 'a', type ? 200000 : 10);
    if (strcmp(moment, "modifiers") == 0)
        screen_key("Shift_L", true);
    int64_t id = strcmp(moment, "idle") != 0 ? deliver_text(d, text) : -1;
    if (strcmp(moment, "receipt") == 0 || type)
        CHECK(child_line(reader, line, sizeof line)); /* chord or key: it is under way */
    if (strcmp(moment, "settling") == 0)
        CHECK(outcomes_wait(o, id, &outcome) && outcome.delivered);
    if (strcmp(moment, "modifiers") == 0) {
        struct timespec t = {0, 50000000}; /* whichever moment this hits, all of them have to be survived */
        nanosleep(&t, NULL);
    }
    screen_kill();
    CHECK(outcomes_lost(o, why));
    CHECK(strstr(why, screen_name()) && strstr(why, "is gone"));
    if (id >= 0 && strcmp(moment, "settling") != 0 && outcomes_wait(o, id, &outcome))
        CHECK(!outcome.delivered && strstr(outcome.why, "is gone"));
    id = deliver_text(d, "too late");
    CHECK(outcomes_wait(o, id, &outcome) && !outcome.delivered);
    CHECK_STR(outcome.why, why);
    char target[DELIVER_TARGET];
    deliver_target(d, target);
    CHECK_STR(target, "");
    deliver_free(d);
    child_stop(reader);
    child_stop(owner);
    outcomes_free(o);
    free(text);
}

static void no_server(void)
{
    char error[DELIVER_ERROR] = "";
    deliver_options options;
    deliver_sink sink = {0};
    deliver_options_init(&options);
    options.display = ":4095";
    CHECK(deliver_create(&options, &sink, error) == NULL);
    CHECK_STR(error, "The X display :4095 cannot be opened.");
    options.display = "";
    CHECK(deliver_create(&options, &sink, error) == NULL);
    CHECK_STR(error, "There is no X display to deliver to: DISPLAY is not set.");
}

int main(int argc, char **argv)
{
    moment = argc > 4 ? argv[4] : "idle";
    if (!screen_start(argc, argv))
        return check_skip_all("no Xvfb here");
    RUN(no_server);
    RUN(server_dies);
    screen_stop();
    return check_done();
}
