/* SPDX-License-Identifier: MIT
 *
 * The deliverer as the daemon has it: it may be absent, because there is no display or because it went away, and is opened
 * when a text wants it. Each one's ids are moved into a range of their own, so that what the one before still has to say
 * is never taken for the news of the one that is there now. */
#define _XOPEN_SOURCE 700
#include "dictate/daemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t IDS_EACH = INT64_C(1) << 32;

/* What one deliverer's thread knows of the daemon. */
struct delivery_link {
    mailbox *box;
    int64_t base;
};

static void on_outcome(void *user, const deliver_outcome *outcome)
{
    const delivery_link *link = user;
    mail m = {.kind = MAIL_OUTCOME};
    m.of.outcome = *outcome;
    m.of.outcome.id += link->base;
    mailbox_post(link->box, &m, NULL);
}

static void on_restored(void *user, int64_t id, bool by_user)
{
    const delivery_link *link = user;
    mailbox_post(link->box, &(mail){.kind = MAIL_RESTORED, .id = link->base + id, .number = by_user}, NULL);
}

static void on_lost(void *user, const char *why)
{
    const delivery_link *link = user;
    mailbox_post(link->box, &(mail){.kind = MAIL_DELIVERER_LOST, .id = link->base}, why);
}

bool delivery_open(dictation *d, char error[DAEMON_ERROR])
{
    deliver_options options;
    deliver_options_init(&options);
    if (d->deliverer)
        return true;
    if (!deliver_parse(d->set->deliver, &options, error))
        return false;
    options.rules = (const char *const *)d->set->deliver_rules.items;
    options.n_rules = d->set->deliver_rules.n_items;
    options.receipt_ms = d->set->receipt_ms;
    delivery_link *link = malloc(sizeof *link);
    if (!link) {
        snprintf(error, DAEMON_ERROR, "out of memory");
        return false;
    }
    *link = (delivery_link){d->box, d->delivery_base += IDS_EACH};
    d->deliverer = deliver_create(&options, &(deliver_sink){link, on_outcome, on_restored, on_lost}, error);
    if (!d->deliverer) {
        free(link);
        return false;
    }
    d->delivery_link = link;
    return true;
}

void delivery_close(dictation *d)
{
    deliver_free(d->deliverer);
    free(d->delivery_link);
    d->deliverer = NULL;
    d->delivery_link = NULL;
}

void delivery_lost(dictation *d, int64_t base, const char *why)
{
    if (!d->delivery_link || d->delivery_link->base != base)
        return; /* of one that was closed meanwhile */
    delivery_close(d);
    dictation_say(d, LOG_WARNING, "%s", why);
}

static int64_t send(dictation *d, const char *text, bool to_clipboard, char error[DAEMON_ERROR])
{
    if (!text)
        snprintf(error, DAEMON_ERROR, "out of memory");
    if (!text || !delivery_open(d, error))
        return -1;
    int64_t id = to_clipboard ? deliver_to_clipboard(d->deliverer, text) : deliver_text(d->deliverer, text);
    if (id < 0) {
        snprintf(error, DAEMON_ERROR, "out of memory");
        return -1;
    }
    return d->delivery_link->base + id;
}

int64_t delivery_text(dictation *d, const char *text, char error[DAEMON_ERROR])
{
    return send(d, text, false, error);
}

int64_t delivery_clipboard(dictation *d, const char *text, char error[DAEMON_ERROR])
{
    return send(d, text, true, error);
}
