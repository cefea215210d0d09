/* SPDX-License-Identifier: MIT
 * See worker_ask.c. */
#ifndef WORKER_ASK_H
#define WORKER_ASK_H

#include "worker.h"

enum { ASK_HOW = 24, FACTS_TEXT = WORKER_LANGUAGES + 8 };

/* "PUNCTUATION TIMES", beside the two languages. */
void ask_write(const worker_ask *ask, char how[ASK_HOW]);
/* False: it makes no sense, and *ask is untouched. */
bool ask_read(const char *language, const char *target, const char *how, worker_ask *ask);

/* One more language; a list that does not fit becomes empty: not told. */
void facts_add_language(worker_facts *facts, const char *name);
/* "PROMPTED TIMES LANGUAGES". */
void facts_write(const worker_facts *facts, char text[FACTS_TEXT]);
bool facts_read(const char *text, worker_facts *facts);

#endif
