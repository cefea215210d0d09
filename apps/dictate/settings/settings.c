/* SPDX-License-Identifier: MIT
 *
 * Layers of settings. Each value is checked when it is set and remembers who set it, so that what is asked later can
 * neither be out of range nor of unknown origin. */
#define _XOPEN_SOURCE 700
#include "settings_inside.h"

#include "common/paths.h"
#include "common/utf8_text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static bool fail(char error[SETTINGS_ERROR], const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(char error[SETTINGS_ERROR], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, SETTINGS_ERROR, format, args);
    va_end(args);
    return false;
}

static void *field(const settings *s, int32_t index)
{
    return (char *)(uintptr_t)s + settings_offset(index);
}

static void free_list(settings_list *list)
{
    for (int32_t i = 0; i < list->n_items; i++)
        free(list->items[i]);
    free(list->items);
    *list = (settings_list){0};
}

void settings_free(settings *s)
{
    for (int32_t i = 0; s && i < N_SETTINGS; i++) {
        setting_kind kind = settings_kind(i);
        if (kind == SETTING_KIND_LIST)
            free_list(field(s, i));
        else if (kind == SETTING_KIND_TEXT || kind == SETTING_KIND_PATH)
            free(*(char **)field(s, i));
        free(s->origin[i]);
    }
    free(s);
}

/* ---------------------------------------------------------------- values */

static bool parse_int(const setting_info *info, const char *value, int32_t *number)
{
    const char *digits = value + (value[0] == '-');
    if (!digits[0] || strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 10)
        return false;
    long long met = strtoll(value, NULL, 10);
    *number = (int32_t)met;
    return met >= info->low && met <= info->high;
}

static bool parse_choice(const char *choices, const char *value, int32_t *number)
{
    size_t n;
    const char *choice;
    for (int i = 0; choice = cli_choice(choices, i, &n), n > 0; i++) {
        *number = i;
        if (strlen(value) == n && memcmp(value, choice, n) == 0)
            return true;
    }
    return false;
}

/* "auto, x11, evdev, none" */
static void spell_choices(const char *choices, char *out, size_t size)
{
    size_t n, used = 0;
    const char *choice;
    out[0] = 0;
    for (int i = 0; choice = cli_choice(choices, i, &n), n > 0 && used + n + 3 < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%.*s", i ? ", " : "", (int)n, choice);
}

/* A number's value checked into *number. */
static bool parse_number(int32_t index, const char *value, const char *label, int32_t *number, char *error)
{
    const setting_info *info = settings_info(index);
    char choices[120];
    switch (settings_kind(index)) {
    case SETTING_KIND_INT:
        return parse_int(info, value, number)
               || fail(error, "%s is '%.60s', expected a whole number from %d to %d", label, value, (int)info->low,
                       (int)info->high);
    case SETTING_KIND_SWITCH:
        return parse_choice("off|on", value, number) || fail(error, "%s is '%.60s', expected on or off", label, value);
    default:
        spell_choices(info->choices, choices, sizeof choices);
        return parse_choice(info->choices, value, number)
               || fail(error, "%s is '%.60s', expected one of %s", label, value, choices);
    }
}

/* "~/x" below the home; NULL: out of memory or no home. */
static char *expand_home(const char *path)
{
    if (strncmp(path, "~/", 2) != 0)
        return strdup(path);
    char *home = paths_home();
    char *whole = home ? paths_join(home, path + 2, "") : NULL;
    free(home);
    return whole;
}

static bool check_text(const char *value, const char *label, char *error)
{
    if (strlen(value) > SETTINGS_LINE_MAX)
        return fail(error, "%s has %zu bytes, expected at most %d", label, strlen(value), SETTINGS_LINE_MAX);
    for (size_t n; *value; value += n) {
        unsigned char c = (unsigned char)*value;
        n = utf8_bytes(value);
        if (n == 0 || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F)
            return fail(error, "%s holds byte 0x%02X, expected UTF-8 without control characters", label, c);
    }
    return true;
}

/* Adds text, or empties when it is "". Takes text over if it succeeds. */
static bool change_list(settings_list *list, char *text, bool append)
{
    settings_list fresh = {0};
    if (text[0]) {
        int32_t n_kept = append ? list->n_items : 0;
        fresh.items = malloc(((size_t)n_kept + 1) * sizeof *fresh.items);
        if (!fresh.items)
            return false;
        if (n_kept) {
            memcpy(fresh.items, list->items, (size_t)n_kept * sizeof *fresh.items);
            list->n_items = 0; /* they live on in fresh */
        }
        fresh.items[n_kept] = text;
        fresh.n_items = n_kept + 1;
    } else {
        free(text);
    }
    free_list(list);
    *list = fresh;
    return true;
}

bool settings_apply(settings *s, int32_t index, const char *value, const char *label, const char *origin, bool append,
                    char error[SETTINGS_ERROR])
{
    setting_kind kind = settings_kind(index);
    bool textual = kind == SETTING_KIND_TEXT || kind == SETTING_KIND_PATH || kind == SETTING_KIND_LIST;
    int32_t number = 0;
    if (textual ? !check_text(value, label, error) : !parse_number(index, value, label, &number, error))
        return false;
    char *source = strdup(origin);
    char *text = kind == SETTING_KIND_PATH ? expand_home(value) : textual ? strdup(value) : NULL;
    bool done = source && (!textual || text);
    if (done && kind == SETTING_KIND_LIST) {
        done = change_list(field(s, index), text, append);
    } else if (done && textual) {
        free(*(char **)field(s, index));
        *(char **)field(s, index) = text;
    } else if (done) {
        *(int32_t *)field(s, index) = number;
    }
    if (!done) {
        free(text);
        free(source);
        return fail(error, "%s: out of memory", label);
    }
    free(s->origin[index]);
    s->origin[index] = source;
    return true;
}

settings *settings_defaults(char error[SETTINGS_ERROR])
{
    settings *s = calloc(1, sizeof *s);
    for (int32_t i = 0; s && i < N_SETTINGS; i++) {
        const setting_info *info = settings_info(i);
        if (!settings_apply(s, i, info->standard, info->key, "built in", false, error)) {
            settings_free(s);
            return NULL;
        }
    }
    if (!s)
        fail(error, "out of memory");
    return s;
}

bool settings_set(settings *s, const char *key, const char *value, const char *origin, char error[SETTINGS_ERROR])
{
    char hint[SETTINGS_HINT];
    int32_t index = settings_index(key);
    if (index < 0)
        return fail(error, "unknown key '%.60s'%s", key, settings_hint("", key, hint));
    return settings_apply(s, index, value, origin, origin, strcmp(s->origin[index], origin) == 0, error);
}

const char *settings_get(const settings *s, const char *key, int32_t index, char *buf, size_t size)
{
    int32_t setting = settings_index(key);
    if (setting < 0 || index < 0)
        return NULL;
    const void *place = field(s, setting);
    setting_kind kind = settings_kind(setting);
    if (kind == SETTING_KIND_LIST) {
        const settings_list *list = place;
        return index < list->n_items ? list->items[index] : NULL;
    }
    if (index > 0)
        return NULL;
    if (kind == SETTING_KIND_TEXT || kind == SETTING_KIND_PATH)
        return *(char *const *)place;
    int32_t number = *(const int32_t *)place;
    size_t n = 0;
    if (kind == SETTING_KIND_CHOICE) {
        const char *choice = cli_choice(settings_info(setting)->choices, number, &n);
        snprintf(buf, size, "%.*s", (int)n, choice);
    } else if (kind == SETTING_KIND_SWITCH) {
        snprintf(buf, size, "%s", number ? "on" : "off");
    } else {
        snprintf(buf, size, "%d", (int)number);
    }
    return buf;
}

/* ---------------------------------------------------------------- layers */

bool settings_read_text(settings *s, const char *name, const char *text, size_t size, char error[SETTINGS_ERROR])
{
    settings_reader reader = {.name = name, .text = text ? text : "", .size = size};
    settings_line line;
    int32_t seen[N_SETTINGS] = {0};
    settings_next_line next;
    while ((next = settings_next(&reader, &line, error)) == SETTINGS_LINE) {
        char label[SETTINGS_ERROR], origin[SETTINGS_ERROR];
        if (line.kind != LINE_PAIR)
            continue;
        bool list = settings_kind(line.setting) == SETTING_KIND_LIST;
        if (seen[line.setting] && !list)
            return fail(error, "%.240s:%d: '%s' is set a second time, the first was in line %d", name,
                        (int)reader.number, line.key, (int)seen[line.setting]);
        snprintf(label, sizeof label, "%.240s:%d: %s", name, (int)reader.number, line.key);
        snprintf(origin, sizeof origin, "%.480s:%d", name, (int)reader.number);
        bool path = settings_kind(line.setting) == SETTING_KIND_PATH;
        if (path && line.value[0] && line.value[0] != '/' && strncmp(line.value, "~/", 2) != 0)
            return fail(error, "%s is '%.60s', expected a whole path, /... or ~/...", label, line.value);
        if (!settings_apply(s, line.setting, line.value, label, origin, list && seen[line.setting], error))
            return false;
        seen[line.setting] = reader.number;
    }
    return next == SETTINGS_END;
}

static bool read_layer(settings *s, const char *path, bool absent_is_empty, char error[SETTINGS_ERROR])
{
    textbuf text = {0};
    bool done = settings_read_file(path, absent_is_empty, &text, error)
                && settings_read_text(s, path, text.data, text.size, error);
    textbuf_free(&text);
    return done;
}

/* The least important first. */
static bool read_system(settings *s, char error[SETTINGS_ERROR])
{
    int n = 0;
    bool done = true;
    for (char *path; (path = paths_system_config(n, "config")); n++)
        free(path);
    while (done && n-- > 0) {
        char *path = paths_system_config(n, "config");
        done = path ? read_layer(s, path, true, error) : fail(error, "out of memory");
        free(path);
    }
    return done;
}

/* A list's variable has an item a line. An empty variable counts as none, as for the other commands. */
static bool read_variable(settings *s, int32_t index, char error[SETTINGS_ERROR])
{
    char variable[SETTINGS_VARIABLE];
    const char *value = getenv(settings_variable(index, variable));
    if (!value || !value[0])
        return true;
    if (settings_kind(index) != SETTING_KIND_LIST)
        return settings_apply(s, index, value, variable, variable, false, error);
    bool done = true, append = false;
    while (done && *value) {
        size_t n = strcspn(value, "\n");
        char *item = n ? strndup(value, n) : NULL;
        if (n)
            done =
                item ? settings_apply(s, index, item, variable, variable, append, error) : fail(error, "out of memory");
        append = append || n;
        free(item);
        value += n + (value[n] == '\n');
    }
    return done;
}

settings *settings_load(const char *extra_file, char error[SETTINGS_ERROR])
{
    settings *s = settings_defaults(error);
    char *own = extra_file ? NULL : settings_path();
    const char *path = extra_file ? extra_file : own;
    bool done = s && read_system(s, error) && (!path || read_layer(s, path, !extra_file, error));
    for (int32_t i = 0; done && i < N_SETTINGS; i++)
        done = read_variable(s, i, error);
    free(own);
    if (!done) {
        settings_free(s);
        return NULL;
    }
    return s;
}

char *settings_path(void)
{
    return paths_user(PATHS_CONFIG, "config");
}
