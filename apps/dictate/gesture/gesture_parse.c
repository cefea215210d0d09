/* SPDX-License-Identifier: MIT
 *
 * A binding from its text, "KIND:KEY" or "KIND:KEY LANGUAGES". The first two come from tables, so that the sentence about a
 * wrong one lists the right ones; languages are the model's to know. */
#include "dictate/gesture/gesture.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    gesture_kind kind;
    int32_t n_taps;
} kinds[] = {
    {"triple", GESTURE_TAPS, 3},    {"double", GESTURE_TAPS, 2}, {"quadruple", GESTURE_TAPS, 4},
    {"quintuple", GESTURE_TAPS, 5}, {"hold", GESTURE_HOLD, 1},   {"toggle", GESTURE_TOGGLE, 1},
    {"hybrid", GESTURE_HYBRID, 1},
};

static const struct {
    const char *name;
    uint32_t keys;
} keys[] = {{"ctrl", 1u << KEY_CTRL_LEFT | 1u << KEY_CTRL_RIGHT},
            {"shift", 1u << KEY_SHIFT_LEFT | 1u << KEY_SHIFT_RIGHT},
            {"alt", 1u << KEY_ALT_LEFT | 1u << KEY_ALT_RIGHT},
            {"super", 1u << KEY_SUPER_LEFT | 1u << KEY_SUPER_RIGHT},
#define GESTURE_KEY_ROW(name, text) {text, 1u << name},
            GESTURE_KEYS(GESTURE_KEY_ROW)
#undef GESTURE_KEY_ROW
};

enum { N_KINDS = sizeof kinds / sizeof *kinds, N_KEYS = sizeof keys / sizeof *keys };

static bool is(const char *word, size_t n, const char *name)
{
    return strlen(name) == n && memcmp(word, name, n) == 0;
}

/* The sentence about a word in neither table, with all that would do. */
static bool refuse(const char *text, bool kind, char *error, int32_t error_size)
{
    size_t size = error_size > 0 ? (size_t)error_size : 0, n = 0;
    int added = snprintf(error, size, "The gesture \"%.40s\" has no known %s; expected %s:", text,
                         kind ? "kind before its colon" : "key after its colon", kind ? "one of" : "KIND: and one of");
    for (int i = 0; i < (kind ? (int)N_KINDS : (int)N_KEYS); i++) {
        const char *name = kind ? kinds[i].name : keys[i].name;
        n += added > 0 ? (size_t)added : 0;
        if (!kind && keys[i].keys == 1u << KEY_OTHER)
            added = 0;
        else if (n < size)
            added = snprintf(error + n, size - n, "%s %s", i ? "," : "", name);
    }
    return false;
}

bool gesture_parse(const char *text, gesture_binding *binding, char *error, int32_t error_size)
{
    const char *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : strlen(text);
    int kind = 0, key = 0;
    spoken_as languages = {0};
    while (kind < N_KINDS && !(colon && is(text, n, kinds[kind].name)))
        kind++;
    if (kind == N_KINDS)
        return refuse(text, true, error, error_size);
    n = strcspn(colon + 1, " ");
    while (key < N_KEYS && (keys[key].keys == 1u << KEY_OTHER || !is(colon + 1, n, keys[key].name)))
        key++;
    if (key == N_KEYS)
        return refuse(text, false, error, error_size);
    const char *rest = colon + 1 + n;
    if (*rest && !spoken_parse(rest + strspn(rest, " "), &languages)) {
        snprintf(
            error, error_size > 0 ? (size_t)error_size : 0,
            "The gesture \"%.60s\" has no languages after its key; expected nothing, or as in \"hold:super_right de\" "
            "(spoken), \"hold:super_right de>en\" (spoken, written)",
            text);
        return false;
    }
    *binding = (gesture_binding){.kind = kinds[kind].kind,
                                 .n_taps = kinds[kind].n_taps,
                                 .keys = keys[key].keys,
                                 .gap_ms = GESTURE_GAP_MS,
                                 .tap_ms = GESTURE_TAP_MS,
                                 .hold_ms = GESTURE_HOLD_MS,
                                 .spoken = languages};
    return true;
}
