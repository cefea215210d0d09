/* SPDX-License-Identifier: MIT
 *
 * Several processes at once, and processes that are killed at any moment: what was acknowledged is there, what was
 * acknowledged as deleted is in no byte of the files, and the database and its index stay sound. */
#define _XOPEN_SOURCE 700
#include "history_kit.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

static void writers_at_once_lose_nothing(void)
{
    enum { WRITERS = 3, EACH = 40 };
    pid_t children[WRITERS];
    int go[2];
    kit_fresh();
    CHECK_INT(pipe(go), 0);
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        char byte, text[40];
        close(go[1]);
        if (read(go[0], &byte, 1) != 0) /* all begin at once, and one of them makes the file */
            _exit(2);
        history *h = history_open(NULL, kit_error);
        int status = h ? 0 : 1;
        for (int k = 0; k < EACH && status == 0; k++) {
            snprintf(text, sizeof text, "writer%d entry%d", i, k);
            int64_t id = kit_add(h, text, k);
            if (id <= 0 || (k % 4 == 3 && history_delete(h, &id, 1, kit_error) != 1))
                status = 1;
        }
        if (status)
            printf("# writer %d: %s\n", i, kit_error);
        history_close(h);
        fflush(stdout);
        _exit(status);
    }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < WRITERS; i++) {
        int status;
        CHECK(waitpid(children[i], &status, 0) == children[i] && status == 0);
    }
    history *h = history_open(NULL, kit_error);
    CHECK_INT(kit_found(h, NULL), WRITERS * EACH * 3 / 4);
    CHECK_INT(kit_found(h, "writer1"), EACH * 3 / 4);
    CHECK(kit_sound(h));
    CHECK_INT(kit_mode(kit_at("state/ctrlspeak/history.db")), 0600);
    history_close(h);
}

/* Adds, deletes every third again, and writes "+id" or "-id" after each, for ever. */
static void work(int out)
{
    history *h = history_open(NULL, kit_error);
    for (int k = 0; h && k < 100000; k++) {
        char text[60], line[40];
        snprintf(text, sizeof text, "mark%dx zebra yonder", k);
        int64_t id = kit_add(h, text, k);
        snprintf(line, sizeof line, "+%lld %d\n", (long long)id, k);
        if (id <= 0 || write(out, line, strlen(line)) < 0)
            _exit(1);
        snprintf(line, sizeof line, "-%lld %d\n", (long long)id, k);
        if (k % 3 == 0 && (history_delete(h, &id, 1, kit_error) != 1 || write(out, line, strlen(line)) < 0))
            _exit(1);
    }
    _exit(1);
}

/* Killed once it has said n_lines lines, and a little later, which falls anywhere. */
static void kill_after(int n_lines, uint32_t spin, char *said, size_t size)
{
    int out[2], n = 0;
    size_t used = 0;
    CHECK_INT(pipe(out), 0);
    pid_t child = fork();
    if (child == 0) {
        close(out[0]);
        work(out[1]);
    }
    close(out[1]);
    while (n < n_lines) {
        ssize_t got = read(out[0], said + used, 1);
        if (got <= 0)
            break;
        n += said[used++] == '\n';
    }
    struct pollfd none = {.fd = -1};
    poll(&none, 1, (int)spin);
    kill(child, SIGKILL);
    ssize_t got;
    while (used < size - 1 && (got = read(out[0], said + used, size - 1 - used)) > 0)
        used += (size_t)got;
    said[used] = 0;
    close(out[0]);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void killed_writers_leave_a_sound_file(void)
{
    enum { ROUNDS = 25 };
    uint32_t state = 3;
    static char said[100000];
    for (int round = 0; round < ROUNDS; round++) {
        kit_fresh();
        kill_after(1 + (int)kit_pick(&state, 30), kit_pick(&state, 12), said, sizeof said);
        char *db = kit_at("state/ctrlspeak/history.db");
        history *h = history_open(NULL, kit_error);
        CHECK(h && kit_sound(h));
        for (char *line = said, *end; (end = strchr(line, '\n')); line = end + 1) {
            long long id;
            int k;
            char mark[30], query[30], gone[60];
            if (!CHECK(sscanf(line + 1, "%lld %d", &id, &k) == 2))
                break;
            snprintf(query, sizeof query, "mark%dx", k);
            snprintf(mark, sizeof mark, "mark%dx zebra", k);
            snprintf(gone, sizeof gone, "\n-%lld %d\n", id, k);
            bool deleted = line[0] == '-' || strstr(line, gone);
            if (deleted) {
                CHECK_INT(kit_found(h, query), 0);
                CHECK_INT(kit_count(db, mark), 0);
            } else if (k % 3 != 0) { /* else: killed while it was being deleted, either is right */
                CHECK_INT(kit_found(h, query), 1);
                CHECK(history_get(h, id, kit_nothing, NULL, kit_error));
            } else {
                bool there = kit_found(h, query) == 1;
                CHECK(there || kit_count(db, mark) == 0); /* opening has cut what the kill left */
            }
        }
        history_close(h);
    }
}

int main(void)
{
    if (!kit_begin())
        return check_skip_all("no folder for temporary files");
    RUN(writers_at_once_lose_nothing);
    RUN(killed_writers_leave_a_sound_file);
    return kit_end();
}
