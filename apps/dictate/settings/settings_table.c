/* SPDX-License-Identifier: MIT
 *
 * The table as rows that can be walked, and what is looked up in it by name. */
#include "settings_inside.h"

#include <ctype.h>
#include <string.h>

/* Of a CHOICE the table has all choices; its default alone, the first of them, is written out here. */
#define CHOICE_STANDARD_precision    "auto"
#define CHOICE_STANDARD_punctuation  "default"
#define CHOICE_STANDARD_keys         "auto"
#define CHOICE_STANDARD_first_letter "as_is"
#define CHOICE_STANDARD_worker       "thread"
#define CHOICE_STANDARD_log_level    "info"
#define CHOICE_STANDARD_color        "auto"

#define STANDARD_TEXT(name, standard)   standard
#define STANDARD_PATH(name, standard)   standard
#define STANDARD_LIST(name, standard)   standard
#define STANDARD_INT(name, standard)    standard
#define STANDARD_SWITCH(name, standard) standard
#define STANDARD_CHOICE(name, standard) CHOICE_STANDARD_##name

#define CHOICES_TEXT(standard)   NULL
#define CHOICES_PATH(standard)   NULL
#define CHOICES_LIST(standard)   NULL
#define CHOICES_INT(standard)    NULL
#define CHOICES_SWITCH(standard) NULL
#define CHOICES_CHOICE(standard) standard

typedef struct setting_row {
    setting_info info;
    setting_kind kind;
    size_t offset;
} setting_row;

static const setting_row rows[] = {
#define SETTINGS_ROW(name, kind, key, standard, low, high, flag, help)                               \
    {{key, #kind, STANDARD_##kind(name, standard), CHOICES_##kind(standard), flag, help, low, high}, \
     SETTING_KIND_##kind,                                                                            \
     offsetof(settings, name)},
    SETTINGS(SETTINGS_ROW)
#undef SETTINGS_ROW
};

const setting_info *settings_info(int32_t index)
{
    return index >= 0 && index < N_SETTINGS ? &rows[index].info : NULL;
}

setting_kind settings_kind(int32_t index)
{
    return rows[index].kind;
}

size_t settings_offset(int32_t index)
{
    return rows[index].offset;
}

int32_t settings_index(const char *key)
{
    for (int32_t i = 0; i < N_SETTINGS; i++)
        if (strcmp(rows[i].info.key, key) == 0)
            return i;
    return -1;
}

const setting_info *settings_find(const char *key)
{
    return settings_info(settings_index(key));
}

const char *settings_variable(int32_t index, char buf[SETTINGS_VARIABLE])
{
    snprintf(buf, SETTINGS_VARIABLE, "CS_%s", rows[index].info.key);
    for (char *p = buf; *p; p++)
        *p = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
    return buf;
}

/* The part of the key after "section.", NULL when it lies elsewhere. */
static const char *within(const char *key, const char *section)
{
    size_t n = strlen(section);
    return strncmp(key, section, n) == 0 && key[n] == '.' ? key + n + 1 : NULL;
}

bool settings_is_section(const char *section)
{
    for (int32_t i = 0; i < N_SETTINGS; i++)
        if (within(rows[i].info.key, section))
            return true;
    return false;
}

static const char *hint(const char *near, char out[SETTINGS_HINT])
{
    out[0] = 0;
    if (near)
        snprintf(out, SETTINGS_HINT, "; did you mean '%s'?", near);
    return out;
}

/* A key of another section, as it has to be written. */
static const char *elsewhere_hint(const char *key, char out[SETTINGS_HINT])
{
    const char *dot = strchr(key, '.');
    if (dot)
        snprintf(out, SETTINGS_HINT, "; did you mean '%s' below [%.*s]?", dot + 1, (int)(dot - key), key);
    else
        snprintf(out, SETTINGS_HINT, "; did you mean '%s' above all sections?", key);
    return out;
}

/* A key of that very name elsewhere first; then one of its own section that is spelled alike; then any. */
const char *settings_hint(const char *section, const char *key, char out[SETTINGS_HINT])
{
    const char *names[N_SETTINGS], *elsewhere = NULL;
    size_t n = 0;
    for (int32_t i = 0; i < N_SETTINGS; i++) {
        const char *whole = rows[i].info.key, *dot = strchr(whole, '.');
        const char *name = section[0] ? within(whole, section) : whole;
        if ((dot && strcmp(dot + 1, key) == 0) || (section[0] && strcmp(whole, key) == 0))
            elsewhere = whole;
        if (name)
            names[n++] = name;
    }
    const char *near = elsewhere ? NULL : cli_nearest(key, names, n);
    if (near || !section[0])
        return hint(near ? near : elsewhere, out);
    for (int32_t i = 0; i < N_SETTINGS; i++)
        names[i] = rows[i].info.key;
    elsewhere = elsewhere ? elsewhere : cli_nearest(key, names, N_SETTINGS);
    return elsewhere ? elsewhere_hint(elsewhere, out) : hint(NULL, out);
}

const char *settings_section_hint(const char *section, char out[SETTINGS_HINT])
{
    char sections[N_SETTINGS][SETTINGS_SECTION_MAX];
    const char *names[N_SETTINGS];
    size_t n = 0;
    for (int32_t i = 0; i < N_SETTINGS; i++) {
        const char *key = rows[i].info.key, *dot = strchr(key, '.');
        if (!dot)
            continue;
        snprintf(sections[n], sizeof sections[n], "%.*s", (int)(dot - key), key);
        names[n] = sections[n];
        n++;
    }
    return hint(cli_nearest(section, names, n), out);
}
