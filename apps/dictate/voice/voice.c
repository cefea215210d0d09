/* SPDX-License-Identifier: MIT
 *
 * Samples become frames of 10 ms; each frame is loud or not against the noise floor; runs of loud frames are speech; speech
 * with what lies around it makes segments. Whatever happens, happens at the end of a frame, so that the size of the pushes
 * never changes a result.
 *
 *   not speaking   a loud frame counts one up, another one down; `onset` of them together are speech from the first on
 *   speaking       goes on while the mean of three frames is above the lower threshold, and `hang` frames longer
 *   segment        ends after `pause` frames without speech; of those, post are kept with it, and the next one's pre-roll
 *                  never reaches back over its end
 *
 * The judgement is late rather than final: when the floor falls, the last second is judged once more against it, so that
 * a word that came just as a noise ended is not lost. */
#include "dictate/voice/voice_inside.h"

#include <math.h>
#include <stdlib.h>

enum {
    FRAME_LOUD = 1,   /* above the threshold, whatever a mask says */
    FRAME_SPEECH = 2, /* called speech */
    FRAME_MASKED = 4
};

enum {
    MOST_MASKS = 8,
    REJUDGED = 100,     /* frames judged again when the floor falls */
    CUE_LONGEST = 20,   /* loud for longer than a cue and its echo: somebody speaks into it */
    QUIET_GAP = 5,      /* so many quiet frames part a cue from the word after it */
    SHORTEST_CUT = 200, /* frames; a longest_ms below this is raised */
    CUT_NARROW = 10,
    CUT_WIDE = 40
};

static const double rejudge_db = 3;
static const double echo_db = 6, echo_decay_db = 2; /* a cue's echo: so far below the cue at once, and per frame */

typedef struct frame {
    float power;
    uint8_t flags;
} frame;

typedef struct window {
    int64_t first, end;
} window;

struct voice {
    voice_options options;
    int64_t pre, post, onset, pause, longest, hang; /* frames */

    voice_band band;
    voice_floor floor;
    double sum; /* of squares of the frame that is being filled */
    int32_t n_in_frame;
    int64_t n_samples, n_frames;
    double level_power;
    bool finished;

    window masks[MOST_MASKS];
    int32_t n_masks;
    double echo; /* dB: what may be the echo of a cue */

    frame *ring; /* the last n_ring frames */
    int64_t n_ring;

    bool speaking;
    int64_t count, run; /* loud frames so far, and the first of them */
    int64_t n_masked_loud;
    double judged_db;                   /* the highest floor that the last second was judged against */
    int64_t last_speech;                /* frames: the end of the last one called speech */
    int64_t n_speech;                   /* frames */
    bool open;                          /* a segment is */
    int64_t first, speech_first, ended; /* frames: of the open segment; the end of the one before */

    voice_segment *queue;
    size_t n_queue, queue_at, queue_capacity;
};

void voice_options_init(voice_options *options)
{
    *options = (voice_options){.pre_ms = 450,
                               .post_ms = 450,
                               .onset_ms = 60,
                               .pause_ms = 1000,
                               .longest_ms = 30000,
                               .open_db = 6,
                               .close_db = 4,
                               .floor_db = -70};
}

static int64_t frames_of(int32_t ms, int64_t least)
{
    int64_t n = ms / VOICE_FRAME_MS;
    return n > least ? n : least;
}

voice *voice_create(const voice_options *options)
{
    voice *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->options = *options;
    v->pre = frames_of(options->pre_ms, 0);
    v->post = frames_of(options->post_ms, 0);
    v->onset = frames_of(options->onset_ms, 1);
    v->pause = frames_of(options->pause_ms, 2);
    v->hang = v->post < v->pause ? v->post : v->pause;
    /* A pause too short for both paddings is shared out between them. */
    if (v->pre + v->post > v->pause)
        v->post = v->pause * v->post / (v->pre + v->post);
    v->longest = frames_of(options->longest_ms, SHORTEST_CUT);
    if (v->longest < 4 * v->pre)
        v->longest = 4 * v->pre;
    v->n_ring = v->longest + v->pre + v->pause + REJUDGED;
    v->ring = calloc((size_t)v->n_ring, sizeof *v->ring);
    if (!v->ring) {
        free(v);
        return NULL;
    }
    voice_band_init(&v->band);
    voice_floor_init(&v->floor, options->floor_db - options->open_db);
    voice_reset(v);
    return v;
}

void voice_free(voice *v)
{
    if (!v)
        return;
    free(v->ring);
    free(v->queue);
    free(v);
}

void voice_reset(voice *v)
{
    voice_band_reset(&v->band);
    v->sum = v->level_power = 0;
    v->n_in_frame = 0;
    v->n_samples = v->n_frames = 0;
    v->finished = v->speaking = v->open = false;
    v->n_masks = 0;
    v->echo = -HUGE_VAL;
    v->count = v->run = v->n_masked_loud = 0;
    v->judged_db = v->floor.db;
    v->last_speech = v->n_speech = v->first = v->speech_first = v->ended = 0;
    v->n_queue = v->queue_at = 0;
}

void voice_mask(voice *v, int64_t first, int64_t n)
{
    if (n <= 0)
        return;
    if (v->n_masks == MOST_MASKS) {
        for (int i = 1; i < MOST_MASKS; i++)
            v->masks[i - 1] = v->masks[i];
        v->n_masks--;
    }
    v->masks[v->n_masks++] = (window){first, first + n};
}

static frame *frame_at(const voice *v, int64_t i)
{
    return &v->ring[i % v->n_ring];
}

static double mean_power(const voice *v, int64_t first, int64_t end)
{
    double sum = 0;
    for (int64_t i = first; i < end; i++)
        sum += frame_at(v, i)->power;
    return sum / (double)(end - first);
}

static int64_t sample_of(const voice *v, int64_t at)
{
    return at * VOICE_FRAME < v->n_samples ? at * VOICE_FRAME : v->n_samples;
}

/* ---------------------------------------------------------------- segments */

static void emit(voice *v, int64_t end, int64_t speech_end, bool hard_cut)
{
    voice_segment s = {
        .first = sample_of(v, v->first), .speech_first = sample_of(v, v->speech_first), .hard_cut = hard_cut};
    s.n = sample_of(v, end) - s.first;
    s.speech_n = sample_of(v, speech_end) - s.speech_first;
    v->ended = end;
    if (v->n_queue == v->queue_capacity) {
        size_t capacity = v->queue_capacity * 2 + 8;
        voice_segment *queue = realloc(v->queue, capacity * sizeof *queue);
        if (!queue && v->n_queue > v->queue_at) {
            /* Out of memory: two segments become one, which is longer than wanted but loses nothing. */
            voice_segment *last = &v->queue[v->n_queue - 1];
            last->n = s.first + s.n - last->first;
            last->speech_n = s.speech_first + s.speech_n - last->speech_first;
            last->hard_cut = s.hard_cut;
            return;
        }
        if (!queue)
            return;
        v->queue = queue;
        v->queue_capacity = capacity;
    }
    v->queue[v->n_queue++] = s;
}

bool voice_next(voice *v, voice_segment *segment)
{
    if (v->queue_at == v->n_queue)
        return false;
    *segment = v->queue[v->queue_at++];
    if (v->queue_at == v->n_queue)
        v->queue_at = v->n_queue = 0;
    return true;
}

/* The middle of the quietest stretch in the second half of the open segment. The wide window draws the cut into the middle
 * of a gap, the narrow one finds gaps within words when there are no others. */
static int64_t quietest(const voice *v, int64_t now)
{
    int64_t best = now;
    double lowest = HUGE_VAL;
    for (int64_t i = v->first + v->longest / 2; i + CUT_NARROW / 2 <= now; i++) {
        int64_t end = i + CUT_WIDE / 2 < now ? i + CUT_WIDE / 2 : now;
        double power = mean_power(v, i - CUT_NARROW / 2, i + CUT_NARROW / 2) + mean_power(v, i - CUT_WIDE / 2, end);
        if (power < lowest) {
            lowest = power;
            best = i;
        }
    }
    return best;
}

/* The open segment has become too long; what lies after the cut is the next one, if there is speech in it. */
static void cut(voice *v, int64_t now)
{
    int64_t at = quietest(v, now), speech_end = at, next = at;
    while (speech_end > v->speech_first && !(frame_at(v, speech_end - 1)->flags & FRAME_SPEECH))
        speech_end--;
    emit(v, at, speech_end, true);
    while (next < now && !(frame_at(v, next)->flags & FRAME_SPEECH))
        next++;
    v->open = next < now;
    v->first = next - v->pre > at ? next - v->pre : at;
    v->speech_first = next;
}

/* A cue that is parted from the word by a moment of quiet is left out of the pre-roll. */
static int64_t first_after_cue(const voice *v, int64_t first, int64_t speech)
{
    int64_t quiet = 0, at = speech;
    while (at > first && quiet < QUIET_GAP) {
        const frame *f = frame_at(v, --at);
        if (f->flags & FRAME_MASKED)
            return first;
        quiet = f->flags & FRAME_LOUD ? 0 : quiet + 1;
    }
    while (at > first && !(frame_at(v, at - 1)->flags & FRAME_MASKED))
        at--;
    return at;
}

static void open_segment(voice *v, int64_t speech)
{
    int64_t first = speech - v->pre > v->ended ? speech - v->pre : v->ended;
    v->open = true;
    v->speech_first = speech;
    v->first = first_after_cue(v, first, speech);
}

/* ---------------------------------------------------------------- judgement */

static void call_speech(voice *v, int64_t first, int64_t end)
{
    if (!v->open)
        open_segment(v, first);
    for (int64_t i = first; i < end; i++) {
        frame *f = frame_at(v, i);
        v->n_speech += !(f->flags & FRAME_SPEECH);
        f->flags |= FRAME_SPEECH;
    }
    v->last_speech = end;
}

static void begin_speech(voice *v, int64_t now)
{
    int64_t first = v->run > v->ended ? v->run : v->ended;
    if (first < now - REJUDGED)
        first = now - REJUDGED;
    v->speaking = true;
    v->count = v->n_masked_loud = 0;
    call_speech(v, first, now);
}

/* Is this frame to be counted, now that nobody speaks? Inside a cue's window only what lasts longer than a cue; after it,
 * what is louder than its echo can be. */
static bool counts(voice *v, const frame *f, int64_t i)
{
    if (!(f->flags & FRAME_LOUD)) {
        v->n_masked_loud = 0;
        return false;
    }
    if (!(f->flags & FRAME_MASKED) && voice_db(f->power) >= v->echo)
        return true;
    if (++v->n_masked_loud < CUE_LONGEST)
        return false;
    v->run = i - v->n_masked_loud + 1;
    v->count = v->onset;
    return true;
}

static void listen_for_onset(voice *v, int64_t i)
{
    frame *f = frame_at(v, i);
    if (counts(v, f, i)) {
        if (v->count == 0)
            v->run = i;
        if (++v->count >= v->onset)
            begin_speech(v, i + 1);
    } else if (v->count > 0) {
        v->count--;
    }
}

static void judge(voice *v, int64_t i)
{
    const voice_options *o = &v->options;
    frame *f = frame_at(v, i);
    double open = fmax(v->floor.db + o->open_db, o->floor_db);
    double close = fmax(v->floor.db + o->close_db, o->floor_db - (o->open_db - o->close_db));
    f->flags &= (uint8_t)~FRAME_LOUD;
    if (voice_db(f->power) >= open)
        f->flags |= FRAME_LOUD;
    if (!v->speaking)
        listen_for_onset(v, i);
    else if (voice_db(mean_power(v, i < 2 ? 0 : i - 2, i + 1)) >= close)
        call_speech(v, i, i + 1);
    else if (i + 1 - v->last_speech >= v->hang)
        v->speaking = false;
    if (!v->open)
        return;
    if (i + 1 - v->last_speech >= v->pause) {
        emit(v, v->last_speech + v->post, v->last_speech, false);
        v->open = false;
    } else if (i + 1 - v->first >= v->longest) {
        cut(v, i + 1);
    }
}

/* The floor has fallen: what was no speech against the old one may be speech against the new one. */
static void judge_again(voice *v, int64_t i)
{
    int64_t first = i - REJUDGED > v->last_speech ? i - REJUDGED : v->last_speech;
    if (first < v->ended)
        first = v->ended;
    v->judged_db = v->floor.db;
    v->count = v->n_masked_loud = 0;
    for (; first < i; first++)
        judge(v, first);
}

static void end_frame(voice *v)
{
    int64_t i = v->n_frames++, first = i * VOICE_FRAME;
    frame *f = frame_at(v, i);
    double power = v->sum / v->n_in_frame;
    *f = (frame){.power = (float)power};
    v->sum = 0;
    v->n_in_frame = 0;
    for (int m = 0; m < v->n_masks; m++)
        if (v->masks[m].first < first + VOICE_FRAME && v->masks[m].end > first)
            f->flags = FRAME_MASKED;
    if (f->flags & FRAME_MASKED) {
        v->echo = fmax(v->echo, voice_db(power) - echo_db);
    } else {
        v->echo -= echo_decay_db;
        voice_floor_push(&v->floor, power);
    }
    v->level_power += 0.3 * (power - v->level_power);
    if (!v->speaking && v->floor.db < v->judged_db - rejudge_db)
        judge_again(v, i);
    v->judged_db = fmax(v->judged_db, v->floor.db);
    judge(v, i);
}

/* ---------------------------------------------------------------- the door */

void voice_push(voice *v, const float *pcm, size_t n)
{
    for (size_t k = 0; k < n && !v->finished; k++) {
        double x = pcm[k], y = voice_band_step(&v->band, x - x == 0 ? x : 0); /* NaN and infinity are silence */
        v->sum += y * y;
        v->n_samples++;
        if (++v->n_in_frame == VOICE_FRAME)
            end_frame(v);
    }
}

void voice_finish(voice *v)
{
    if (v->finished)
        return;
    if (v->n_in_frame)
        end_frame(v);
    v->finished = true;
    /* Stopped in the middle of an onset. */
    if (!v->speaking && v->count > 0 && v->count >= v->onset / 2)
        begin_speech(v, v->n_frames);
    if (v->open) {
        int64_t end = v->last_speech + v->post;
        emit(v, end < v->n_frames ? end : v->n_frames, v->last_speech, false);
    }
    v->open = v->speaking = false;
}

float voice_level(const voice *v)
{
    double level = 1 + voice_db(v->level_power) / 60;
    return (float)fmin(fmax(level, 0), 1);
}

bool voice_speaking(const voice *v)
{
    return v->speaking;
}

double voice_speech_between(const voice *v, int64_t first, int64_t n)
{
    int64_t from = first / VOICE_FRAME, to = (first + n) / VOICE_FRAME, speech = 0;
    if (from < v->n_frames - v->n_ring)
        from = v->n_frames - v->n_ring;
    if (from < 0)
        from = 0;
    if (to > v->n_frames)
        to = v->n_frames;
    for (int64_t i = from; i < to; i++)
        speech += (v->ring[i % v->n_ring].flags & (FRAME_SPEECH | FRAME_LOUD)) == (FRAME_SPEECH | FRAME_LOUD);
    return (double)speech * VOICE_FRAME / VOICE_RATE_HZ;
}

double voice_speech_seconds(const voice *v)
{
    return (double)v->n_speech * VOICE_FRAME / VOICE_RATE_HZ;
}

int64_t voice_last_speech(const voice *v)
{
    return sample_of(v, v->last_speech);
}
