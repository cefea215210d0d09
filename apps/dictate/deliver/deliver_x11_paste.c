/* SPDX-License-Identifier: MIT
 *
 * The paste: save what the clipboard holds, take its place, press the chord, wait for the window to read, and (settle)
 * give the old content back once it has read enough. We stay the owner of what we gave back, because its former owner
 * cannot be made owner again.
 *
 * No receipt: the text is not delivered and the old content comes back all the same; the caller has the text. If
 * somebody takes the selection meanwhile, that is the user copying, and it is left alone. */
#include "deliver_x11_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_LIMIT_US = 8000000 };

static void forget_paste(deliver_x11 *x)
{
    for (int i = 0; i < DELIVER_N_OFFERS; i++) {
        deliver_clip_unref(x->offers[i].saved);
        x->offers[i].saved = NULL;
        x->offers[i].used = x->offers[i].taken = x->offers[i].unsaved = false;
    }
    x->watch = (deliver_watch){0};
}

static void say_lost(const deliver_x11 *x, deliver_outcome *outcome)
{
    snprintf(outcome->why, sizeof outcome->why, "%s", x->is_lost ? x->lost : "Out of memory for the clipboard.");
}

/* What the selection holds now, so that it can come back. */
static bool save(deliver_x11 *x, deliver_offer *offer)
{
    bool had_owner;
    if (offer->owned) { /* what an earlier paste gave back */
        offer->saved = deliver_clip_ref(offer->content);
        return true;
    }
    if (!deliver_fetch(x, offer->selection, &offer->saved, &had_owner))
        return false;
    offer->unsaved = had_owner && !offer->saved;
    return true;
}

static const char *window_name(const deliver_x11 *x)
{
    return x->focus.class[0] ? x->focus.class : "with the focus";
}

void deliver_keep(deliver_x11 *x, const char *text, deliver_outcome *outcome)
{
    deliver_clip *clip = deliver_clip_of_text(x, text, false);
    outcome->kept = clip && deliver_own(x, &x->offers[DELIVER_CLIP], clip);
    deliver_clip_unref(clip);
    forget_paste(x); /* it is meant to stay */
}

void deliver_held(deliver_x11 *x, const char *text, deliver_outcome *outcome)
{
    if (x->is_lost) {
        say_lost(x, outcome);
        return;
    }
    deliver_keep(x, text, outcome);
    snprintf(outcome->why, sizeof outcome->why,
             "A modifier key was still held after %d ms, so no key was pressed; the text %s in the clipboard.",
             x->modifier_ms, outcome->kept ? "lies" : "does not even lie");
}

static void keep_only(deliver_x11 *x, const char *text, deliver_outcome *outcome)
{
    outcome->sent_us = clock_now_us();
    deliver_keep(x, text, outcome);
    outcome->delivered = outcome->kept;
    outcome->kept = false;
    if (outcome->delivered)
        outcome->receipt_us = clock_now_us();
    else
        say_lost(x, outcome);
}

/* Until the target has read the text. It has receipt_ms from its last sign of life: a list of the forms that was asked
 * for, a piece that was taken. */
static void wait_for_receipt(deliver_x11 *x)
{
    const deliver_offer *offer = x->offers;
    int64_t patience = (int64_t)x->receipt_ms * 1000;
    while (!x->watch.receipt_us) {
        int64_t last = x->watch.asked_us > x->watch.read_us ? x->watch.asked_us : x->watch.read_us;
        bool owned = false;
        for (int i = 0; i < DELIVER_N_OFFERS; i++)
            owned = owned || (offer[i].used && offer[i].owned);
        if (!owned && x->watch.n_reading == 0)
            return;
        if (clock_now_us() >= last + patience || !deliver_step(x, last + patience))
            return;
    }
}

static void paste(deliver_x11 *x, const deliver_chord *chord, const char *text, deliver_outcome *outcome)
{
    deliver_offer *clipboard = &x->offers[DELIVER_CLIP], *primary = &x->offers[DELIVER_PRIMARY];
    deliver_clip *clip = NULL;
    clipboard->used = true;
    primary->used = chord->wants_primary;
    if (!save(x, clipboard) || (primary->used && !save(x, primary)) || !(clip = deliver_clip_of_text(x, text, true)))
        goto failed;
    if (!deliver_wait_modifiers(x)) {
        forget_paste(x);
        deliver_held(x, text, outcome);
        goto done;
    }
    if (!deliver_take_keyboard(x) || !(clipboard->taken = deliver_own(x, clipboard, clip))
        || (primary->used && !(primary->taken = deliver_own(x, primary, clip))))
        goto failed;
    x->watch = (deliver_watch){.on = true, .asked_us = clock_now_us()};
    if (!deliver_press_chord(x, chord)) {
        snprintf(outcome->why, sizeof outcome->why, "The keyboard's layout has no key for the paste chord.");
        goto done;
    }
    outcome->sent_us = clock_now_us();
    wait_for_receipt(x);
    outcome->receipt_us = x->watch.receipt_us;
    outcome->delivered = x->watch.receipt_us != 0;
    if (outcome->delivered)
        goto done;
    if (x->is_lost)
        goto failed;
    if (!clipboard->owned)
        snprintf(outcome->why, sizeof outcome->why,
                 "Another program took the clipboard before the window %.100s read the text.", window_name(x));
    else
        snprintf(outcome->why, sizeof outcome->why, "The window %.100s did not read the text within %d ms.",
                 window_name(x), x->receipt_ms);
    goto done;
failed:
    say_lost(x, outcome);
done:
    deliver_clip_unref(clip);
}

void deliver_x11_send(deliver_x11 *x, deliver_way way, const char *text, deliver_outcome *outcome)
{
    deliver_chord chord = {.kind = DELIVER_CHORD_TYPE};
    if (x->is_lost) {
        say_lost(x, outcome);
        return;
    }
    deliver_focus_now(x, &x->focus);
    snprintf(outcome->target, sizeof outcome->target, "%s", x->focus.class);
    if (way == DELIVER_CLIPBOARD)
        chord.kind = DELIVER_CHORD_CLIPBOARD;
    else if (way == DELIVER_PASTE)
        chord = deliver_rules_find(x, &x->focus);
    if (chord.kind == DELIVER_CHORD_CLIPBOARD)
        keep_only(x, text, outcome);
    else if (x->is_lost)
        say_lost(x, outcome);
    else if (!x->focus.window)
        snprintf(outcome->why, sizeof outcome->why, "No window has the keyboard focus, so the text went nowhere.");
    else if (chord.kind == DELIVER_CHORD_TYPE)
        deliver_type(x, text, outcome);
    else
        paste(x, &chord, text, outcome);
}

/* Until the target has been quiet for quiet_ms, or the user has copied something. */
static void wait_for_quiet(deliver_x11 *x)
{
    const deliver_offer *clipboard = &x->offers[DELIVER_CLIP];
    int64_t quiet = (int64_t)x->quiet_ms * 1000, limit = x->watch.receipt_us + SETTLE_LIMIT_US;
    while (clipboard->owned) {
        int64_t until = x->watch.read_us + quiet, now = clock_now_us();
        if (x->watch.n_reading > 0 || until > limit)
            until = limit;
        if (now >= until || (x->host.stopping(x->host.user) && now >= x->watch.receipt_us + quiet))
            return;
        if (!deliver_step(x, until))
            return;
    }
}

deliver_restored deliver_x11_settle(deliver_x11 *x)
{
    deliver_restored restored = DELIVER_NOT_RESTORED;
    if (x->watch.on && x->watch.receipt_us)
        wait_for_quiet(x);
    x->watch.on = false;
    for (int i = 0; i < DELIVER_N_OFFERS && !x->is_lost; i++) {
        deliver_offer *offer = &x->offers[i];
        deliver_restored now = DELIVER_NOT_RESTORED;
        if (!offer->taken)
            continue;
        if (!offer->owned)
            now = DELIVER_LEFT_TO_USER;
        else if (offer->unsaved)
            continue; /* there was content, but none that could be saved: the text is better than nothing */
        else if (!offer->saved) {
            deliver_disown(x, offer); /* it was empty */
            now = DELIVER_RESTORED;
        } else
            now = deliver_own(x, offer, offer->saved) ? DELIVER_RESTORED : DELIVER_NOT_RESTORED;
        if (i == DELIVER_CLIP)
            restored = now;
    }
    forget_paste(x);
    return restored;
}
