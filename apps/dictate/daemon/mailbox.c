/* SPDX-License-Identifier: MIT
 * See mailbox.h: a linked list under a mutex, and an eventfd. */
#define _GNU_SOURCE
#include "dictate/daemon/mailbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct letter {
    struct letter *next;
    mail mail;
} letter;

struct mailbox {
    pthread_mutex_t mutex;
    letter *first, **last;
    int fd;
    int64_t n_lost;
};

mailbox *mailbox_create(void)
{
    mailbox *box = calloc(1, sizeof *box);
    if (!box)
        return NULL;
    box->last = &box->first;
    box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (box->fd < 0 || pthread_mutex_init(&box->mutex, NULL) != 0) {
        if (box->fd >= 0)
            close(box->fd);
        free(box);
        return NULL;
    }
    return box;
}

void mailbox_free(mailbox *box)
{
    mail what;
    if (!box)
        return;
    while (mailbox_next(box, &what))
        free(what.text);
    close(box->fd);
    pthread_mutex_destroy(&box->mutex);
    free(box);
}

int mailbox_fd(const mailbox *box)
{
    return box->fd;
}

/* l may be NULL: counted as lost. */
static void put(mailbox *box, letter *l)
{
    uint64_t one = 1;
    pthread_mutex_lock(&box->mutex);
    if (l) {
        *box->last = l;
        box->last = &l->next;
    } else
        box->n_lost++;
    pthread_mutex_unlock(&box->mutex);
    /* The counter cannot overflow in practice, and if it did the descriptor would be readable all the same. */
    ssize_t n = write(box->fd, &one, sizeof one);
    (void)n;
}

void mailbox_post(mailbox *box, const mail *what, const char *text)
{
    letter *l = malloc(sizeof *l);
    if (l) {
        l->next = NULL;
        l->mail = *what;
        l->mail.text = text ? strdup(text) : NULL;
        if (text && !l->mail.text) {
            free(l);
            l = NULL;
        }
    }
    put(box, l);
}

void mailbox_post_answer(mailbox *box, const worker_answer *answer)
{
    enum { N_STRINGS = 6 };
    const char *strings[N_STRINGS] = {answer->text,    answer->error,    answer->model,
                                      answer->warning, answer->language, answer->target};
    const size_t n_words = answer->n_words > 0 ? (size_t)answer->n_words : 0;
    size_t at[N_STRINGS], size = n_words * sizeof *answer->words; /* the words first: what malloc() gives fits them */
    for (int i = 0; i < N_STRINGS; i++) {
        at[i] = size;
        size += strlen(strings[i] ? strings[i] : "") + 1;
    }
    letter *l = calloc(1, sizeof *l);
    char *text = malloc(size);
    if (!l || !text) {
        free(l);
        free(text);
        put(box, NULL);
        return;
    }
    if (n_words)
        memcpy(text, answer->words, n_words * sizeof *answer->words);
    for (int i = 0; i < N_STRINGS; i++)
        strcpy(text + at[i], strings[i] ? strings[i] : "");
    l->mail = (mail){.kind = MAIL_ANSWER, .number = answer->job, .text = text};
    l->mail.of.answer = *answer;
    l->mail.of.answer.text = text + at[0];
    l->mail.of.answer.error = text + at[1];
    l->mail.of.answer.model = text + at[2];
    l->mail.of.answer.warning = text + at[3];
    l->mail.of.answer.language = text + at[4];
    l->mail.of.answer.target = text + at[5];
    l->mail.of.answer.words = n_words ? (const worker_word *)(const void *)text : NULL;
    l->mail.of.answer.n_words = (int32_t)n_words;
    put(box, l);
}

bool mailbox_next(mailbox *box, mail *out)
{
    uint64_t count;
    pthread_mutex_lock(&box->mutex);
    letter *l = box->first;
    if (l) {
        box->first = l->next;
        if (!box->first)
            box->last = &box->first;
    } else if (read(box->fd, &count, sizeof count) < 0)
        count = 0; /* nothing was there */
    pthread_mutex_unlock(&box->mutex);
    if (!l)
        return false;
    *out = l->mail;
    free(l);
    return true;
}

int64_t mailbox_lost(const mailbox *box)
{
    mailbox *b = (mailbox *)(uintptr_t)box;
    pthread_mutex_lock(&b->mutex);
    int64_t n = b->n_lost;
    pthread_mutex_unlock(&b->mutex);
    return n;
}
