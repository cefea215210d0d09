/* SPDX-License-Identifier: MIT
 * Notifications and media players on a bus of the test's own, and on buses that are away, dumb or dying. */
#define _GNU_SOURCE
#include "check.h"
#include "mock_desktop.h"

#include "dictate/feedback/feedback.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static mock_desktop desktop;

static void a_notification_arrives_and_the_next_replaces_it(void)
{
    desktop.has_notifications = true;
    mock_services_start(&desktop);
    feedback *f = feedback_create(desktop.address);
    feedback_notify(f, "Not delivered", "a < b & \xc3\xa4\n\033[1m\xff", true);
    CHECK(mock_wait(&desktop, &desktop.n_notify, 1));
    CHECK_STR(desktop.title, "Not delivered");
    CHECK_STR(desktop.body, "a < b & \xc3\xa4\n?[1m?");
    CHECK_INT(desktop.urgency, 2);
    CHECK_INT(desktop.replaces, 0);
    desktop.has_markup = true;
    feedback_notify(f, "Again", "a < b & c", false);
    CHECK(mock_wait(&desktop, &desktop.n_notify, 2));
    CHECK_STR(desktop.body, "a &lt; b &amp; c");
    CHECK_INT(desktop.urgency, 1);
    CHECK_INT(desktop.replaces, 1);
    feedback_free(f);
    mock_services_stop(&desktop);
}

/* The last wish is granted although freeing follows at once. */
static void freeing_loses_no_notification(void)
{
    mock_services_start(&desktop);
    feedback *f = feedback_create(desktop.address);
    feedback_notify(f, "Last", "words", true);
    feedback_free(f);
    CHECK(mock_wait(&desktop, &desktop.n_notify, 1));
    CHECK_STR(desktop.title, "Last");
    mock_services_stop(&desktop);
}

static void player(int i, const char *name, const char *state, bool silent)
{
    snprintf(desktop.players[i].name, sizeof desktop.players[i].name, "org.mpris.MediaPlayer2.%s", name);
    snprintf(desktop.players[i].state, sizeof desktop.players[i].state, "%s", state);
    desktop.players[i].silent = silent;
    desktop.players[i].n_pause = desktop.players[i].n_play = 0;
}

static void exactly_those_that_played_are_paused_and_go_on(void)
{
    player(0, "one", "Playing", false);
    player(1, "two", "Paused", false);
    player(2, "three.instance7", "Playing", false);
    player(3, "hangs", "Playing", true);
    mock_services_start(&desktop);
    feedback *f = feedback_create(desktop.address);
    feedback_pause_media(f);
    CHECK(mock_wait(&desktop, &desktop.players[0].n_pause, 1));
    CHECK(mock_wait(&desktop, &desktop.players[2].n_pause, 1));
    feedback_resume_media(f);
    CHECK(mock_wait(&desktop, &desktop.players[0].n_play, 1));
    CHECK(mock_wait(&desktop, &desktop.players[2].n_play, 1));
    feedback_resume_media(f); /* once is enough */
    feedback_free(f);
    CHECK_INT(desktop.players[1].n_pause + desktop.players[1].n_play, 0);
    CHECK_INT(desktop.players[0].n_play, 1);
    mock_services_stop(&desktop);
}

static void a_player_that_was_stopped_meanwhile_stays_stopped(void)
{
    player(0, "one", "Playing", false);
    player(2, "three", "Playing", false);
    mock_services_start(&desktop);
    feedback *f = feedback_create(desktop.address);
    feedback_pause_media(f);
    CHECK(mock_wait(&desktop, &desktop.players[0].n_pause, 1));
    CHECK(mock_wait(&desktop, &desktop.players[2].n_pause, 1));
    pthread_mutex_lock(&desktop.lock);
    strcpy(desktop.players[0].state, "Stopped");
    pthread_mutex_unlock(&desktop.lock);
    feedback_free(f); /* what is still paused by us goes on: nobody's music stays silent */
    CHECK(mock_wait(&desktop, &desktop.players[2].n_play, 1));
    CHECK_INT(desktop.players[0].n_play, 0);
    mock_services_stop(&desktop);
}

static void a_service_that_never_answers_holds_up_nothing_else(void)
{
    desktop.silent = true;
    player(0, "one", "Playing", false);
    mock_services_start(&desktop);
    feedback *f = feedback_create(desktop.address);
    for (int i = 0; i < 1000; i++)
        feedback_notify(f, "Title", "body", false);
    feedback_pause_media(f);
    CHECK(mock_wait(&desktop, &desktop.players[0].n_pause, 1));
    CHECK(mock_wait(&desktop, &desktop.n_notify, 1));
    feedback_free(f);
    mock_services_stop(&desktop);
    CHECK(desktop.n_notify < 1000); /* the newest replace what nobody has seen yet */
    desktop.silent = false;
}

static void an_absent_service_is_nothing(void)
{
    desktop.has_notifications = false;
    player(0, "one", "Playing", false);
    mock_services_start(&desktop);
    feedback *f = feedback_create(desktop.address);
    feedback_notify(f, "Title", "body", true);
    feedback_pause_media(f);
    CHECK(mock_wait(&desktop, &desktop.players[0].n_pause, 1));
    feedback_free(f);
    mock_services_stop(&desktop);
    desktop.has_notifications = true;
}

static void a_bus_that_died_is_found_again(void)
{
    mock_services_start(&desktop);
    feedback *f = feedback_create(desktop.address);
    feedback_notify(f, "Before", "", false);
    CHECK(mock_wait(&desktop, &desktop.n_notify, 1));
    mock_bus_kill(&desktop);
    mock_services_stop(&desktop);
    feedback_notify(f, "During", "", false);
    CHECK(mock_bus_start(&desktop));
    mock_services_start(&desktop);
    feedback_notify(f, "After", "", false);
    CHECK(mock_wait(&desktop, &desktop.n_notify, 1));
    feedback_free(f);
    CHECK_STR(desktop.title, "After");
    mock_services_stop(&desktop);
}

static void try_address(const char *address)
{
    char why[200] = "";
    CHECK(!feedback_probe(address, why));
    CHECK(strncmp(why, "no D-Bus ", 9) == 0);
    feedback *f = feedback_create(address);
    CHECK(f != NULL);
    feedback_notify(f, "Title", "body", true);
    feedback_pause_media(f);
    feedback_resume_media(f);
    feedback_free(f);
}

static void an_absent_bus_is_nothing(void)
{
    char why[200];
    CHECK(feedback_probe(desktop.address, why));
    try_address("unix:path=/nowhere/bus");
    try_address("nonsense");
    try_address("");
    feedback_notify(NULL, "a", "b", false);
    feedback_pause_media(NULL);
    feedback_resume_media(NULL);
    feedback_free(NULL);
}

/* Accepts by its backlog and never says a word; and a real one that is stopped. */
static void a_bus_that_says_nothing_is_given_up(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char address[200];
    snprintf(name.sun_path, sizeof name.sun_path, "%s/dumb", desktop.folder);
    snprintf(address, sizeof address, "unix:path=%s", name.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (const struct sockaddr *)&name, sizeof name) == 0 && listen(fd, 20) == 0);
    try_address(address);
    close(fd);
    unlink(name.sun_path);
    feedback *f = feedback_create(desktop.address);
    kill(desktop.bus_pid, SIGSTOP);
    for (int i = 0; i < 100; i++)
        feedback_notify(f, "Title", "body", false);
    try_address(desktop.address);
    feedback_free(f);
    kill(desktop.bus_pid, SIGCONT);
}

int main(void)
{
    char why[200];
    if (!feedback_probe("nonsense", why) && strstr(why, "without libsystemd"))
        return check_skip_all("built without libsystemd");
    if (!mock_bus_start(&desktop))
        return check_skip_all("no dbus-daemon can be started here");
    RUN(a_notification_arrives_and_the_next_replaces_it);
    RUN(freeing_loses_no_notification);
    RUN(exactly_those_that_played_are_paused_and_go_on);
    RUN(a_player_that_was_stopped_meanwhile_stays_stopped);
    RUN(a_service_that_never_answers_holds_up_nothing_else);
    RUN(an_absent_service_is_nothing);
    RUN(a_bus_that_died_is_found_again);
    RUN(an_absent_bus_is_nothing);
    RUN(a_bus_that_says_nothing_is_given_up);
    mock_bus_kill(&desktop);
    char path[80];
    snprintf(path, sizeof path, "%s/config", desktop.folder);
    unlink(path);
    rmdir(desktop.folder);
    return check_done();
}
