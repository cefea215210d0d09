/* SPDX-License-Identifier: MIT
 * Lines in place of a picture: see screen_plain.h. */
#include "dictate/screen/screen_plain.h"

#include "common/visible.h"

#include <stdio.h>
#include <string.h>

/* Whole lines from the front go, until n_bytes fit. */
static void make_room(screen_plain *p, size_t n_bytes)
{
    if (p->sent > 0) {
        /* a line of which a part is out stays whole */
        memmove(p->lines, p->lines + p->sent, p->n - p->sent);
        p->n -= p->sent;
        p->sent = 0;
    }
    while (p->n + n_bytes > PLAIN_BYTES) {
        char *first = memchr(p->lines, '\n', p->n); /* may be half out: the one after it goes */
        char *second = first ? memchr(first + 1, '\n', p->n - (size_t)(first + 1 - p->lines)) : NULL;
        if (!second) {
            p->n = 0;
            return;
        }
        size_t gone = (size_t)(second - first);
        memmove(first + 1, second + 1, p->n - (size_t)(second + 1 - p->lines));
        p->n -= gone;
        p->n_dropped++;
    }
}

static void append(screen_plain *p, const char *line, size_t n)
{
    make_room(p, n);
    memcpy(p->lines + p->n, line, n);
    p->n += n;
}

void plain_line(screen_plain *p, const char *word, const char *text)
{
    char line[SCREEN_TEXT + 40];
    if (p->n_dropped > 0 && p->n - p->sent < PLAIN_BYTES / 2) {
        int n = snprintf(line, sizeof line, "message %lld lines were not read in time\n", (long long)p->n_dropped);
        p->n_dropped = 0;
        append(p, line, (size_t)n);
    }
    size_t n = (size_t)snprintf(line, sizeof line, "%s ", word);
    size_t from = n;
    n += visible_clean(line + n, sizeof line - n - 1, text, true);
    for (size_t i = from; i < n; i++)
        if (line[i] == '\n' || line[i] == '\t')
            line[i] = ' ';
    line[n++] = '\n';
    append(p, line, n);
}

static bool is_settled(dictate_state state)
{
    return state == STATE_READY || state == STATE_DELIVERED || state == STATE_NOT_DELIVERED || state == STATE_ERROR;
}

void plain_note(screen_plain *p, const screen_view *view)
{
    const screen_view *before = &p->before;
    bool first = !p->shown;
    if (view->model[0] && (first || strcmp(view->model, before->model) != 0))
        plain_line(p, "model", view->model);
    if (view->device[0] && (first || strcmp(view->device, before->device) != 0))
        plain_line(p, "device", view->device);
    if (strcmp(view->text, before->text) != 0 || view->state == STATE_RECORDING)
        p->text_is_old = false; /* the same words said again are news, too */
    if (is_settled(view->state) && view->text[0] && !p->text_is_old) {
        plain_line(p, "text", view->text);
        p->text_is_old = true;
    }
    if (first || view->state != before->state) {
        char state[40 + SPOKEN_TEXT];
        snprintf(state, sizeof state, "%s%s%s", dictate_state_text(view->state), view->languages[0] ? " " : "",
                 view->languages);
        plain_line(p, "state", state);
    }
    if (view->message[0] && (first || strcmp(view->message, before->message) != 0))
        plain_line(p, view->state == STATE_ERROR || view->state == STATE_NOT_DELIVERED ? "error" : "message",
                   view->message);
    p->before = *view;
    p->shown = true;
}
