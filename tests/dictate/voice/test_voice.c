/* SPDX-License-Identifier: MIT
 * What is called speech and how it is cut, on made-up sounds. */
#include "check.h"
#include "signals.h"

#include <stdio.h>

/* Find with these options (NULL: the standard ones), in one push. */
static spans find(track t, const voice_options *options)
{
    static spans s;
    voice_options standard;
    voice_options_init(&standard);
    voice *v = voice_create(options ? options : &standard);
    if (!v)
        abort();
    spans_find(&s, v, t, t.n);
    voice_free(v);
    return s;
}

static voice *standard_voice(void)
{
    voice_options o;
    voice_options_init(&o);
    voice *v = voice_create(&o);
    if (!v)
        abort();
    return v;
}

static void silence_is_no_speech(void)
{
    track t = track_make(5000);
    voice *v = standard_voice();
    spans s;
    spans_find(&s, v, t, t.n);
    CHECK_INT(s.n, 0);
    CHECK(voice_level(v) == 0);
    CHECK(voice_speech_seconds(v) == 0);
    CHECK_INT(voice_last_speech(v), 0);
    voice_free(v);
    v = standard_voice();
    voice_finish(v);
    CHECK(!voice_next(v, &s.items[0]));
    voice_free(v);
    free(t.pcm);
}

/* A word that is found is kept with 450 ms on both sides, whatever its level. */
static void words_of_every_level(void)
{
    for (int db = -45; db <= 0; db += 5) {
        track t = track_make(4000);
        track_noise(t, 0, 4000, -75, 1);
        track_word(t, 1500, 300, db);
        spans s = find(t, NULL);
        if (!CHECK_INT(s.n, 1))
            continue;
        CHECK_NEAR((double)s.items[0].speech_first / MS, 1500, 20);
        CHECK_NEAR((double)(s.items[0].speech_first + s.items[0].speech_n) / MS, 1800, 40);
        CHECK_INT(s.items[0].speech_first - s.items[0].first, 450 * MS);
        CHECK_INT(s.items[0].n - s.items[0].speech_n, 900 * MS);
        CHECK(!s.items[0].hard_cut);
        free(t.pcm);
    }
}

static void short_words_are_padded_never_dropped(void)
{
    for (int ms = 80; ms <= 400; ms += 10) {
        track t = track_make(3000);
        track_noise(t, 0, 3000, -70, (uint32_t)ms);
        track_word(t, 1203, ms, -35);
        spans s = find(t, NULL);
        CHECK_INT(s.n, 1);
        CHECK_INT(spans_holding(&s, 1203 * MS, ms * MS), 1);
        CHECK(s.n == 1 && voice_padded((size_t)s.items[0].n) >= VOICE_SHORTEST_MS * MS);
        free(t.pcm);
    }
}

static void clicks_are_no_speech(void)
{
    track t = track_make(6000);
    track_noise(t, 0, 6000, -75, 3);
    for (int i = 0; i < 8; i++)
        track_word(t, 1500 + 500 * i, 25, -20);
    CHECK_INT(find(t, NULL).n, 0);
    free(t.pcm);
}

static void pauses_end_segments(void)
{
    for (int gap = 300; gap <= 1900; gap += 100) {
        track t = track_make(5000);
        track_word(t, 1000, 400, -25);
        track_word(t, 1400 + gap, 400, -25);
        spans s = find(t, NULL);
        CHECK_INT(s.n, gap < 1000 ? 1 : 2);
        CHECK_INT(spans_holding(&s, 1000 * MS, 400 * MS), 1);
        CHECK_INT(spans_holding(&s, (1400 + gap) * MS, 400 * MS), 1);
        free(t.pcm);
    }
}

/* A pause shorter than both paddings together: they share it. */
static void short_pauses_share_the_padding(void)
{
    voice_options o;
    voice_options_init(&o);
    o.pause_ms = 300;
    for (int gap = 200; gap <= 900; gap += 20) {
        track t = track_make(4000);
        track_word(t, 1000, 400, -25);
        track_word(t, 1400 + gap, 400, -25);
        spans s = find(t, &o);
        CHECK_INT(spans_holding(&s, 1000 * MS, 400 * MS), 1);
        CHECK_INT(spans_holding(&s, (1400 + gap) * MS, 400 * MS), 1);
        if (gap >= 340 && CHECK_INT(s.n, 2)) {
            CHECK(s.items[0].first + s.items[0].n <= s.items[1].first);
            CHECK(s.items[1].speech_first - s.items[1].first >= 140 * MS);
        }
        free(t.pcm);
    }
}

/* A long track in which everything happens. */
static track eventful(uint32_t seed, int64_t ms)
{
    track t = track_make(ms);
    track_noise(t, 0, ms / 2, -60, seed);
    track_noise(t, ms / 2, ms / 4, -40, seed + 1);
    track_tone(t, 0, ms, 50, -30);
    for (int64_t at = 100; at < ms;) {
        seed = seed * 1664525U + 1013904223U;
        int64_t n = 80 + (seed >> 24) * 5;
        track_word(t, at, n, -35 + (int)(seed >> 16 & 31));
        at += n + 50 + (seed >> 10 & 15) * (seed >> 5 & 15) * 12;
    }
    return t;
}

static void pushes_of_any_size_give_the_same(void)
{
    static const int64_t chunks[] = {1, 7, 159, 160, 161, 1600, 16001};
    track t = eventful(5, 30000);
    voice_options o;
    voice_options_init(&o);
    o.longest_ms = 6000;
    static spans whole, parts;
    double seconds = 0;
    for (int c = -1; c < (int)(sizeof chunks / sizeof *chunks); c++) {
        voice *v = voice_create(&o);
        spans *s = c < 0 ? &whole : &parts;
        voice_mask(v, 900 * MS, 120 * MS);
        voice_mask(v, 11000 * MS + 77, 120 * MS);
        spans_find(s, v, t, c < 0 ? t.n : chunks[c]);
        if (c < 0)
            seconds = voice_speech_seconds(v);
        CHECK(voice_speech_seconds(v) == seconds);
        CHECK_INT(s->n, whole.n);
        for (int i = 0; i < s->n && i < whole.n; i++) {
            const voice_segment *a = &s->items[i], *b = &whole.items[i];
            CHECK(a->first == b->first && a->n == b->n && a->speech_first == b->speech_first
                  && a->speech_n == b->speech_n && a->hard_cut == b->hard_cut);
        }
        voice_free(v);
    }
    CHECK(whole.n > 4);
    free(t.pcm);
}

/* Whatever is pushed: segments are in order, apart, not too long, and their speech lies inside. */
static void segments_never_overlap(void)
{
    voice_options o;
    voice_options_init(&o);
    for (uint32_t seed = 1; seed <= 24; seed++) {
        o.longest_ms = seed % 2 ? 4000 : 30000;
        o.pause_ms = seed % 3 ? 1000 : 400;
        track t = eventful(seed, 20000);
        spans s = find(t, &o);
        int64_t end = 0;
        CHECK(s.n > 0);
        for (int i = 0; i < s.n; i++) {
            const voice_segment *a = &s.items[i];
            CHECK(a->first >= end && a->n > 0 && a->first + a->n <= t.n);
            CHECK(a->speech_first >= a->first && a->speech_n > 0 && a->speech_first + a->speech_n <= a->first + a->n);
            CHECK(a->n <= o.longest_ms * MS);
            end = a->first + a->n;
        }
        free(t.pcm);
    }
}

/* Words 260 ms apart for a minute: each cut lies in a gap, and each word in one segment. */
static void long_speech_is_cut_between_words(void)
{
    voice_options o;
    voice_options_init(&o);
    o.longest_ms = 10000;
    track t = track_make(60000);
    track_noise(t, 0, 60000, -70, 9);
    for (int at = 500; at < 59000; at += 700)
        track_word(t, at, 440, -25);
    spans s = find(t, &o);
    CHECK(s.n >= 7);
    for (int at = 500; at < 59000; at += 700)
        CHECK_INT(spans_holding(&s, at * MS, 440 * MS), 1);
    for (int i = 0; i + 1 < s.n; i++) {
        CHECK(s.items[i].hard_cut);
        CHECK_INT(s.items[i].first + s.items[i].n, s.items[i + 1].first);
    }
    CHECK(s.n && !s.items[s.n - 1].hard_cut);
    free(t.pcm);
}

static void speech_without_a_gap_is_cut_all_the_same(void)
{
    voice_options o;
    voice_options_init(&o);
    o.longest_ms = 3000;
    track t = track_make(2800);
    track_word(t, 200, 2600, -20);
    spans s = find(t, &o);
    CHECK_INT(s.n, 1);
    free(t.pcm);
    t = track_make(12000);
    for (int i = 0; i < 60; i++) /* loud and less loud, never quiet, so that the floor does not take it for the room */
        track_word(t, 200 + 190 * i, 185, i % 5 ? -20 : -30);
    s = find(t, &o);
    CHECK(s.n >= 4);
    for (int i = 0; i + 1 < s.n; i++) {
        CHECK(s.items[i].n <= 3000 * MS);
        if (s.items[i].hard_cut)
            CHECK_INT(s.items[i].first + s.items[i].n, s.items[i + 1].first);
    }
    free(t.pcm);
}

/* Mains hum, DC and a bump on the desk: steady ones are learnt in the first seconds, bumps are too short. */
static void hum_and_dc_are_no_speech(void)
{
    track t = track_make(12000);
    for (int64_t i = 0; i < t.n; i++)
        t.pcm[i] = 0.3F;
    track_tone(t, 0, 12000, 50, -15);
    track_tone(t, 0, 12000, 100, -35);
    track_tone(t, 0, 12000, 150, -40);
    track_tone(t, 5000, 30, 70, -6);
    track_word(t, 9000, 300, -30);
    spans s = find(t, NULL);
    CHECK_INT(spans_holding(&s, 9000 * MS, 300 * MS), 1);
    for (int i = 0; i < s.n; i++)
        CHECK(s.items[i].first < 4000 * MS || spans_holding(&s, 9000 * MS, 300 * MS));
    CHECK(s.n <= 2);
    free(t.pcm);
}

/* Noise at -22 dBFS and words hardly louder: they are found, and the noise alone is not once it is known. */
static void words_in_loud_noise(void)
{
    track t = track_make(30000);
    track_noise(t, 0, 30000, -22, 17);
    int n_words = 0;
    for (int at = 6000; at < 28000; at += 3000, n_words++)
        track_word(t, at, 350, -16);
    spans s = find(t, NULL);
    CHECK(s.n >= n_words && s.n <= n_words + 1);
    for (int at = 6000; at < 28000; at += 3000)
        CHECK_INT(spans_holding(&s, at * MS, 350 * MS), 1);
    free(t.pcm);
}

/* A fan of +30 dB: decoded for some seconds, then known; words before, with and after it are found. */
static void a_floor_that_jumps_up(void)
{
    track t = track_make(40000);
    track_noise(t, 0, 10000, -68, 23);
    track_noise(t, 10000, 30000, -38, 24);
    static const int words[] = {5000, 9900, 15000, 25000, 35000};
    for (int i = 0; i < 5; i++)
        track_word(t, words[i], 300, -22);
    spans s = find(t, NULL);
    for (int i = 0; i < 5; i++)
        CHECK_INT(spans_holding(&s, words[i] * MS, 300 * MS), 1);
    for (int i = 0; i < s.n; i++)
        if (s.items[i].speech_first > 20000 * MS)
            CHECK(s.items[i].speech_n < 500 * MS);
    free(t.pcm);
}

/* The noise ends just as a quiet word comes, at every offset between them. */
static void a_floor_that_falls(void)
{
    for (int at = 9900; at < 11000; at += 50) {
        track t = track_make(14000);
        track_noise(t, 0, 10000, -30, 29);
        track_noise(t, 10000, 4000, -75, 30);
        track_word(t, at < 10000 ? 10000 : at, 200, -45);
        spans s = find(t, NULL);
        CHECK_INT(spans_holding(&s, (at < 10000 ? 10000 : at) * MS, 200 * MS), 1);
        free(t.pcm);
    }
}

static void clipped_and_broken_samples(void)
{
    track t = track_make(5000);
    track_noise(t, 0, 5000, -60, 31);
    track_word(t, 2000, 500, 12);
    for (int64_t i = 0; i < t.n; i++)
        t.pcm[i] = fmaxf(-1, fminf(1, t.pcm[i]));
    t.pcm[1000] = NAN;
    t.pcm[16000] = INFINITY;
    t.pcm[70000] = -INFINITY;
    voice *v = standard_voice();
    spans s;
    spans_find(&s, v, t, 1234);
    CHECK_INT(spans_holding(&s, 2000 * MS, 500 * MS), 1);
    CHECK(voice_level(v) >= 0 && voice_level(v) <= 1);
    voice_free(v);
    free(t.pcm);
}

/* In a known room, a cue and its echo. */
static void a_cue_is_masked(void)
{
    for (int with_mask = 0; with_mask < 2; with_mask++) {
        track room = track_make(5000), t = track_make(4000);
        track_noise(room, 0, 5000, -65, 36);
        track_noise(t, 0, 4000, -65, 37);
        track_tone(t, 300, 120, 880, -20);
        track_tone(t, 420, 40, 880, -32);
        voice *v = standard_voice();
        spans s;
        spans_find(&s, v, room, room.n);
        voice_reset(v);
        if (with_mask)
            voice_mask(v, 300 * MS, 120 * MS);
        spans_find(&s, v, t, 777);
        CHECK_INT(s.n, with_mask ? 0 : 1);
        voice_free(v);
        free(room.pcm);
        free(t.pcm);
    }
}

/* A word that begins before, in, or after the cue, at every 20 ms: none is lost; one that quiet parts from the cue comes
 * without it. */
static void words_around_a_cue(void)
{
    for (int at = 100; at < 1000; at += 20) {
        track t = track_make(4000);
        track_tone(t, 300, 120, 880, -20);
        track_word(t, at, 250, -25);
        voice *v = standard_voice();
        spans s;
        voice_mask(v, 300 * MS, 120 * MS);
        spans_find(&s, v, t, 160);
        CHECK_INT(s.n, 1);
        CHECK_INT(spans_holding(&s, at * MS, 250 * MS), 1);
        if (at >= 500 && s.n == 1)
            CHECK(s.items[0].first >= 420 * MS);
        voice_free(v);
        free(t.pcm);
    }
    /* A window that is longer than a cue can be does not swallow a word. */
    track t = track_make(4000);
    track_word(t, 1000, 300, -25);
    voice *v = standard_voice();
    spans s;
    voice_mask(v, 800 * MS, 800 * MS);
    spans_find(&s, v, t, 160);
    CHECK_INT(spans_holding(&s, 1000 * MS, 300 * MS), 1);
    voice_free(v);
    free(t.pcm);
}

static void stopped_in_a_word(void)
{
    for (int ms = 30; ms <= 400; ms += 10) {
        track t = track_make(2000 + ms);
        track_noise(t, 0, 2000 + ms, -70, (uint32_t)ms);
        track_word(t, 2000, 600, -25);
        voice *v = standard_voice();
        spans s;
        spans_find(&s, v, t, 100);
        CHECK_INT(s.n, 1);
        CHECK_INT(spans_holding(&s, 2000 * MS, ms * MS), 1);
        CHECK_INT(voice_last_speech(v), t.n);
        voice_push(v, t.pcm, 1000); /* after the end nothing is taken */
        CHECK(!voice_next(v, &s.items[0]));
        CHECK_INT(voice_last_speech(v), t.n);
        voice_free(v);
        free(t.pcm);
    }
}

static void what_the_screen_asks(void)
{
    track t = track_make(3000);
    track_word(t, 1000, 1000, -20);
    voice *v = standard_voice();
    voice_push(v, t.pcm, 900 * MS);
    CHECK(!voice_speaking(v) && voice_level(v) == 0);
    voice_push(v, t.pcm + 900 * MS, 600 * MS);
    CHECK(voice_speaking(v));
    CHECK_NEAR(voice_level(v), 0.66, 0.05);
    CHECK_NEAR((double)voice_last_speech(v) / MS, 1500, 10);
    voice_push(v, t.pcm + 1500 * MS, 800 * MS);
    CHECK(voice_speaking(v)); /* hang-over */
    voice_push(v, t.pcm + 2300 * MS, 700 * MS);
    CHECK(!voice_speaking(v));
    CHECK(voice_level(v) < 0.1F);
    CHECK_NEAR(voice_speech_seconds(v), 1.0, 0.06);
    voice_free(v);
    free(t.pcm);
}

/* The next recording in a known room: its noise is no speech from the first frame on, and positions begin at 0. */
static void reset_keeps_the_floor(void)
{
    track noise = track_make(10000), t = track_make(4000);
    track_noise(noise, 0, 10000, -35, 41);
    track_noise(t, 0, 4000, -35, 42);
    track_word(t, 2000, 300, -20);
    voice *v = standard_voice();
    spans s;
    spans_find(&s, v, noise, noise.n);
    voice_reset(v);
    spans_find(&s, v, t, t.n);
    if (CHECK_INT(s.n, 1)) {
        CHECK_NEAR((double)s.items[0].speech_first / MS, 2000, 20);
        CHECK_NEAR(voice_speech_seconds(v), 0.3, 0.05);
    }
    voice_free(v);
    free(noise.pcm);
    free(t.pcm);
}

static void padding_for_the_decoder(void)
{
    enum { LEAD = VOICE_LEAD_MS * MS, TAIL = VOICE_TAIL_MS * MS };
    static const size_t sizes[] = {0, 1, 100, 2400, 10399, 10400, 10401, 48000};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t n = sizes[k], all = voice_padded(n), n_wrong = 0;
        float *pcm = malloc((n + 1) * sizeof *pcm), *out = malloc(all * sizeof *out);
        for (size_t i = 0; i < n; i++)
            pcm[i] = 1;
        CHECK_INT(voice_pad(pcm, n, out), all);
        CHECK(all >= VOICE_SHORTEST_MS * MS && all >= LEAD + n + TAIL);
        for (size_t i = 0; i < all; i++)
            n_wrong += i < LEAD || i >= LEAD + n ? out[i] != 0 : !(out[i] > 0 && out[i] <= 1);
        CHECK_INT(n_wrong, 0);
        if (n > 1000)
            CHECK(out[LEAD + 500] == 1);
        free(pcm);
        free(out);
    }
}

static void unreasonable_options_are_bounded(void)
{
    track t = eventful(3, 10000);
    static const voice_options wild[] = {{0}, {-1, -1, -1, -1, -1, -5, -9, -200}, {5000, 0, 0, 0, 0, 1, 99, 0}};
    for (size_t k = 0; k < sizeof wild / sizeof *wild; k++) {
        spans s = find(t, &wild[k]);
        int64_t end = 0;
        for (int i = 0; i < s.n; i++) {
            CHECK(s.items[i].first >= end && s.items[i].n > 0);
            end = s.items[i].first + s.items[i].n;
        }
        CHECK(end <= t.n);
    }
    free(t.pcm);
}

int main(void)
{
    RUN(silence_is_no_speech);
    RUN(words_of_every_level);
    RUN(short_words_are_padded_never_dropped);
    RUN(clicks_are_no_speech);
    RUN(pauses_end_segments);
    RUN(short_pauses_share_the_padding);
    RUN(pushes_of_any_size_give_the_same);
    RUN(segments_never_overlap);
    RUN(long_speech_is_cut_between_words);
    RUN(speech_without_a_gap_is_cut_all_the_same);
    RUN(hum_and_dc_are_no_speech);
    RUN(words_in_loud_noise);
    RUN(a_floor_that_jumps_up);
    RUN(a_floor_that_falls);
    RUN(clipped_and_broken_samples);
    RUN(a_cue_is_masked);
    RUN(words_around_a_cue);
    RUN(stopped_in_a_word);
    RUN(what_the_screen_asks);
    RUN(reset_keeps_the_floor);
    RUN(padding_for_the_decoder);
    RUN(unreasonable_options_are_bounded);
    return check_done();
}
