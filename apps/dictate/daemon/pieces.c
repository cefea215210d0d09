/* SPDX-License-Identifier: MIT
 *
 * One segment to text. After a short pause it is decoded with the seconds before it as context, of which only the words that
 * are new count: else every pause would begin a sentence. And what the words' times leave out is compared with the voice
 * activity: where somebody spoke for a second and no word came, that stretch is decoded once more by itself, since a
 * transducer that fell silent after a sentence's end wakes up when its state is reset.
 *
 * Context needs words with times, in the order in which they were spoken: a translation, and a model without times, gets none.
 * An encoder-decoder is asked for times only where there is context, since they may change what it writes; its holes are not
 * looked for otherwise. */
#define _XOPEN_SOURCE 700
#include "dictate/daemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double CONTEXT_SECONDS = 2, SOFT_PAUSE_SECONDS = 2;
static const double HOLE_SECONDS = 1, HOLE_MARGIN_SECONDS = 0.2;

int64_t pieces_decode(dictation *d, utterance *u, int64_t first, int64_t n, bool times)
{
    size_t n_padded = 0;
    float *pcm = recording_padded(u->sound, first, n, &n_padded);
    int64_t job = pcm ? worker_submit(d->worker, pcm, n_padded, &(worker_ask){u->spoken, times}) : -1;
    free(pcm);
    return job;
}

static void begin(dictation *d, utterance *u, piece *p, int64_t from)
{
    p->from = from;
    p->job = pieces_decode(d, u, from, p->segment.first + p->segment.n - from, from < p->segment.first);
    p->failed = p->job < 0;
    if (p->failed)
        snprintf(u->why, sizeof u->why, "out of memory; the sound is kept");
}

static bool can_have_context(const dictation *d, const utterance *u)
{
    return (!d->facts.known || d->facts.times) && !languages_translated(d, u);
}

void pieces_begin(dictation *d, utterance *u)
{
    piece *p = u->pieces + u->n_pieces - 1, *before = u->n_pieces > 1 ? p - 1 : NULL;
    int64_t from = p->segment.first;
    if (before && can_have_context(d, u)) {
        int64_t spoken = before->segment.speech_first + before->segment.speech_n;
        double pause = (double)(p->segment.speech_first - spoken) / VOICE_RATE_HZ;
        if (before->segment.hard_cut || pause < SOFT_PAUSE_SECONDS) {
            int64_t context = spoken - (int64_t)(CONTEXT_SECONDS * VOICE_RATE_HZ);
            from = context > before->segment.first ? context : before->segment.first;
        }
    }
    begin(d, u, p, from);
}

/* A time of the answer as a sample of the recording, and back. */
static int64_t sample_at(int64_t from, double seconds)
{
    return from + (int64_t)((seconds - VOICE_LEAD_MS / 1000.0) * VOICE_RATE_HZ);
}

/* The first word that is the segment's own. */
static int32_t first_own(const piece *p, const worker_answer *a)
{
    int32_t i = 0;
    while (i < a->n_words
           && sample_at(p->from, (double)(a->words[i].start_seconds + a->words[i].end_seconds) / 2) < p->segment.first)
        i++;
    return i;
}

/* Speech without words between two samples: once more, by itself. at: where its words belong. */
static void patch_hole(dictation *d, utterance *u, piece *p, int64_t first, int64_t end, int32_t at)
{
    const int64_t margin = (int64_t)(HOLE_MARGIN_SECONDS * VOICE_RATE_HZ);
    if (p->n_patches == PATCHES_MAX || (double)(end - first) < HOLE_SECONDS * VOICE_RATE_HZ
        || recording_speech_between(u->sound, first, end - first) < HOLE_SECONDS)
        return;
    int64_t job = pieces_decode(d, u, first - margin, end - first + 2 * margin, false);
    if (job < 0)
        return;
    p->patches[p->n_patches++] = (patch){job, at};
    log_line(LOG_INFO, "voice", "a hole of %.1f s is decoded again", (double)(end - first) / VOICE_RATE_HZ);
}

static void look_for_holes(dictation *d, utterance *u, piece *p, const worker_answer *a, int32_t own, int32_t skipped)
{
    int64_t at = p->segment.speech_first, end = p->segment.speech_first + p->segment.speech_n;
    for (int32_t i = own; i < a->n_words; i++) {
        patch_hole(d, u, p, at, sample_at(p->from, (double)a->words[i].start_seconds), a->words[i].at - skipped);
        at = sample_at(p->from, (double)a->words[i].end_seconds);
    }
    patch_hole(d, u, p, at, end, (int32_t)strlen(p->text));
}

/* Do the words reach to the text's end? A list that breaks off tells neither old words from new nor where the holes are. */
static bool has_all_words(const worker_answer *a)
{
    const worker_word *last = a->n_words > 0 ? a->words + a->n_words - 1 : NULL;
    const char *rest = a->text + (last ? last->at + last->n : 0);
    return rest[strspn(rest, " ")] == 0;
}

static void answered(dictation *d, utterance *u, piece *p, const worker_answer *a)
{
    if (!a->ok) {
        snprintf(u->why, sizeof u->why, "%s; the sound is kept", a->error);
        p->failed = true;
        return;
    }
    snprintf(u->model, sizeof u->model, "%s", a->model);
    bool translated = a->target[0] && strcmp(a->target, a->language) != 0;
    snprintf(u->language, sizeof u->language, "%.14s%s%.14s", a->language, translated ? ">" : "",
             translated ? a->target : "");
    int32_t own = first_own(p, a), skipped = own < a->n_words ? a->words[own].at : (int32_t)strlen(a->text);
    if (p->from == p->segment.first)
        own = skipped = 0;
    else if (!has_all_words(a)) { /* nothing tells old words from new: without context, then */
        begin(d, u, p, p->segment.first);
        return;
    }
    p->text = strdup(a->text + skipped);
    p->failed = !p->text;
    if (p->failed)
        snprintf(u->why, sizeof u->why, "out of memory; the sound is kept");
    else if (has_all_words(a))
        look_for_holes(d, u, p, a, own, skipped);
}

static void answered_patch(piece *p, int32_t k, const worker_answer *a)
{
    patch *hole = p->patches + k;
    const char *words = a->ok ? a->text + strspn(a->text, " ") : "";
    size_t n = strlen(p->text), n_words = strlen(words), at = (size_t)hole->at < n ? (size_t)hole->at : n;
    hole->job = 0;
    char *text = n_words ? malloc(n + n_words + 3) : NULL;
    if (!text)
        return; /* nothing new; the rest stands */
    bool space_before = at > 0 && p->text[at - 1] != ' ', space_after = at < n && p->text[at] != ' ';
    size_t n_new = (size_t)sprintf(text, "%.*s%s%s%s%s", (int)at, p->text, space_before ? " " : "", words,
                                   space_after ? " " : "", p->text + at);
    for (int32_t i = 0; i < p->n_patches; i++)
        if (i != k && p->patches[i].at >= hole->at && (i > k || p->patches[i].at > hole->at))
            p->patches[i].at += (int32_t)(n_new - n);
    free(p->text);
    p->text = text;
}

bool pieces_answer(dictation *d, utterance *u, const worker_answer *a)
{
    for (int32_t i = 0; i < u->n_pieces; i++) {
        piece *p = u->pieces + i;
        if (p->job == a->job && !p->text) {
            answered(d, u, p, a);
            return true;
        }
        for (int32_t k = 0; k < p->n_patches; k++)
            if (p->patches[k].job == a->job) {
                answered_patch(p, k, a);
                return true;
            }
    }
    return false;
}

bool pieces_pending(const utterance *u)
{
    for (int32_t i = 0; i < u->n_pieces; i++) {
        if (!u->pieces[i].text)
            return true;
        for (int32_t k = 0; k < u->pieces[i].n_patches; k++)
            if (u->pieces[i].patches[k].job)
                return true;
    }
    return false;
}
