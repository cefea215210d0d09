/* SPDX-License-Identifier: MIT
 *
 * What a job asks for and what a model takes, as the strings in which they travel to a child and back; and whether the two fit.
 * Pure. What comes in is foreign bytes: whatever they hold, what is read is within its bounds. */
#include "worker_ask.h"

#include "ctrlspeak.h"

#include <stdio.h>
#include <string.h>

void ask_write(const worker_ask *ask, char how[ASK_HOW])
{
    snprintf(how, ASK_HOW, "%d %d", (int)ask->spoken.punctuation, (int)ask->times);
}

bool ask_read(const char *language, const char *target, const char *how, worker_ask *ask)
{
    char trouble[100];
    worker_ask read = {0};
    if (strlen(how) != 3 || how[0] < '0' + CS_CHOICE_DEFAULT || how[0] > '0' + CS_CHOICE_YES || how[1] != ' '
        || (how[2] != '0' && how[2] != '1') || !spoken_set(&read.spoken, language, target, trouble, sizeof trouble))
        return false;
    read.spoken.punctuation = how[0] - '0';
    read.times = how[2] == '1';
    *ask = read;
    return true;
}

void facts_add_language(worker_facts *facts, const char *name)
{
    size_t n = strlen(facts->languages), n_name = strlen(name);
    if (n + n_name + 2 <= sizeof facts->languages)
        snprintf(facts->languages + n, sizeof facts->languages - n, "%s%s", n ? " " : "", name);
    else
        facts->languages[0] = 0;
}

void facts_write(const worker_facts *facts, char text[FACTS_TEXT])
{
    snprintf(text, FACTS_TEXT, "%d %d %s", facts->prompted, facts->times, facts->languages);
}

bool facts_read(const char *text, worker_facts *facts)
{
    size_t n = strlen(text);
    if (n < 4 || (text[0] != '0' && text[0] != '1') || text[1] != ' ' || (text[2] != '0' && text[2] != '1')
        || text[3] != ' ' || n - 4 >= sizeof facts->languages)
        return false;
    *facts = (worker_facts){.known = true, .prompted = text[0] == '1', .times = text[2] == '1'};
    memcpy(facts->languages, text + 4, n - 3);
    return true;
}

void worker_facts_of(const cs_model_info *info, worker_facts *facts)
{
    *facts = (worker_facts){
        .known = true, .prompted = info->prompt_format[0] != 0, .times = strcmp(info->times, "none") != 0};
    if (!facts->prompted || info->n_languages == 0)
        return;
    for (int32_t i = 0; i < info->n_languages && (i == 0 || facts->languages[0]); i++)
        facts_add_language(facts, info->languages[i]);
    if (facts->languages[0] && strcmp(info->prompt_format, "canary2") == 0)
        facts_add_language(facts, "auto");
}

static bool has(const char *languages, const char *name)
{
    size_t n = strlen(name);
    for (const char *s = languages; *s; s += strcspn(s, " "), s += strspn(s, " "))
        if (strcspn(s, " ") == n && memcmp(s, name, n) == 0)
            return true;
    return false;
}

bool worker_takes(const worker_facts *facts, const char *model, const spoken_as *how, char why[WORKER_ERROR])
{
    char text[SPOKEN_TEXT];
    const char *const names[] = {how->language, how->target};
    if (!facts->known || !spoken_is_said(how))
        return true;
    if (!facts->prompted) {
        snprintf(why, WORKER_ERROR,
                 "%.200s takes no languages: '%s' is not used, the text is in the language that is spoken", model,
                 spoken_text(how, " ", text));
        return false;
    }
    for (int i = 0; facts->languages[0] && i < 2; i++)
        if (names[i][0] && !has(facts->languages, names[i])) {
            snprintf(why, WORKER_ERROR, "%.200s has no language '%s', expected one of: %.200s%s", model, names[i],
                     facts->languages, strlen(facts->languages) > 200 ? "..." : "");
            return false;
        }
    return true;
}
