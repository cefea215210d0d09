/* SPDX-License-Identifier: MIT
 *
 * What the other threads tell the daemon: a queue of small events with one reader. Posting copies, never waits for the reader,
 * and wakes it by a descriptor that it polls. */
#ifndef DICTATE_MAILBOX_H
#define DICTATE_MAILBOX_H

#include "dictate/deliver/deliver.h"
#include "dictate/keys/keys.h"
#include "dictate/screen/screen.h"
#include "dictate/worker/worker.h"

typedef enum mail_kind {
    MAIL_KEY,           /* .key */
    MAIL_KEYS_LOST,     /* text: why */
    MAIL_CAPTURE_BEGAN, /* id: recording; time_us: first real buffer */
    MAIL_CUE,           /* id; it can be heard from number to time_us */
    MAIL_DEVICE,        /* id, text: description */
    MAIL_INTERRUPTED,   /* id, text: why */
    MAIL_CAPTURE_FAILED,
    MAIL_CAPTURE_ENDED, /* id: recording; a file is at its end */
    MAIL_SEGMENT,       /* id: recording; number: the job that was submitted */
    MAIL_RECORDED,      /* id: recording; all sound is there; time_us: when its last sample had been read */
    MAIL_ANSWER,        /* .answer, with its strings and words in the mail's own memory */
    MAIL_WORKER_STATE,  /* number: worker_state, text */
    MAIL_OUTCOME,       /* .outcome */
    MAIL_RESTORED,      /* id: delivery; number: 1 by the user */
    MAIL_DELIVERER_LOST,
    MAIL_SCREEN /* .command */
} mail_kind;

typedef struct mail {
    mail_kind kind;
    int64_t id, number, time_us;
    char *text; /* the mail's own, may be NULL */
    union {
        key_event key;
        worker_answer answer; /* its strings and words point into text */
        deliver_outcome outcome;
        screen_command command;
    } of;
} mail;

typedef struct mailbox mailbox;

mailbox *mailbox_create(void);
void mailbox_free(mailbox *box);
int mailbox_fd(const mailbox *box); /* readable while there is mail */
/* text is copied; NULL: none. Out of memory: the mail is lost, which is counted. Any thread. */
void mailbox_post(mailbox *box, const mail *what, const char *text);
/* An answer, with its strings and words. */
void mailbox_post_answer(mailbox *box, const worker_answer *answer);
/* The next one; false: none. Its text must be freed. */
bool mailbox_next(mailbox *box, mail *out);
int64_t mailbox_lost(const mailbox *box);

#endif
