/* SPDX-License-Identifier: MIT
 *
 * One file over HTTP(S) into a fetch_part, with redirects, resumption, time limits and a few more tries. Nothing is
 * judged here but lengths; the digest that the server states is handed on. */
#ifndef APPS_FETCH_H
#define APPS_FETCH_H

#include "common/fetch_part.h"

typedef struct fetch_options {
    const char *ca_file;   /* certificates to trust; NULL: the system's */
    int32_t stall_seconds; /* give up on a server that says nothing for so long */
    int32_t n_tries;       /* in a row without a byte gained */
    int32_t wait_ms;       /* before the second try; doubles with each */
    int32_t progress;      /* as byte_bar_begin() */
} fetch_options;

typedef struct fetch_answer {
    char sha256[DIGEST_HEX]; /* stated by the server that was asked first; "" when none */
    bool authenticated;      /* stated over TLS */
    int64_t stated_bytes;    /* 0: none */
    char error[700];
} fetch_answer;

/* Was this program built with libcurl? */
bool fetch_possible(void);
/* Fetch part->url. APP_DONE: all bytes are in the part. Otherwise a status of cli.h, and error says why in one
 * sentence; the part then holds what can be gone on from. */
int fetch_file(const fetch_options *options, fetch_part *part, fetch_answer *answer);

#endif
