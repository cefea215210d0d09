/* SPDX-License-Identifier: MIT
 *
 * MPRIS: every player owns a name below org.mpris.MediaPlayer2 and says in PlaybackStatus whether it plays. All players
 * are asked at once, so one that hangs costs the time of one call, not of one each. A player whose answer to Pause was
 * lost counts as paused by us; whether it goes on is decided by its state then: who pressed play or stop meanwhile meant it. */
#include "dictate/feedback/media.h"

#include <stdio.h>
#include <string.h>

#define MPRIS_PREFIX "org.mpris.MediaPlayer2."
#define MPRIS_PATH   "/org/mpris/MediaPlayer2"
#define MPRIS_PLAYER "org.mpris.MediaPlayer2.Player"

static bool known(const media *m, const char *name)
{
    for (size_t i = 0; i < m->n_paused; i++)
        if (strcmp(m->paused[i], name) == 0)
            return true;
    return false;
}

/* The players on the bus. False: the bus is gone. */
static bool list_players(bus_link *link, char names[MEDIA_PLAYERS][MEDIA_NAME], size_t *n_names)
{
    bus_call call;
    const char *name;
    *n_names = 0;
    bus_send(link, &call,
             bus_method(link, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "ListNames"));
    bool alive = bus_wait(link, &call, 1);
    if (call.reply && sd_bus_message_enter_container(call.reply, 'a', "s") > 0)
        while (*n_names < MEDIA_PLAYERS && sd_bus_message_read(call.reply, "s", &name) > 0)
            if (strncmp(name, MPRIS_PREFIX, strlen(MPRIS_PREFIX)) == 0 && strlen(name) < MEDIA_NAME)
                strcpy(names[(*n_names)++], name);
    bus_call_finish(&call);
    return alive;
}

/* Which of them are in that state. False: the bus is gone. */
static bool ask_state(bus_link *link, char names[MEDIA_PLAYERS][MEDIA_NAME], size_t n_names, const char *state,
                      bool is[MEDIA_PLAYERS])
{
    bus_call calls[MEDIA_PLAYERS];
    for (size_t i = 0; i < n_names; i++) {
        sd_bus_message *request = bus_method(link, names[i], MPRIS_PATH, "org.freedesktop.DBus.Properties", "Get");
        if (request && sd_bus_message_append(request, "ss", MPRIS_PLAYER, "PlaybackStatus") < 0)
            request = sd_bus_message_unref(request);
        bus_send(link, &calls[i], request);
    }
    bool alive = bus_wait(link, calls, n_names);
    for (size_t i = 0; i < n_names; i++) {
        const char *met = NULL;
        is[i] = calls[i].reply && sd_bus_message_read(calls[i].reply, "v", "s", &met) > 0 && strcmp(met, state) == 0;
        bus_call_finish(&calls[i]);
    }
    return alive;
}

/* Call a method without arguments of those that are marked. */
static bool tell(bus_link *link, char names[MEDIA_PLAYERS][MEDIA_NAME], size_t n_names, const char *member,
                 const bool is[MEDIA_PLAYERS])
{
    bus_call calls[MEDIA_PLAYERS];
    for (size_t i = 0; i < n_names; i++)
        bus_send(link, &calls[i], is[i] ? bus_method(link, names[i], MPRIS_PATH, MPRIS_PLAYER, member) : NULL);
    bool alive = bus_wait(link, calls, n_names);
    for (size_t i = 0; i < n_names; i++)
        bus_call_finish(&calls[i]);
    return alive;
}

bool media_pause(media *m, bus_link *link)
{
    char names[MEDIA_PLAYERS][MEDIA_NAME];
    bool playing[MEDIA_PLAYERS];
    size_t n_names;
    if (!list_players(link, names, &n_names) || !ask_state(link, names, n_names, "Playing", playing))
        return false;
    for (size_t i = 0; i < n_names; i++)
        if (playing[i] && !known(m, names[i])) {
            if (m->n_paused < MEDIA_PLAYERS)
                strcpy(m->paused[m->n_paused++], names[i]);
            else
                playing[i] = false; /* not remembered, so not touched */
        }
    return tell(link, names, n_names, "Pause", playing);
}

bool media_resume(media *m, bus_link *link)
{
    bool paused[MEDIA_PLAYERS];
    if (!ask_state(link, m->paused, m->n_paused, "Paused", paused))
        return false;
    bool alive = tell(link, m->paused, m->n_paused, "Play", paused);
    m->n_paused = 0;
    return alive;
}
