/* SPDX-License-Identifier: MIT
 *
 * One utterance, from segments to text. Segments are decoded as they end, for the live text and so that little is left to do at
 * the stop. Then, as long as it costs less than the user would notice, everything is decoded once more in one piece, because a
 * sentence cut at a pause gets false ends and capitals; else the pieces are joined. Nothing heard in speech: once more,
 * with more silence around, and if that fails too the sound stays. */
#define _XOPEN_SOURCE 700
#include "dictate/daemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A second decoding across pauses may cost so much. */
static const double WHOLE_BUDGET_MS = 250;
static const double WHOLE_LONGEST_SECONDS = 60;
/* Less speech than that may well be a click or a cough. */
static const double SPEECH_SECONDS = 0.3;

/* One whose outcome is only shown makes room. */
static void make_room(dictation *d)
{
    for (int32_t i = 0; i < d->n_utterances && d->n_utterances == UTTERANCES_MAX; i++)
        if (!machine_is_open(d->utterances[i]->state))
            utterance_free(d, d->utterances[i]);
}

utterance *utterance_new(dictation *d)
{
    make_room(d);
    if (d->n_utterances == UTTERANCES_MAX)
        return NULL;
    utterance *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    u->id = ++d->next_id;
    u->state = STATE_READY;
    u->binding = -1;
    u->delivery = -1;
    d->utterances[d->n_utterances++] = u;
    return u;
}

void utterance_free(dictation *d, utterance *u)
{
    for (int32_t i = 0; i < d->n_utterances; i++)
        if (d->utterances[i] == u) {
            memmove(d->utterances + i, d->utterances + i + 1,
                    (size_t)(d->n_utterances - i - 1) * sizeof *d->utterances);
            d->n_utterances--;
            break;
        }
    recording_close(u->sound, RECORDING_KEEP, "recording");
    for (int32_t i = 0; i < u->n_pieces; i++)
        free(u->pieces[i].text);
    free(u->pieces);
    free(u->text);
    free(u);
}

utterance *utterance_hearing(dictation *d)
{
    for (int32_t i = d->n_utterances - 1; i >= 0; i--)
        if (machine_is_hearing(d->utterances[i]->state))
            return d->utterances[i];
    return NULL;
}

utterance *utterance_by_id(dictation *d, int64_t id)
{
    for (int32_t i = 0; i < d->n_utterances; i++)
        if (d->utterances[i]->id == id)
            return d->utterances[i];
    return NULL;
}

void utterance_heard(const utterance *u, textbuf *text)
{
    for (int32_t i = 0; i < u->n_pieces; i++) {
        const piece *p = u->pieces + i, *before = i ? p - 1 : NULL;
        int64_t pause = before ? p->segment.speech_first - before->segment.speech_first - before->segment.speech_n : 0;
        if (p->text && p->text[0])
            joining_add(text, p->text, (double)pause / VOICE_RATE_HZ, before && before->segment.hard_cut);
    }
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == 0;
}

void utterance_segment(dictation *d, utterance *u, int32_t i)
{
    voice_segment segment;
    if (!u->sound || !recording_segment(u->sound, i, &segment))
        return;
    if (u->n_pieces == u->piece_capacity) {
        int32_t capacity = u->piece_capacity ? 2 * u->piece_capacity : 8;
        piece *grown = realloc(u->pieces, (size_t)capacity * sizeof *grown);
        if (!grown) {
            u->no_memory = true;
            return;
        }
        u->pieces = grown;
        u->piece_capacity = capacity;
    }
    u->pieces[u->n_pieces++] = (piece){.segment = segment};
    pieces_begin(d, u);
}

/* The text is as good as it gets. */
static void settle(dictation *d, utterance *u, const char *text)
{
    if (is_blank(text)) {
        snprintf(u->why, sizeof u->why, "%.1f s of speech gave no text; the sound is kept", u->speech_seconds);
        dictation_event(d, u, u->speech_seconds > SPEECH_SECONDS ? ON_NO_TEXT : ON_NO_SPEECH, 0);
        return;
    }
    textbuf ruled = {0};
    text_rules_apply(d->rules, text, &ruled);
    free(u->text);
    u->text = ruled.failed ? NULL : ruled.data;
    if (!u->text) {
        textbuf_free(&ruled);
        snprintf(u->why, sizeof u->why,
                 ruled.failed ? "out of memory; the sound is kept" : "the text rules left no text");
        dictation_event(d, u, ON_DECODE_FAILED, 0);
        return;
    }
    u->text_us = dictation_now_us();
    u->end_ms = (int64_t)time(NULL) * 1000;
    latency_add(&d->latency, STAGE_DECODE, u->recorded_us, u->text_us);
    log_line(LOG_INFO, "worker", "Transcription completed in %.2f seconds",
             (double)(u->text_us - (u->recorded_us ? u->recorded_us : u->text_us)) / 1e6);
    log_text("text", u->text);
    dictation_event(d, u, ON_TEXT, 0);
}

/* All sound is there, and every piece is answered. */
static void join(dictation *d, utterance *u)
{
    const voice_segment *first = &u->pieces[0].segment, *last = &u->pieces[u->n_pieces - 1].segment;
    int64_t n = last->first + last->n - first->first;
    double seconds = (double)n / VOICE_RATE_HZ;
    textbuf text = {0};
    utterance_heard(u, &text);
    bool blank = !text.data || is_blank(text.data);
    if (u->n_pieces > 1 && !u->whole_job && !blank && seconds < WHOLE_LONGEST_SECONDS
        && seconds * d->ms_per_second < WHOLE_BUDGET_MS)
        u->whole_job = pieces_decode(d, u, first->first, n, false);
    else if (blank && !u->second_job && u->speech_seconds > SPEECH_SECONDS)
        u->second_job = pieces_decode(d, u, first->first - VOICE_RATE_HZ / 2, n + VOICE_RATE_HZ, false);
    if (u->whole_job <= 0 && u->second_job <= 0) /* none is wanted, or memory does not suffice */
        settle(d, u, text.data ? text.data : "");
    textbuf_free(&text);
}

static void go_on(dictation *d, utterance *u)
{
    if (!u->recorded || u->state != STATE_FINISHING)
        return;
    if (u->no_memory) {
        snprintf(u->why, sizeof u->why, "out of memory; the sound is kept");
        dictation_event(d, u, ON_DECODE_FAILED, 0);
        return;
    }
    if (u->n_pieces == 0) { /* why: the microphone failed before there was anything to hear */
        dictation_event(d, u, u->why[0] ? ON_DECODE_FAILED : ON_NO_SPEECH, 0);
        return;
    }
    for (int32_t i = 0; i < u->n_pieces; i++)
        if (u->pieces[i].failed) {
            dictation_event(d, u, ON_DECODE_FAILED, 0);
            return;
        }
    if (!pieces_pending(u))
        join(d, u);
}

void utterance_recorded(dictation *d, utterance *u, int64_t time_us)
{
    if (!u->sound)
        return; /* cancelled meanwhile */
    recording_rest(u->sound);
    u->recorded = true;
    u->recorded_us = time_us;
    u->speech_seconds = recording_speech_seconds(u->sound);
    latency_add(&d->latency, STAGE_LAST, u->stop_us, time_us);
    const char *trouble = recording_spool_trouble(u->sound);
    if (trouble[0])
        dictation_say(d, LOG_WARNING, "%s", trouble);
    go_on(d, u);
}

static int32_t count_words(const char *text)
{
    int32_t n = 0;
    for (const char *s = text; *s; s++)
        n += *s != ' ' && (s == text || s[-1] == ' ');
    return n;
}

/* The answer to the decoding in one piece, or to the second try. One long pass may lose what the pieces have heard: it must not
 * be shorter by more than a tenth. */
static void answered_whole(dictation *d, utterance *u, const worker_answer *a)
{
    textbuf text = {0};
    if (u->state != STATE_FINISHING)
        return;
    utterance_heard(u, &text);
    const char *joined = text.data ? text.data : "";
    bool better = a->ok && !is_blank(a->text) && 10 * count_words(a->text) >= 9 * count_words(joined) - 10;
    settle(d, u, better ? a->text : joined);
    textbuf_free(&text);
}

bool utterance_answer(dictation *d, const worker_answer *a)
{
    if (a->ok && a->audio_seconds > 0.5)
        d->ms_per_second += 0.2 * (a->decode_ms / a->audio_seconds - d->ms_per_second);
    for (int32_t i = 0; i < d->n_utterances; i++) {
        utterance *u = d->utterances[i];
        if (!u->sound)
            continue; /* its end has come already */
        bool whole = u->whole_job == a->job || u->second_job == a->job;
        if (!whole && !pieces_answer(d, u, a))
            continue;
        u->decode_ms += a->decode_ms;
        if (a->ok && a->warning[0])
            dictation_say(d, LOG_WARNING, "%s", a->warning);
        if (whole)
            answered_whole(d, u, a);
        else
            go_on(d, u);
        return true;
    }
    return false;
}
