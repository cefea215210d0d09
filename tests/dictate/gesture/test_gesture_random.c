/* SPDX-License-Identifier: MIT
 *
 * The gesture engine against a second description of the gestures: slow and simple, it keeps every event of the stream
 * and decides anew from the whole of it. The engine gets the same stream with auto-repeat of every form put in and ticks
 * at any time, and must say the same, word for word (but for DISARM, which the second description does not know; the
 * rules of gesture_rules.h do). Then streams of nonsense, for those rules alone.
 *
 * A failure names its seed: give it as the argument to run that stream alone. */
#include "dictate/gesture/gesture_rules.h"
#include "check.h"

enum { N_EVENTS = 120, N_STREAMS = 4000, N_SAID = 400, MAX_DOWN_US = 5000000 };

/* Keys as fingers know them: the named ones, then two others. */
enum { OTHER_1 = N_GESTURE_KEYS, OTHER_2, N_FINGER_KEYS };

typedef struct finger {
    int64_t us;
    int key;     /* finger key; -1: a button, -2: the owner sets recording */
    bool press;  /* or release; for the owner: recording */
    bool others; /* was any other key down just before? */
} finger;

typedef struct stream {
    finger events[N_EVENTS + 1];
    int n;
    gesture_binding binding;
    gesture_event expected[N_SAID];
    int n_expected;
} stream;

static uint64_t seed_state;

static uint32_t draw(uint32_t below)
{
    seed_state ^= seed_state << 13;
    seed_state ^= seed_state >> 7;
    seed_state ^= seed_state << 17;
    return (uint32_t)(seed_state >> 20) % below;
}

/* ---- the second description ---- */

static int64_t ms(int32_t n)
{
    return (int64_t)n * 1000;
}

static void expect(stream *s, gesture_act act, int64_t us)
{
    if (s->n_expected < N_SAID)
        s->expected[s->n_expected++] =
            (gesture_event){.act = act, .binding = act == GESTURE_CANCEL ? -1 : 0, .time_us = us};
}

/* Is event i a press of the binding's key with nothing else down, after event `used`? */
static bool good_press(const stream *s, int i, int used)
{
    const finger *e = &s->events[i];
    return i > used && e->key > KEY_OTHER && e->key < N_GESTURE_KEYS && e->press && s->binding.keys >> e->key & 1
           && !e->others;
}

static bool good_tap(const stream *s, int i, int used)
{
    const finger *e = &s->events[i];
    return good_press(s, i, used) && i + 1 < s->n && e[1].key == e->key && !e[1].press
           && e[1].us - e->us <= ms(s->binding.tap_ms);
}

/* How many taps in a row end with the press i. */
static int chain(const stream *s, int i, int used)
{
    if (!good_press(s, i, used))
        return 0;
    if (i >= 2 && good_tap(s, i - 2, used) && s->events[i].us - s->events[i - 2].us <= ms(s->binding.gap_ms))
        return 1 + chain(s, i - 2, used);
    return 1;
}

/* The owner's event i. One that says what is so already is no event: the noise has those. */
static bool owner_changes(stream *s, int i, bool *recording)
{
    bool changes = s->events[i].press != *recording;
    *recording = s->events[i].press;
    if (!changes) {
        s->n--;
        memmove(&s->events[i], &s->events[i + 1], (size_t)(s->n - i) * sizeof s->events[0]);
    }
    return changes;
}

static void expect_taps(stream *s)
{
    int wanted = s->binding.kind == GESTURE_TOGGLE ? 1 : s->binding.n_taps, used = -1;
    bool recording = false;
    for (int i = 0; i < s->n; i++) {
        const finger *e = &s->events[i];
        if (e->key == -2) {
            if (owner_changes(s, i, &recording))
                used = i;
            else
                i--;
        } else if (e->press && !recording && wanted > 1 && chain(s, i, used) == wanted) {
            expect(s, GESTURE_START, e->us);
            recording = true;
            used = i;
        } else if (e->press && !recording && wanted > 2 && chain(s, i, used) == wanted - 1) {
            expect(s, GESTURE_ARM, e->us);
        } else if (i > 0 && !e->press && good_tap(s, i - 1, used)) {
            int n = chain(s, i - 1, used);
            if (wanted == 1 || (recording && n == wanted)) {
                expect(s, recording ? GESTURE_STOP : GESTURE_START, e->us);
                recording = !recording;
                used = i;
            } else if (wanted == 2 && !recording) {
                expect(s, GESTURE_ARM, e->us);
            }
        }
    }
}

static bool is_release_of(const stream *s, int i, int press)
{
    return press >= 0 && s->events[i].key == s->events[press].key && !s->events[i].press;
}

/* What the time alone brings to the press of a hold, before until_us. */
static bool hold_begins(stream *s, int press, int64_t until_us, bool *armed)
{
    int64_t hold_us = ms(s->binding.hold_ms), us = s->events[press].us;
    if (until_us >= us + hold_us / 4 && !*armed)
        expect(s, GESTURE_ARM, us + hold_us / 4);
    *armed = until_us >= us + hold_us / 4;
    if (until_us >= us + hold_us)
        expect(s, GESTURE_START, us + hold_us);
    return until_us >= us + hold_us;
}

static void expect_holds(stream *s)
{
    bool hybrid = s->binding.kind == GESTURE_HYBRID, recording = false, armed = false;
    int holding = -1, waiting = -1; /* presses: the one that holds the recording, and one that may become a gesture */
    for (int i = 0; i <= s->n; i++) {
        const finger *e = &s->events[i];
        if (!hybrid && waiting >= 0 && !recording && hold_begins(s, waiting, i < s->n ? e->us : INT64_MAX, &armed)) {
            recording = true;
            holding = waiting;
            waiting = -1;
        }
        if (i == s->n)
            return;
        int press = holding >= 0 ? holding : waiting;
        int64_t lasted_us = press >= 0 ? e->us - s->events[press].us : 0;
        bool held = lasted_us >= ms(s->binding.hold_ms);
        if (e->key == -2) {
            if (owner_changes(s, i, &recording))
                holding = waiting = -1;
            else
                i--;
        } else if (is_release_of(s, i, press)) {
            if (holding >= 0 ? !hybrid || held : recording && (hybrid ? lasted_us <= ms(s->binding.tap_ms) : held)) {
                expect(s, GESTURE_STOP, e->us);
                recording = false;
            }
            holding = waiting = -1;
        } else if (holding >= 0) {
            if (!hybrid || held || !e->press)
                continue;
            expect(s, GESTURE_CANCEL, e->us);
            recording = false;
            holding = -1;
        } else if (e->press) {
            waiting = good_press(s, i, -1) ? i : -1;
            armed = false;
            if (waiting >= 0 && hybrid && !recording) {
                expect(s, GESTURE_START, e->us);
                recording = true;
                holding = i;
            }
        }
    }
}

/* ---- making streams ---- */

static bool press_is_alone(const bool *down, int key)
{
    for (int k = 0; k < N_FINGER_KEYS; k++)
        if (down[k] && k != key)
            return false;
    return true;
}

static int64_t draw_gap_us(const gesture_binding *b)
{
    const int32_t gaps[] = {5,
                            20,
                            60,
                            90,
                            90,
                            120,
                            b->tap_ms,
                            b->tap_ms + 1,
                            b->gap_ms - 100,
                            b->gap_ms,
                            b->gap_ms + 1,
                            b->hold_ms / 4,
                            b->hold_ms - 1,
                            b->hold_ms,
                            1100};
    int32_t gap = gaps[draw(sizeof gaps / sizeof *gaps)];
    return ms(gap < 5 ? 5 : gap);
}

/* Mostly the binding's own keys, so that gestures happen; now and then all else. */
static int draw_key(uint32_t keys)
{
    static const int others[] = {KEY_CTRL_LEFT, KEY_CTRL_RIGHT, KEY_SHIFT_LEFT, OTHER_1, OTHER_2};
    if (draw(12) == 0)
        return others[draw(5)];
    int key;
    do
        key = 1 + (int)draw(N_GESTURE_KEYS - 1);
    while (!(keys >> key & 1));
    return key;
}

static void make_stream(stream *s)
{
    static const gesture_kind kinds[] = {GESTURE_TAPS, GESTURE_TAPS, GESTURE_HOLD, GESTURE_TOGGLE, GESTURE_HYBRID};
    bool down[N_FINGER_KEYS] = {false};
    int64_t since_us[N_FINGER_KEYS] = {0}, us = 1000000;
    memset(s, 0, sizeof *s);
    s->binding = (gesture_binding){.kind = kinds[draw(5)],
                                   .n_taps = 2 + (int32_t)draw(4),
                                   .keys = draw(2) ? 1u << KEY_CTRL_LEFT | 1u << KEY_CTRL_RIGHT : 1u << KEY_CTRL_RIGHT,
                                   .gap_ms = 300 + (int32_t)draw(300),
                                   .tap_ms = 150 + (int32_t)draw(150),
                                   .hold_ms = 250 + (int32_t)draw(200)};
    int last = -1;
    bool owner = draw(3) == 0;
    while (s->n < N_EVENTS) {
        finger e = {.us = us += draw_gap_us(&s->binding)};
        int overdue = 0;
        while (overdue < N_FINGER_KEYS && !(down[overdue] && us - since_us[overdue] > MAX_DOWN_US))
            overdue++;
        if (overdue < N_FINGER_KEYS)
            e.key = overdue;
        else if (draw(40) == 0)
            e.key = -1;
        else if (owner && draw(25) == 0)
            e.key = -2;
        else
            e.key = last > 0 && down[last] && draw(10) ? last : draw_key(s->binding.keys);
        if (e.key < 0) {
            e.press = e.key == -1 || draw(2);
        } else {
            e.others = !press_is_alone(down, e.key);
            e.press = down[e.key] = !down[e.key];
            since_us[e.key] = us;
            last = e.key;
        }
        s->events[s->n++] = e;
    }
}

/* ---- the engine on the same stream ---- */

typedef struct hearing {
    gesture_watch watch;
    gesture_event said[N_SAID]; /* without DISARM */
    int n_said;
    const char *broken;
} hearing;

static void hear(hearing *h, const char *broken)
{
    for (int32_t i = 0; i < h->watch.n_out; i++)
        if (h->watch.out[i].act != GESTURE_DISARM && h->n_said < N_SAID)
            h->said[h->n_said++] = h->watch.out[i];
    h->broken = h->broken ? h->broken : broken;
}

static gesture_key engine_key(int key)
{
    return key < N_GESTURE_KEYS ? (gesture_key)key : KEY_OTHER;
}

static void feed(hearing *h, int key, key_action action, int64_t us)
{
    hear(h, watch_feed(&h->watch, &(key_event){.time_us = us, .key = engine_key(key), .action = action}));
}

/* Auto-repeat of what is down, and ticks, before the next event. */
static void feed_noise(hearing *h, const bool *down, int64_t from_us, int64_t to_us)
{
    int64_t us = from_us + 2000;
    while ((us += 1 + draw(200000)) < to_us - 2000) {
        int key = draw_key(~1u);
        if (draw(3) == 0)
            hear(h, watch_tick(&h->watch, us));
        gesture_set_recording(&h->watch.engine, h->watch.engine.recording, h->watch.engine.recording_binding);
        if (down[key] && draw(2))
            feed(h, key, KEY_REPEAT, us);
        else if (down[key] && key < N_GESTURE_KEYS) {
            feed(h, key, KEY_RELEASE, us);
            feed(h, key, KEY_PRESS, us + draw(1001));
        }
    }
}

static void feed_stream(hearing *h, const stream *s)
{
    bool down[N_FINGER_KEYS] = {false};
    memset(h, 0, sizeof *h);
    watch_init(&h->watch, &s->binding, 1, 0);
    for (int i = 0; i < s->n; i++) {
        const finger *e = &s->events[i];
        feed_noise(h, down, i ? e[-1].us : 0, e->us);
        if (e->key == -2) {
            hear(h, watch_tick(&h->watch, e->us));
            h->watch.n_out = 0;
            hear(h, watch_set_recording(&h->watch, e->press, (int32_t)draw(3) - 1));
        } else if (e->key == -1) {
            feed(h, KEY_OTHER, KEY_POINTER, e->us);
        } else {
            feed(h, e->key, e->press ? KEY_PRESS : KEY_RELEASE, e->us);
            down[e->key] = e->press;
        }
    }
    hear(h, watch_tick(&h->watch, s->events[s->n - 1].us + 5000000));
    if (h->watch.armed && !h->broken)
        h->broken = "in the end nothing is armed";
}

static bool same(const stream *s, const hearing *h)
{
    bool same = s->n_expected == h->n_said;
    for (int i = 0; i < h->n_said && same; i++)
        same = s->expected[i].act == h->said[i].act && s->expected[i].time_us == h->said[i].time_us
               && (h->said[i].binding == s->expected[i].binding);
    return same;
}

static void show(const char *who, const gesture_event *events, int n)
{
    static const char *const acts[] = {"arm", "disarm", "start", "stop", "cancel"};
    printf("# %s:", who);
    for (int i = 0; i < n; i++)
        printf(" %s@%lld", acts[events[i].act], (long long)events[i].time_us / 1000);
    printf("\n");
}

static void show_stream(const stream *s)
{
    printf("# kind %d, %d taps, keys %x, gap %d tap %d hold %d:", s->binding.kind, s->binding.n_taps, s->binding.keys,
           s->binding.gap_ms, s->binding.tap_ms, s->binding.hold_ms);
    for (int i = 0; i < s->n; i++)
        printf(" %lld%c%d", (long long)s->events[i].us / 1000, s->events[i].press ? '+' : '-', s->events[i].key);
    printf("\n");
}

static uint64_t only_seed;
static long n_starts, n_stops;

static void engine_agrees_with_the_second_description(void)
{
    static stream s;
    static hearing h;
    for (uint64_t seed = 1; seed <= N_STREAMS; seed++) {
        seed_state = (only_seed ? only_seed : seed) * UINT64_C(0x9E3779B97F4A7C15) + 1;
        make_stream(&s);
        if (s.binding.kind == GESTURE_HOLD || s.binding.kind == GESTURE_HYBRID)
            expect_holds(&s);
        else
            expect_taps(&s);
        feed_stream(&h, &s);
        for (int i = 0; i < h.n_said; i++) {
            n_starts += h.said[i].act == GESTURE_START;
            n_stops += h.said[i].act == GESTURE_STOP;
        }
        bool rules = CHECK_STR(h.broken, NULL);
        if (!CHECK(same(&s, &h)) || !rules) {
            printf("# seed %llu\n", (unsigned long long)seed);
            show_stream(&s);
            show("expected", s.expected, s.n_expected);
            show("said", h.said, h.n_said);
            return;
        }
        if (only_seed)
            return;
    }
    CHECK(n_starts > N_STREAMS && n_stops > N_STREAMS / 2); /* or the streams show nothing */
    printf("# %d streams, %ld starts, %ld stops\n", N_STREAMS, n_starts, n_stops);
}

static void rules_hold_for_nonsense(void)
{
    for (int round = 0; round < 2000; round++) {
        gesture_binding bindings[GESTURE_BINDINGS];
        gesture_watch watch;
        int64_t us = 0;
        seed_state = (uint64_t)round * UINT64_C(0x9E3779B97F4A7C15) + 7;
        for (int b = 0; b < GESTURE_BINDINGS; b++)
            bindings[b] = (gesture_binding){(gesture_kind)draw(4), (int32_t)draw(8),   draw(1u << N_GESTURE_KEYS),
                                            (int32_t)draw(800),    (int32_t)draw(400), (int32_t)draw(600),
                                            {{0}, {0}, 0}};
        watch_init(&watch, bindings, 1 + (int32_t)draw(GESTURE_BINDINGS), draw(1u << N_GESTURE_KEYS));
        const char *broken = NULL;
        for (int i = 0; i < 300 && !broken; i++) {
            us += (int64_t)draw(150000) - (draw(9) ? 0 : 100000) - (draw(150) ? 0 : 9000000);
            uint32_t what = draw(40);
            key_event event = {us, (gesture_key)draw(draw(3) ? 4 : 20), (key_action)draw(draw(5) ? 2 : 5)};
            if (what == 0)
                broken = watch_reset(&watch, us);
            else if (what == 1)
                broken = watch_set_recording(&watch, draw(2), (int32_t)draw(12) - 2);
            else if (what < 8)
                broken = watch_tick(&watch, us);
            else
                broken = watch_feed(&watch, &event);
        }
        if (!CHECK_STR(broken, NULL)) {
            printf("# round %d\n", round);
            return;
        }
    }
}

int main(int argc, char **argv)
{
    only_seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    RUN(engine_agrees_with_the_second_description);
    RUN(rules_hold_for_nonsense);
    return check_done();
}
