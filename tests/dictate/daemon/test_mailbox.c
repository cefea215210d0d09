/* SPDX-License-Identifier: MIT
 *
 * The mailbox: mail comes in order, whole, and as the mail's own, whatever becomes of what it was made from. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "dictate/daemon/mailbox.h"

#include <poll.h>
#include <pthread.h>

static bool is_readable(const mailbox *box)
{
    struct pollfd fd = {.fd = mailbox_fd(box), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static void in_order_and_then_empty(void)
{
    mailbox *box = mailbox_create();
    mail m;
    char why[] = "gone";
    CHECK(box && !mailbox_next(box, &m));
    mailbox_post(box, &(mail){.kind = MAIL_KEYS_LOST}, why);
    why[0] = 'd';
    mailbox_post(box, &(mail){.kind = MAIL_SEGMENT, .id = 7, .number = 3}, NULL);
    CHECK(is_readable(box));
    CHECK(mailbox_next(box, &m) && m.kind == MAIL_KEYS_LOST);
    CHECK_STR(m.text, "gone");
    free(m.text);
    CHECK(mailbox_next(box, &m) && m.kind == MAIL_SEGMENT && m.id == 7 && m.number == 3 && !m.text);
    CHECK(!mailbox_next(box, &m));
    CHECK(!is_readable(box));
    CHECK_INT(mailbox_lost(box), 0);
    mailbox_free(box);
}

/* An answer dies with the call that brings it: a heap that is freed and reused shows whoever keeps a pointer to it. */
static void an_answer_outlives_what_it_was_made_from(void)
{
    mailbox *box = mailbox_create();
    worker_word *words = malloc(2 * sizeof *words);
    char *text = strdup("one two");
    mail m;
    words[0] = (worker_word){0, 3, 0.5F, 1};
    words[1] = (worker_word){4, 3, 1.5F, 2};
    mailbox_post_answer(
        box, &(worker_answer){.job = 5, .ok = true, .text = text, .model = "m", .words = words, .n_words = 2});
    memset(words, 0xEE, 2 * sizeof *words);
    memset(text, 'x', strlen(text));
    free(words);
    free(text);
    mailbox_post_answer(box, &(worker_answer){.job = 6, .error = "it died"});
    CHECK(mailbox_next(box, &m) && m.kind == MAIL_ANSWER);
    CHECK_STR(m.of.answer.text, "one two");
    CHECK_STR(m.of.answer.model, "m");
    CHECK_STR(m.of.answer.error, "");
    CHECK_INT(m.of.answer.n_words, 2);
    CHECK(m.of.answer.words[1].at == 4 && m.of.answer.words[1].n == 3);
    CHECK_NEAR((double)m.of.answer.words[1].end_seconds, 2, 0);
    free(m.text);
    CHECK(mailbox_next(box, &m) && m.of.answer.job == 6 && m.of.answer.n_words == 0);
    CHECK_STR(m.of.answer.error, "it died");
    free(m.text);
    mailbox_post_answer(box, &(worker_answer){.job = 7, .text = "unread"}); /* freed with the box */
    mailbox_free(box);
}

enum { POSTERS = 4, LETTERS = 2000 };

static void *post_many(void *user)
{
    for (int i = 0; i < LETTERS; i++)
        mailbox_post(user, &(mail){.kind = MAIL_SEGMENT, .number = i}, i % 7 ? NULL : "text");
    return NULL;
}

static void from_many_threads(void)
{
    mailbox *box = mailbox_create();
    pthread_t threads[POSTERS];
    int n = 0;
    for (int i = 0; i < POSTERS; i++)
        CHECK(pthread_create(&threads[i], NULL, post_many, box) == 0);
    while (n < POSTERS * LETTERS) {
        struct pollfd fd = {.fd = mailbox_fd(box), .events = POLLIN};
        mail m;
        CHECK(poll(&fd, 1, -1) == 1);
        while (mailbox_next(box, &m)) {
            free(m.text);
            n++;
        }
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(n, POSTERS * LETTERS);
    mailbox_free(box);
}

int main(void)
{
    RUN(in_order_and_then_empty);
    RUN(an_answer_outlives_what_it_was_made_from);
    RUN(from_many_threads);
    return check_done();
}
