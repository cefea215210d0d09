/* SPDX-License-Identifier: MIT
 *
 * The gesture engine by tables, one line per case. A script is a list of MSxKEY, in milliseconds:
 *
 *     +KEY press   -KEY release   *KEY repeat   ! button or scroll   rN recording set with binding N, r recording ended
 *     x reset
 *
 * and what is expected is "arm@MS start@MS ...", with the binding's index after the word when it is not 0. Each case runs
 * twice, by an owner that ticks at every deadline and by one that ticks only at the end, and must say the same. */
#include "dictate/gesture/gesture.h"
#include "check.h"

static const struct {
    const char *text;
    gesture_key key;
} key_names[] = {
    {"c", KEY_CTRL_LEFT},   {"C", KEY_CTRL_RIGHT},  {"s", KEY_SHIFT_LEFT}, {"S", KEY_SHIFT_RIGHT},
    {"u", KEY_SUPER_RIGHT}, {"f", KEY_FUNCTION_12}, {"e", KEY_ESCAPE},     {"o", KEY_OTHER},
};

typedef struct gesture_case {
    const char *name, *bindings, *script, *expected;
} gesture_case;

typedef struct stage {
    gesture_engine engine;
    bool ticks;
    char said[500];
} stage;

static void say(stage *play, const gesture_event *events, int32_t n)
{
    static const char *const acts[] = {"arm", "disarm", "start", "stop", "cancel"};
    for (int32_t i = 0; i < n; i++) {
        char binding[12] = "";
        size_t size = strlen(play->said);
        if (events[i].binding > 0)
            snprintf(binding, sizeof binding, "%d", events[i].binding);
        snprintf(play->said + size, sizeof play->said - size, "%s%s%s@%lld", size ? " " : "", acts[events[i].act],
                 binding, (long long)events[i].time_us / 1000);
    }
}

/* Time passes up to, not including, until_us. */
static void pass(stage *play, int64_t until_us)
{
    gesture_event out[GESTURE_EVENTS];
    for (int64_t due_us; play->ticks && (due_us = gesture_deadline_us(&play->engine)) < until_us;)
        say(play, out, gesture_tick(&play->engine, due_us, out));
}

static gesture_key key_named(char name)
{
    for (size_t i = 0; i < sizeof key_names / sizeof *key_names; i++)
        if (key_names[i].text[0] == name)
            return key_names[i].key;
    printf("# no key '%c'\n", name);
    exit(1);
}

static void play_script(stage *play, const char *script)
{
    gesture_event out[GESTURE_EVENTS];
    int64_t time_us = 0;
    for (const char *at = script; *at;) {
        char *after;
        time_us = strtoll(at, &after, 10) * 1000;
        key_event event = {.time_us = time_us, .action = KEY_POINTER};
        pass(play, time_us);
        switch (*after++) {
        case '+':
        case '-':
        case '*':
            event.action = after[-1] == '+' ? KEY_PRESS : after[-1] == '-' ? KEY_RELEASE : KEY_REPEAT;
            event.key = key_named(*after++);
            /* fall through */
        case '!':
            say(play, out, gesture_feed(&play->engine, &event, out));
            break;
        case 'r':
            say(play, out, gesture_tick(&play->engine, time_us, out));
            if (*after >= '0' && *after <= '9')
                gesture_set_recording(&play->engine, true, *after++ - '0');
            else
                gesture_set_recording(&play->engine, false, -1);
            break;
        case 'x':
            say(play, out, gesture_tick(&play->engine, time_us, out));
            say(play, out, gesture_reset(&play->engine, time_us, out));
            break;
        default:
            printf("# script \"%s\" is not understood at \"%s\"\n", script, at);
            exit(1);
        }
        for (at = after; *at == ' ';)
            at++;
    }
    pass(play, time_us + 2000000);
    say(play, out, gesture_tick(&play->engine, time_us + 2000000, out));
}

static void begin(stage *play, const char *texts, bool ticks)
{
    gesture_binding bindings[GESTURE_BINDINGS];
    char text[40], error[200];
    int32_t n = 0;
    for (int used; sscanf(texts, "%39s%n", text, &used) == 1; texts += used)
        if (!gesture_parse(text, &bindings[n++], error, sizeof error)) {
            printf("# %s\n", error);
            exit(1);
        }
    memset(play, 0, sizeof *play);
    play->ticks = ticks;
    gesture_init(&play->engine, bindings, n, 1u << KEY_ESCAPE);
}

static void play_cases(const gesture_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (int ticks = 0; ticks < 2; ticks++) {
            stage play;
            begin(&play, cases[i].bindings, ticks);
            play_script(&play, cases[i].script);
            if (!CHECK_STR(play.said, cases[i].expected))
                printf("# case: %s, %s ticks\n", cases[i].name, ticks ? "with" : "without");
        }
}

#define PLAY(cases) play_cases(cases, sizeof(cases) / sizeof *(cases))

static void triple_taps(void)
{
    static const gesture_case cases[] = {
        {"starts on the third press, stops on the third release", "triple:ctrl",
         "0+c 80-c 200+c 280-c 400+c 480-c 3000+c 3080-c 3200+c 3280-c 3400+c 3480-c", "arm@200 start@400 stop@3480"},
        {"presses 500 ms apart", "triple:ctrl", "0+c 80-c 500+c 580-c 1000+c", "arm@500 start@1000"},
        {"presses 501 ms apart", "triple:ctrl", "0+c 80-c 501+c 580-c 1002+c 1080-c", ""},
        {"the late third press is the first of the next count", "triple:ctrl",
         "0+c 80-c 200+c 280-c 800+c 880-c 1000+c 1080-c 1200+c", "arm@200 disarm@700 arm@1000 start@1200"},
        {"a tap of 250 ms", "triple:ctrl", "0+c 250-c 300+c 550-c 600+c", "arm@300 start@600"},
        {"a tap of 251 ms", "triple:ctrl", "0+c 251-c 300+c 550-c 600+c 700-c", "arm@600 disarm@1100"},
        {"the second tap takes too long", "triple:ctrl", "0+c 80-c 200+c 460-c 500+c", "arm@200 disarm@450"},
        {"two taps", "triple:ctrl", "0+c 80-c 200+c 280-c", "arm@200 disarm@700"},
        {"the third press of a stop is held too long", "triple:ctrl",
         "0r9 10+c 80-c 200+c 280-c 400+c 700-c 2000+c 2100-c", ""},
        {"six quick taps start and stop", "triple:ctrl",
         "0+c 50-c 100+c 150-c 200+c 250-c 300+c 350-c 400+c 450-c 500+c 550-c", "arm@100 start@200 stop@550"},
        {"left and right may be mixed where both count", "triple:ctrl", "0+c 80-c 200+C 280-C 400+c",
         "arm@200 start@400"},
        {"but not where one counts", "triple:ctrl_right", "0+C 80-C 200+c 280-c 400+C 480-C 600+C",
         "arm@600 disarm@850"},
        {"both at once are no tap", "triple:ctrl", "0+c 20+C 80-c 90-C 200+c 280-c 400+c", "arm@400 disarm@650"},
    };
    PLAY(cases);
}

static void other_keys_spoil_taps(void)
{
    static const gesture_case cases[] = {
        {"Ctrl+C three times", "triple:ctrl",
         "0+c 40+o 80-o 120-c 200+c 240+o 280-o 320-c 400+c 440+o 480-o 520-c 600+c 640+o 680-o 720-c", ""},
        {"Ctrl held, C three times", "triple:ctrl", "0+c 50+o 90-o 130+o 170-o 210+o 250-o 290-c", ""},
        {"Ctrl+C Ctrl+V", "triple:ctrl", "0+c 40+o 80-o 90-c 200+c 240+o 280-o 300-c", ""},
        {"C released after Ctrl", "triple:ctrl", "0+c 40+o 60-c 80-o 150+c 190+o 210-c 230-o 300+c 340+o 360-c 380-o",
         ""},
        {"a key between the taps", "triple:ctrl", "0+c 80-c 100+o 140-o 200+c 280-c 400+c 480-c", "arm@400 disarm@900"},
        {"a key after arming", "triple:ctrl", "0+c 80-c 200+c 280-c 300+o 340-o 400+c", "arm@200 disarm@300"},
        {"a key while the second is down", "triple:ctrl", "0+c 80-c 200+c 230+o 260-o 280-c 400+c",
         "arm@200 disarm@230"},
        {"another modifier", "triple:ctrl", "0+c 80-c 200+s 210+c 280-c 290-s 400+c 480-c 600+c", "arm@600 disarm@850"},
        {"a button", "triple:ctrl", "0+c 40! 80-c 200+c 280-c 400+c", "arm@400 disarm@650"},
        {"a scroll after arming", "triple:ctrl", "0+c 80-c 200+c 280-c 350! 400+c", "arm@200 disarm@350"},
        {"typing on while Ctrl comes down", "triple:ctrl", "0+o 20+c 60-o 90-c 200+c 280-c 400+c",
         "arm@400 disarm@650"},
        {"a key held all the while", "triple:ctrl", "0+o 100+c 180-c 300+c 380-c 500+c 580-c 700+c", ""},
        {"a stop spoilt by a key", "triple:ctrl", "0r0 10+c 80-c 200+c 280-c 400+c 440+o 480-o 500-c", ""},
        {"Ctrl+C three times does not stop either", "triple:ctrl",
         "0r0 1+c 40+o 80-o 120-c 200+c 240+o 280-o 320-c 400+c 440+o 480-o 520-c", ""},
    };
    PLAY(cases);
}

static void auto_repeat_is_ignored(void)
{
    static const gesture_case cases[] = {
        {"repeats of a held Ctrl", "triple:ctrl", "0+c 500*c 530*c 560*c 590*c 620-c", ""},
        {"pairs of a held Ctrl", "triple:ctrl", "0+c 500-c 500+c 530-c 530+c 560-c 560+c 590-c 590+c 620-c", ""},
        {"pairs that begin within a tap's time", "triple:ctrl", "0+c 150-c 150+c 180-c 180+c 210-c 210+c 240-c 240+c",
         ""},
        {"presses without releases", "triple:ctrl", "0+c 30+c 60+c 90+c 120-c", ""},
        {"repeats within good taps", "triple:ctrl", "0+c 60*c 80-c 200+c 260-c 260+c 280-c 400+c", "arm@200 start@400"},
        {"1 ms apart is a pair", "triple:ctrl", "0+c 40-c 41+c 80-c 120+c", "arm@120 disarm@370"},
        {"2 ms apart is another press", "triple:ctrl", "0+c 40-c 42+c 80-c 120+c", "arm@42 start@120"},
        {"a pair does not end a hold", "hold:super_right", "0+u 500-u 500+u 530-u 530+u 900-u",
         "arm@100 start@400 stop@900"},
        {"a repeat of a key that is not down", "triple:ctrl", "0*c 80-c 100*c 200+c 280-c 400+c", "arm@400 disarm@650"},
    };
    PLAY(cases);
}

static void double_taps_and_more(void)
{
    static const gesture_case cases[] = {
        {"a double tap arms with its first release", "double:ctrl", "0+c 80-c 200+c 280-c 900+c 980-c 1100+c 1180-c",
         "arm@80 start@200 stop@1180"},
        {"Ctrl+C does not arm a double tap", "double:ctrl", "0+c 40+o 80-o 100-c 200+c 240+o 280-o 300-c", ""},
        {"one tap", "double:ctrl", "0+c 80-c", "arm@80 disarm@500"},
        {"four", "quadruple:ctrl", "0+c 50-c 100+c 150-c 200+c 250-c 300+c", "arm@200 start@300"},
        {"five", "quintuple:ctrl", "0+c 50-c 100+c 150-c 200+c 250-c 300+c 350-c 400+c", "arm@300 start@400"},
    };
    PLAY(cases);
}

static void holds(void)
{
    static const gesture_case cases[] = {
        {"starts after 400 ms, stops on the release", "hold:super_right", "0+u 2000-u", "arm@100 start@400 stop@2000"},
        {"released at 400 ms", "hold:super_right", "0+u 400-u", "arm@100 start@400 stop@400"},
        {"released at 399 ms", "hold:super_right", "0+u 399-u", "arm@100 disarm@399"},
        {"a short press", "hold:super_right", "0+u 90-u", ""},
        {"a chord", "hold:super_right", "0+u 90+o 120-o 900-u", ""},
        {"a slow chord", "hold:super_right", "0+u 300+o 320-o 900-u", "arm@100 disarm@300"},
        {"a button while it is pressed", "hold:super_right", "0+u 50! 900-u", ""},
        {"keys typed while recording", "hold:super_right", "0+u 600+o 700-o 750! 900-u", "arm@100 start@400 stop@900"},
        {"not alone", "hold:super_right", "0+s 50+u 900-u 950-s", ""},
        {"one started by other means stops by a hold", "hold:super_right", "0r9 10+u 100-u 500+u 950-u", "stop@950"},
        {"ended by other means, its release says nothing", "hold:super_right", "0+u 600r 900-u", "arm@100 start@400"},
    };
    PLAY(cases);
}

static void toggles(void)
{
    static const gesture_case cases[] = {
        {"a tap starts, a tap stops", "toggle:f12", "0+f 100-f 2000+f 2100-f", "start@100 stop@2100"},
        {"a chord does not", "toggle:ctrl_right", "0+C 50+o 80-o 100-C", ""},
        {"a long press does not", "toggle:f12", "0+f 251-f", ""},
        {"quick taps go on toggling", "toggle:f12", "0+f 50-f 100+f 150-f 200+f 250-f", "start@50 stop@150 start@250"},
    };
    PLAY(cases);
}

static void hybrids(void)
{
    static const gesture_case cases[] = {
        {"held: until the release", "hybrid:ctrl_right", "0+C 900-C", "start@0 stop@900"},
        {"tapped: until the next tap", "hybrid:ctrl_right", "0+C 100-C 3000+C 3100-C", "start@0 stop@3100"},
        {"released at 399 ms", "hybrid:ctrl_right", "0+C 399-C 3000+C 3100-C", "start@0 stop@3100"},
        {"released at 400 ms", "hybrid:ctrl_right", "0+C 400-C", "start@0 stop@400"},
        {"a chord is cancelled", "hybrid:ctrl_right", "0+C 80+o 100-o 150-C", "start@0 cancel@80"},
        {"a key later is not", "hybrid:ctrl_right", "0+C 600+o 640-o 900-C", "start@0 stop@900"},
        {"a chord does not stop", "hybrid:ctrl_right", "0+C 90-C 900+C 950+o 980-o 990-C", "start@0"},
    };
    PLAY(cases);
}

static void cancel_key(void)
{
    static const gesture_case cases[] = {
        {"alone while recording", "triple:ctrl", "0r0 100+e 180-e", "cancel@180"},
        {"not while ready", "triple:ctrl", "100+e 180-e", ""},
        {"not in a chord", "triple:ctrl", "0r0 100+s 120+e 180-e 200-s 300+e 320+o 330-o 350-e", ""},
        {"not when it is held", "triple:ctrl", "0r0 100+e 500-e", ""},
        {"not with a button", "triple:ctrl", "0r0 100+e 120! 150-e", ""},
        {"while the hold is held", "hold:super_right", "0+u 600+e 680-e 900-u", "arm@100 start@400 cancel@680"},
        {"a key that the gesture is made of", "toggle:escape", "0+e 50-e 500+e 550-e", "start@50 stop@550"},
    };
    PLAY(cases);
}

static void several_bindings(void)
{
    static const gesture_case cases[] = {
        {"the one that started stops", "triple:ctrl toggle:f12",
         "0+c 80-c 200+c 280-c 400+c 480-c 900+f 980-f 1500+c 1580-c 1700+c 1780-c 1900+c 1980-c",
         "arm@200 start@400 stop@1980"},
        {"begun by other means: any stops", "triple:ctrl toggle:f12", "0r9 900+f 980-f", "stop1@980"},
        {"begun by other means: the other", "triple:ctrl toggle:f12", "0r9 1+c 80-c 200+c 280-c 400+c 480-c",
         "stop@480"},
        {"a hold and taps on the same key", "triple:ctrl hold:ctrl", "0+c 80-c 150+c 900-c",
         "arm@150 start1@550 stop1@900"},
        {"taps win over the hold", "triple:ctrl hold:ctrl", "0+c 80-c 150+c 230-c 300+c 900-c", "arm@150 start@300"},
        {"one arming at a time", "triple:ctrl double:shift", "0+c 80-c 200+c 280-c 300+s 340-s 900!",
         "arm@200 disarm@300 arm1@340 disarm1@800"},
    };
    PLAY(cases);
}

static void owner_knows_better(void)
{
    static const gesture_case cases[] = {
        {"a start that was refused", "triple:ctrl",
         "0+c 80-c 200+c 280-c 400+c 410r 480-c 600+c 680-c 800+c 880-c 950+c", "arm@200 start@400 arm@800 start@950"},
        {"a start that is confirmed", "hold:super_right", "0+u 600r0 900-u", "arm@100 start@400 stop@900"},
        {"begun while armed", "triple:ctrl", "0+c 80-c 200+c 280-c 300r9 400+c 480-c", "arm@200"},
        {"reset while armed", "triple:ctrl", "0+c 80-c 200+c 280-c 300x 400+c 480-c 500+c",
         "arm@200 disarm@300 arm@500 disarm@750"},
        {"reset while a hold is held", "hold:super_right", "0+u 600x 900-u", "arm@100 start@400 stop@600"},
        {"reset keeps a recording by taps", "triple:ctrl", "0+c 80-c 200+c 280-c 400+c 500x", "arm@200 start@400"},
    };
    PLAY(cases);
}

static void stuck_keys_and_odd_times(void)
{
    static const gesture_case cases[] = {
        {"Ctrl's release never came: its next press mends it", "triple:ctrl",
         "0+c 60000+c 60080-c 60200+c 60280-c 60400+c 60480-c 60600+c", "arm@60400 start@60600"},
        {"an other key's release never came", "triple:ctrl", "0+o 9000+c 9080-c 9200+c 9280-c 9400+c 9480-c", ""},
        {"and is forgotten after 10 s", "triple:ctrl", "0+o 11000+c 11080-c 11200+c 11280-c 11400+c",
         "arm@11200 start@11400"},
        {"a modifier's release never came", "triple:ctrl", "0+s 11000+c 11080-c 11200+c 11280-c 11400+c",
         "arm@11200 start@11400"},
        {"releases without presses", "triple:ctrl", "0-c 10-o 20-o 100+c 180-c 190-s 300+c 380-c 500+c",
         "arm@300 start@500"},
        {"an event late by a little", "triple:ctrl", "100+c 180-c 300+c 290-c 400+c", "arm@300 start@400"},
        {"the clock set back", "triple:ctrl", "100000+c 100080-c 100200+c 100280-c 400+c 480-c 600+c 680-c 800+c",
         "arm@100200 disarm@400 arm@600 start@800"},
        {"a time from nowhere", "triple:ctrl", "0+c 80-c 9223372036854775+c 300+c 380-c 500+c 580-c 700+c",
         "arm@500 start@700"},
        {"the clock set back while a hold is held", "hold:super_right", "100000+u 100600+o 600-o",
         "arm@100100 start@100400 stop@600"},
    };
    PLAY(cases);
}

/* Events that come late, with ticks at the true time in between: taps are judged by the events' own times. */
static void late_events_count_by_their_own_times(void)
{
    gesture_event out[GESTURE_EVENTS];
    stage play;
    begin(&play, "triple:ctrl", false);
    static const struct {
        int64_t ms, came_ms;
        key_action action;
    } events[] = {{0, 5, KEY_PRESS},
                  {80, 85, KEY_RELEASE},
                  {200, 205, KEY_PRESS},
                  {280, 285, KEY_RELEASE},
                  {690, 780, KEY_PRESS}};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        say(&play, out, gesture_tick(&play.engine, events[i].came_ms * 1000, out));
        key_event event = {.time_us = events[i].ms * 1000, .key = KEY_CTRL_LEFT, .action = events[i].action};
        say(&play, out, gesture_feed(&play.engine, &event, out));
    }
    CHECK_STR(play.said, "arm@200 start@690");
}

static void deadlines(void)
{
    gesture_event out[GESTURE_EVENTS];
    stage play;
    begin(&play, "hold:super_right", false);
    CHECK(gesture_deadline_us(&play.engine) == INT64_MAX);
    CHECK_INT(gesture_feed(&play.engine, &(key_event){1000000, KEY_SUPER_RIGHT, KEY_PRESS}, out), 0);
    CHECK_INT(gesture_deadline_us(&play.engine), 1100000);
    CHECK_INT(gesture_tick(&play.engine, 1099999, out), 0);
    CHECK_INT(gesture_tick(&play.engine, 1100000, out), 1);
    CHECK_INT(gesture_deadline_us(&play.engine), 1400000);
    CHECK_INT(gesture_tick(&play.engine, 1400000, out), 1);
    CHECK(gesture_deadline_us(&play.engine) == INT64_MAX);
    CHECK_INT(gesture_feed(&play.engine, &(key_event){1500000, KEY_SUPER_RIGHT, KEY_RELEASE}, out), 0);
    CHECK_INT(gesture_deadline_us(&play.engine), 1501001);
    CHECK_INT(gesture_tick(&play.engine, 1501001, out), 1);
    CHECK_INT(out[0].act, GESTURE_STOP);
    CHECK_INT(out[0].time_us, 1500000);
    CHECK(gesture_deadline_us(&play.engine) == INT64_MAX);
}

static void garbage_is_survived(void)
{
    gesture_event out[GESTURE_EVENTS];
    gesture_engine engine;
    gesture_binding odd[GESTURE_BINDINGS + 2];
    memset(odd, 0, sizeof odd);
    odd[0] = (gesture_binding){
        .kind = GESTURE_TAPS, .n_taps = 99, .keys = ~0u, .gap_ms = -5, .tap_ms = 0, .hold_ms = 1 << 30};
    gesture_init(&engine, odd, GESTURE_BINDINGS + 2, ~0u);
    CHECK_INT(engine.n_bindings, GESTURE_BINDINGS);
    CHECK_INT(engine.bindings[0].n_taps, GESTURE_TAPS_MAX);
    CHECK_INT(engine.bindings[0].gap_ms, GESTURE_GAP_MS);
    CHECK_INT(engine.bindings[0].tap_ms, GESTURE_TAP_MS);
    CHECK_INT(engine.bindings[0].hold_ms, GESTURE_HOLD_MS);
    gesture_init(&engine, odd, -1, 0);
    CHECK_INT(engine.n_bindings, 0);
    CHECK_INT(gesture_feed(&engine, &(key_event){0, (gesture_key)77, (key_action)77}, out), 0);
    CHECK_INT(gesture_feed(&engine, &(key_event){INT64_MIN, (gesture_key)77, KEY_PRESS}, out), 0);
    CHECK_INT(gesture_feed(&engine, &(key_event){INT64_MAX, KEY_ESCAPE, KEY_PRESS}, out), 0);
    CHECK_INT(gesture_tick(&engine, INT64_MAX, out), 0);
    CHECK_INT(gesture_reset(&engine, INT64_MIN, out), 0);
}

static void parses_bindings(void)
{
    static const struct {
        const char *text;
        gesture_kind kind;
        int32_t n_taps;
        uint32_t keys;
    } good[] = {
        {"triple:ctrl", GESTURE_TAPS, 3, 1u << KEY_CTRL_LEFT | 1u << KEY_CTRL_RIGHT},
        {"double:ctrl_right", GESTURE_TAPS, 2, 1u << KEY_CTRL_RIGHT},
        {"hold:super_right", GESTURE_HOLD, 1, 1u << KEY_SUPER_RIGHT},
        {"toggle:f12", GESTURE_TOGGLE, 1, 1u << KEY_FUNCTION_12},
        {"hybrid:alt", GESTURE_HYBRID, 1, 1u << KEY_ALT_LEFT | 1u << KEY_ALT_RIGHT},
        {"hold:super_right de", GESTURE_HOLD, 1, 1u << KEY_SUPER_RIGHT},
        {"triple:ctrl  de > en", GESTURE_TAPS, 3, 1u << KEY_CTRL_LEFT | 1u << KEY_CTRL_RIGHT},
    };
    static const char *const bad[] = {"",
                                      "triple",
                                      "triple:",
                                      ":ctrl",
                                      "tripple:ctrl",
                                      "triple:control",
                                      "triple:other",
                                      "triple:ctrlde",
                                      "Triple:ctrl",
                                      "hold:ctrl:x"};
    gesture_binding binding;
    char error[400];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK(gesture_parse(good[i].text, &binding, error, sizeof error));
        CHECK_INT(binding.kind, good[i].kind);
        CHECK_INT(binding.n_taps, good[i].n_taps);
        CHECK_INT(binding.keys, good[i].keys);
        CHECK_INT(binding.gap_ms, 500);
        CHECK_INT(binding.tap_ms, 250);
        CHECK_INT(binding.hold_ms, 400);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        error[0] = 0;
        CHECK(!gesture_parse(bad[i], &binding, error, sizeof error));
        CHECK(strstr(error, bad[i]) != NULL
              && strstr(error, i < 2 || i == 3 || i == 4 || i == 8 ? "hold" : "f12") != NULL);
        gesture_parse(bad[i], &binding, error, 20);
        CHECK(strlen(error) < 20);
    }
    CHECK(gesture_parse("triple:ctrl", &binding, error, sizeof error) && !spoken_is_said(&binding.spoken));
    CHECK(gesture_parse("hold:super_right de>en", &binding, error, sizeof error));
    CHECK(strcmp(binding.spoken.language, "de") == 0 && strcmp(binding.spoken.target, "en") == 0);
    static const char *const mute[] = {"triple:ctrl ", "triple:ctrl de>", "triple:ctrl de en", "triple:ctrl >",
                                       "triple:ctrl d!"};
    for (size_t i = 0; i < sizeof mute / sizeof *mute; i++)
        CHECK(!gesture_parse(mute[i], &binding, error, sizeof error) && strstr(error, "hold:super_right de>en"));
    CHECK(!gesture_parse("triple:ctrl de>", &binding, error, sizeof error));
    CHECK_STR(error, "The gesture \"triple:ctrl de>\" has no languages after its key; expected nothing, or as in "
                     "\"hold:super_right de\" (spoken), \"hold:super_right de>en\" (spoken, written)");
    CHECK(!gesture_parse("triple:ctrl de>", &binding, error, 20) && strlen(error) < 20);
    CHECK(!gesture_parse("tripple:ctrl", &binding, error, sizeof error));
    CHECK_STR(error,
              "The gesture \"tripple:ctrl\" has no known kind before its colon; expected one of: triple, double, "
              "quadruple, quintuple, hold, toggle, hybrid");
    CHECK(!gesture_parse("triple:f13", &binding, error, sizeof error));
    CHECK_STR(error,
              "The gesture \"triple:f13\" has no known key after its colon; expected KIND: and one of: ctrl, shift, "
              "alt, super, ctrl_left, ctrl_right, shift_left, shift_right, alt_left, alt_right, super_left, "
              "super_right, escape, caps_lock, scroll_lock, pause, f12");
}

int main(void)
{
    RUN(triple_taps);
    RUN(other_keys_spoil_taps);
    RUN(auto_repeat_is_ignored);
    RUN(double_taps_and_more);
    RUN(holds);
    RUN(toggles);
    RUN(hybrids);
    RUN(cancel_key);
    RUN(several_bindings);
    RUN(owner_knows_better);
    RUN(stuck_keys_and_odd_times);
    RUN(late_events_count_by_their_own_times);
    RUN(deadlines);
    RUN(garbage_is_survived);
    RUN(parses_bindings);
    return check_done();
}
