/* SPDX-License-Identifier: MIT
 * Languages as people write them: see spoken.h. */
#include "common/spoken.h"

#include <stdio.h>
#include <string.h>

static bool is_name(const char *text, size_t n)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    for (size_t i = 0; i < n; i++)
        if (!text[i] || !strchr(allowed, text[i]))
            return false;
    return n > 0 && n < SPOKEN_NAME;
}

static void put_name(char name[SPOKEN_NAME], const char *text, size_t n)
{
    memset(name, 0, SPOKEN_NAME);
    memcpy(name, text, n);
}

bool spoken_set(spoken_as *out, const char *language, const char *target, char *error, int32_t error_size)
{
    const char *const names[] = {language, target};
    for (int i = 0; i < 2; i++)
        if (names[i][0] && !is_name(names[i], strlen(names[i]))) {
            snprintf(error, (size_t)error_size, "the language to %s is '%.40s', expected a name such as de",
                     i ? "write" : "hear", names[i]);
            return false;
        }
    *out = (spoken_as){0};
    put_name(out->language, language, strlen(language));
    put_name(out->target, target, strlen(target));
    return true;
}

bool spoken_parse(const char *text, spoken_as *out)
{
    size_t n = strcspn(text, " >");
    const char *mark = text + n + strspn(text + n, " ");
    const char *target = *mark ? mark + 1 + strspn(mark + 1, " ") : NULL;
    if ((n || !target) && !is_name(text, n))
        return false;
    if (target && (*mark != '>' || !is_name(target, strlen(target))))
        return false;
    *out = (spoken_as){0};
    put_name(out->language, text, n);
    if (target)
        put_name(out->target, target, strlen(target));
    return true;
}

const char *spoken_text(const spoken_as *s, const char *gap, char out[SPOKEN_TEXT])
{
    snprintf(out, SPOKEN_TEXT, "%.8s%s%s%s%.8s", s->language, s->target[0] && s->language[0] ? gap : "",
             s->target[0] ? ">" : "", s->target[0] ? gap : "", s->target);
    return out;
}

bool spoken_is_said(const spoken_as *s)
{
    return s->language[0] || s->target[0];
}

bool spoken_is_translated(const spoken_as *s)
{
    return s->target[0] && strcmp(s->target, s->language) != 0;
}

spoken_as spoken_over(const spoken_as *asked, const spoken_as *standard)
{
    spoken_as s = *standard;
    if (asked->language[0]) {
        s = *asked;
        s.punctuation = standard->punctuation;
    } else if (asked->target[0]) {
        memcpy(s.target, asked->target, sizeof s.target);
    }
    return s;
}
