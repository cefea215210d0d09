/* SPDX-License-Identifier: MIT
 *
 * Both ends face one that lies. `PROGRAM worker` is here a child that says something wrong, another in each test, and
 * then would stay for ever: the parent must get rid of it and answer the job. And a real child is told nonsense by this
 * program, and must end. */
#define _GNU_SOURCE
#include "worker_kit.h"
#include "dictate/worker/worker_spawn.h"
#include "dictate/worker/worker_wire.h"

#include <sys/socket.h>

/* ------------------------------------------------------------------- children that lie */

static void say_too_much(uint64_t request) /* 72 MB of text */
{
    static char text[WIRE_PIECE];
    memset(text, 'a', sizeof text - 1);
    for (int i = 0; i < 2200; i++)
        wire_send(3, &(wire_message){.type = WIRE_TEXT, .request = request, .strings = {text}}, -1, 1);
}

static int lying_child(const char *how)
{
    uint8_t bytes[WIRE_BYTES];
    wire_message m, done = {.type = WIRE_DONE, .strings = {"", "liar", "", ""}};
    int came;
    while (wire_receive(3, bytes, &m, &came, 1) == WIRE_GOT) {
        done.request = m.request;
        if (m.type == WIRE_HEAR && strcmp(how, "nonsense") == 0)
            send(3, "nonsense", 8, MSG_NOSIGNAL);
        else if (m.type == WIRE_HEAR && strcmp(how, "stale") == 0)
            done.request = m.request - 1;
        else if (m.type == WIRE_HEAR && strcmp(how, "request") == 0)
            done.type = WIRE_LOAD;
        else if (m.type == WIRE_HEAR && strcmp(how, "endless") == 0)
            say_too_much(m.request);
        wire_send(3, &done, -1, 1);
    }
    return 0;
}

static void check_liar(const char *how, bool dies, const char *expected)
{
    setenv("WORKER_TEST_LIE", how, 1);
    kit *k = kit_create();
    worker *w = kit_start(k, WORKER_PROCESS, (worker_options){.unload_seconds = -1});
    kit_submit(w, &kit_clips[0]);
    kit_wait_answers(k, 1);
    CHECK(!k->answers[0].ok);
    CHECK_STR(k->answers[0].error, expected);
    CHECK_INT(k->answers[0].n_attempts, dies ? WORKER_TRIES : 1);
    kit_free(k);
    CHECK(kit_has_no_child());
    unsetenv("WORKER_TEST_LIE");
}

#define DIED "the worker process died or hung 3 times over this recording"

static void child_says_nonsense(void)
{
    check_liar("nonsense", true, DIED);
}

static void child_answers_another_request(void)
{
    check_liar("stale", true, DIED);
}

static void child_asks(void)
{
    check_liar("request", true, DIED);
}

static void child_says_too_much(void)
{
    check_liar("endless", false, "out of memory for the text");
}

/* ------------------------------------------------------------------- a child that is lied to */

static int start_child(pid_t *pid)
{
    char error[200] = "";
    int end;
    if (!CHECK_INT(spawn_child("/proc/self/exe", &end, pid, error, sizeof error), 0))
        exit(1);
    return end;
}

static void check_ends(int end, pid_t pid)
{
    int status = -1;
    CHECK_INT(waitpid(pid, &status, 0), pid); /* by itself: nobody kills it */
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(end);
}

static void child_ends_with_its_socket(void)
{
    pid_t pid;
    int end = start_child(&pid);
    shutdown(end, SHUT_RDWR);
    check_ends(end, pid);
}

static void child_ends_over_nonsense(void)
{
    for (uint32_t round = 0; round < 8; round++) {
        pid_t pid;
        uint8_t bytes[300];
        uint32_t random = round;
        int end = start_child(&pid);
        size_t n =
            wire_encode(&(wire_message){.type = WIRE_LOAD, .request = 1, .strings = {"/x.nemo", ""}}, bytes, 300);
        bytes[kit_random(&random) % 4] ^= 0x10;
        send(end, bytes, n, MSG_NOSIGNAL);
        check_ends(end, pid);
    }
}

static wire_message ask(int end, wire_message m, int descriptor, uint8_t *bytes)
{
    int came;
    wire_message reply = {0};
    CHECK(wire_send(end, &m, descriptor, 1));
    do
        if (wire_receive(end, bytes, &reply, &came, 1) != WIRE_GOT)
            return (wire_message){0};
    while (reply.type != WIRE_DONE);
    return reply;
}

#define HEAR_PLAINLY .strings = {"", "", "0 0"}

/* Samples that are not there: too few, none, a pipe. And a job that asks for nonsense. */
static void child_refuses_samples_that_are_not_there(void)
{
    static uint8_t bytes[WIRE_BYTES];
    pid_t pid;
    int end = start_child(&pid), pipes[2];
    wire_message m = ask(end, (wire_message){.type = WIRE_HEAR, .request = 1, .number = 0}, -1, bytes);
    CHECK_STR(m.strings[0], "no model is open");
    m = ask(end, (wire_message){.type = WIRE_LOAD, .request = 2, .number = 1, .strings = {kit_model, ""}}, -1, bytes);
    CHECK_STR(m.strings[0], "");
    CHECK_STR(m.strings[1], "ctrlspeak-small");
    CHECK_STR(m.strings[2], "0 1 ");
    m = ask(end, (wire_message){.type = WIRE_HEAR, .request = 3, .number = 100, HEAR_PLAINLY}, -1, bytes);
    CHECK_STR(m.strings[0], "cannot map 100 samples");
    CHECK(pipe2(pipes, O_CLOEXEC) == 0);
    m = ask(end, (wire_message){.type = WIRE_HEAR, .request = 4, .number = 100, HEAR_PLAINLY}, pipes[0], bytes);
    CHECK_STR(m.strings[0], "cannot map 100 samples");
    int model = open(kit_model, O_RDONLY | O_CLOEXEC);
    m = ask(end, (wire_message){.type = WIRE_HEAR, .request = 5, .number = WIRE_SAMPLES, HEAR_PLAINLY}, model, bytes);
    CHECK_STR(m.strings[0], "cannot map 68719476736 samples");
    wire_send(end, &(wire_message){.type = WIRE_CANCEL, .request = 5}, -1, 1); /* too late, it has no answer */
    m = ask(end, (wire_message){.type = WIRE_HEAR, .request = 6, HEAR_PLAINLY}, -1, bytes);
    CHECK_INT(m.number, WIRE_OK);
    m = ask(end, (wire_message){.type = WIRE_HEAR, .request = 7, .strings = {"d e", "", "0 0"}}, -1, bytes);
    CHECK_STR(m.strings[0], "what is asked of the job makes no sense");
    m = ask(end, (wire_message){.type = WIRE_HEAR, .request = 8, .strings = {"de", "en", "9 0"}}, -1, bytes);
    CHECK_INT(m.number, WIRE_FAILED);
    close(model);
    close(pipes[0]);
    close(pipes[1]);
    shutdown(end, SHUT_RDWR);
    check_ends(end, pid);
}

int main(int argc, char **argv)
{
    const char *how = getenv("WORKER_TEST_LIE");
    if (argc == 2 && how)
        return lying_child(how);
    int status = kit_begin(argc, argv);
    if (status >= 0)
        return status;
    RUN(child_says_nonsense);
    RUN(child_answers_another_request);
    RUN(child_asks);
    RUN(child_says_too_much);
    RUN(child_ends_with_its_socket);
    RUN(child_ends_over_nonsense);
    RUN(child_refuses_samples_that_are_not_there);
    kit_free_clips();
    return check_done();
}
