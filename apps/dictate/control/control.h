/* SPDX-License-Identifier: MIT
 *
 * The control socket: XDG_RUNTIME_DIR/ctrlspeak/control (folder 0700, peer's uid checked). A client sends one line, a command
 * of docs/FORMAT.md; the daemon answers lines of JSON, the last with "done". One instance by a lock on the file beside it. */
#ifndef DICTATE_CONTROL_H
#define DICTATE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONTROL_ERROR = 300, CONTROL_COMMAND = 300 };

typedef struct control control;
typedef struct control_client control_client;

typedef struct control_sink {
    void *user;
    /* On the thread that calls control_serve(). Answer now or later with control_answer(); the client stays valid until
     * then or until gone(). */
    void (*command)(void *user, control_client *client, const char *command);
    void (*gone)(void *user, control_client *client);
} control_sink;

typedef enum control_claim { CONTROL_OURS, CONTROL_OTHER, CONTROL_FAILED } control_claim;
/* Lock and listen. CONTROL_OTHER: another instance runs (its pid in error's sentence). A stale lock or socket is taken over. */
control_claim control_open(const control_sink *sink, control **c, char error[CONTROL_ERROR]);
/* Descriptors to poll: fills up to n, returns how many. Then control_serve() after poll. Never blocks. */
struct pollfd;
size_t control_poll(const control *c, struct pollfd *fds, size_t n);
void control_serve(control *c);
/* One line of JSON; last closes the conversation. A client that does not read is dropped, never waited for. */
void control_answer(control_client *client, const char *json, bool last);
void control_close(control *c);

/* The other side. Sends command and hands each line to line() until the last. Returns an exit status of cli.h, CONTROL_NOBODY when no
 * daemon runs. timeout_ms -1: for ever (status --follow). */
enum { CONTROL_NOBODY = 7 };
int control_ask(const char *command, int32_t timeout_ms, bool (*line)(void *user, const char *json), void *user,
                char error[CONTROL_ERROR]);

#endif
