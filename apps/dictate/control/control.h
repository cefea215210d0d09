/* SPDX-License-Identifier: MIT
 *
 * The control socket: XDG_RUNTIME_DIR/ctrlspeak/control (folder 0700, the peer's uid is checked). A client sends one line, the
 * command; the daemon answers with lines, the last of which is "=STATUS" or "=STATUS SENTENCE" with an exit status of cli.h. What
 * the commands and lines are is in docs/FORMAT.md. One instance by a lock on a file beside the socket. */
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
    /* On the thread that calls control_serve(). Answer now or later; the client stays valid until
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
/* One line, without its end. A client that does not read is dropped, never waited for. */
void control_line(control_client *client, const char *line);
/* The last line; closes the conversation, the client is gone. sentence may be NULL. */
void control_end(control_client *client, int status, const char *sentence);
void control_close(control *c);

/* The other side. Sends command, hands each line to line(), and returns the status; its sentence, or what went wrong here, is in
 * error, else "". APP_NOBODY when no daemon runs. timeout_ms without any line: -1 for ever (status --follow). line may be NULL. */
int control_ask(const char *command, int32_t timeout_ms, bool (*line)(void *user, const char *line), void *user,
                char error[CONTROL_ERROR]);

#endif
