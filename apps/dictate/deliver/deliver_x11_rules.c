/* SPDX-License-Identifier: MIT
 *
 * Which chord pastes in which window: the user's rules first, then the terminals that are known to differ, then Ctrl+V.
 * Control+V in a terminal is "next character as it is", so terminals have chords of their own. */
#define _GNU_SOURCE
#include "deliver_x11_parts.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool parse_modifier(const char *word, size_t n, uint8_t *mods)
{
    static const struct {
        const char *name;
        uint8_t bit;
    } known[] = {
        {"ctrl", XCB_MOD_MASK_CONTROL}, {"control", XCB_MOD_MASK_CONTROL}, {"shift", XCB_MOD_MASK_SHIFT},
        {"alt", XCB_MOD_MASK_1},        {"super", XCB_MOD_MASK_4},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == n && strncasecmp(known[i].name, word, n) == 0) {
            *mods |= known[i].bit;
            return true;
        }
    return false;
}

static bool parse_chord(const char *text, deliver_chord *chord)
{
    *chord = (deliver_chord){.kind = DELIVER_CHORD_KEYS};
    if (strcasecmp(text, "type") == 0 || strcasecmp(text, "clipboard") == 0) {
        chord->kind = strcasecmp(text, "type") == 0 ? DELIVER_CHORD_TYPE : DELIVER_CHORD_CLIPBOARD;
        return true;
    }
    for (const char *plus; (plus = strchr(text, '+')); text = plus + 1)
        if (!parse_modifier(text, (size_t)(plus - text), &chord->mods))
            return false;
    chord->keysym = xkb_keysym_from_name(text, XKB_KEYSYM_CASE_INSENSITIVE);
    chord->wants_primary = chord->keysym == XKB_KEY_Insert && chord->mods == XCB_MOD_MASK_SHIFT;
    return chord->keysym != XKB_KEY_NoSymbol;
}

bool deliver_rules_add(deliver_x11 *x, const char *rule, int32_t number, char error[DELIVER_ERROR])
{
    deliver_chord chord;
    const char *equals = strrchr(rule, '=');
    if (!equals || equals == rule || !equals[1]) {
        snprintf(error, DELIVER_ERROR,
                 "Delivery rule %d, \"%.100s\", is not CLASS=CHORD, as in Alacritty=ctrl+shift+v.", number, rule);
        return false;
    }
    if (!parse_chord(equals + 1, &chord)) {
        snprintf(error, DELIVER_ERROR,
                 "Delivery rule %d, \"%.100s\": \"%.60s\" is no chord; expected is something like ctrl+v, "
                 "ctrl+shift+v or shift+insert, or type, or clipboard.",
                 number, rule, equals + 1);
        return false;
    }
    deliver_rule *rules = realloc(x->rules, ((size_t)x->n_rules + 1) * sizeof *rules);
    char *pattern = strndup(rule, (size_t)(equals - rule));
    if (rules)
        x->rules = rules;
    if (!rules || !pattern) {
        free(pattern);
        snprintf(error, DELIVER_ERROR, "Out of memory for the delivery rules.");
        return false;
    }
    x->rules[x->n_rules++] = (deliver_rule){pattern, chord};
    return true;
}

static bool matches(const char *pattern, const deliver_focus *focus)
{
    return fnmatch(pattern, focus->class, FNM_CASEFOLD) == 0 || fnmatch(pattern, focus->name, FNM_CASEFOLD) == 0;
}

deliver_chord deliver_rules_find(const deliver_x11 *x, const deliver_focus *focus)
{
    static const char *const shift_insert[] = {"xterm", "uxterm", "urxvt*", "rxvt*", "mlterm", "aterm", "eterm"};
    static const char *const ctrl_shift_v[] = {
        "gnome-terminal*",
        "org.gnome.terminal*",
        "org.gnome.console",
        "kgx",
        "org.gnome.ptyxis",
        "konsole",
        "org.kde.konsole",
        "yakuake",
        "alacritty",
        "kitty",
        "foot*",
        "tilix",
        "terminator",
        "st",
        "st-256color",
        "*wezterm*",
        "xfce4-terminal",
        "*ghostty*",
        "mate-terminal",
        "lxterminal",
        "qterminal",
        "guake",
        "tilda",
        "terminology",
        "deepin-terminal",
        "sakura",
        "terminal",
        "rio",
        "blackbox",
    };
    static const deliver_chord plain = {DELIVER_CHORD_KEYS, XKB_KEY_v, XCB_MOD_MASK_CONTROL, false};
    deliver_chord chord = plain;
    if (!focus->class[0] && !focus->name[0])
        return plain;
    for (int32_t i = 0; i < x->n_rules; i++)
        if (matches(x->rules[i].pattern, focus))
            return x->rules[i].chord;
    for (size_t i = 0; i < sizeof shift_insert / sizeof *shift_insert; i++)
        if (matches(shift_insert[i], focus))
            return (deliver_chord){DELIVER_CHORD_KEYS, XKB_KEY_Insert, XCB_MOD_MASK_SHIFT, true};
    for (size_t i = 0; i < sizeof ctrl_shift_v / sizeof *ctrl_shift_v; i++)
        if (matches(ctrl_shift_v[i], focus))
            chord.mods = XCB_MOD_MASK_CONTROL | XCB_MOD_MASK_SHIFT;
    return chord;
}

void deliver_rules_free(deliver_x11 *x)
{
    for (int32_t i = 0; i < x->n_rules; i++)
        free(x->rules[i].pattern);
    free(x->rules);
}

bool deliver_check_rules(const char *const *rules, int32_t n_rules, char error[DELIVER_ERROR])
{
    deliver_x11 nowhere = {0};
    bool ok = true;
    for (int32_t i = 0; ok && i < n_rules; i++)
        ok = deliver_rules_add(&nowhere, rules[i], i + 1, error);
    deliver_rules_free(&nowhere);
    return ok;
}
