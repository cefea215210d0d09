/* SPDX-License-Identifier: MIT
 *
 * Which languages a recording is heard with: those of the gesture or the command that began it, over those of the settings. What
 * the model cannot do is said when it is loaded, when the settings change, and on the screen while such a recording runs; nothing
 * is refused for it, since what was spoken must not be lost. */
#include "dictate/daemon/daemon.h"

#include <stdio.h>
#include <string.h>

bool languages_standard(const settings *set, spoken_as *standard, char error[DAEMON_ERROR])
{
    if (!spoken_set(standard, set->language, set->translate_to, error, DAEMON_ERROR))
        return false;
    standard->punctuation = set->punctuation; /* its choices are in the enum's order */
    return true;
}

spoken_as languages_of(const dictation *d, int32_t binding, const spoken_as *asked)
{
    static const spoken_as nothing;
    char error[DAEMON_ERROR];
    spoken_as standard = {0};
    languages_standard(d->set, &standard, error); /* they were checked when they were read */
    if (binding >= 0 && binding < d->gestures.n_bindings)
        asked = &d->gestures.bindings[binding].spoken;
    return spoken_over(asked ? asked : &nothing, &standard);
}

void languages_tell(dictation *d)
{
    char why[WORKER_ERROR] = "";
    bool good = true;
    for (int32_t b = -1; good && b < d->gestures.n_bindings; b++) { /* one that is wrong is enough */
        const spoken_as how = languages_of(d, b, NULL);
        good = worker_takes(&d->facts, d->model, &how, why);
    }
    if (!good && strcmp(d->language_trouble, why) != 0)
        dictation_say(d, LOG_WARNING, "%s", why);
    snprintf(d->language_trouble, sizeof d->language_trouble, "%s", good ? "" : why);
}

void languages_begin(dictation *d, const utterance *u)
{
    char why[WORKER_ERROR];
    if (!worker_takes(&d->facts, d->model, &u->spoken, why))
        dictation_say(d, LOG_INFO, "%s", why);
}

/* A model without prompts writes what is spoken, whatever was asked. */
bool languages_translated(const dictation *d, const utterance *u)
{
    return spoken_is_translated(&u->spoken) && (!d->facts.known || d->facts.prompted);
}
