/* SPDX-License-Identifier: MIT
 *
 * What the commands of `ctrlspeak history` share; see cmd_history.h. */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include "cmd_history.h"

#include "common/paths.h"
#include "common/say.h"
#include "common/visible.h"
#include "dictate/settings/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { FLUSH_BYTES = 1 << 16, ID_DIGITS = 18 };

int history_cli_fail(const char *error)
{
    say("error", "history", "%s", error);
    return APP_SYSTEM;
}

/* The file that is meant; *named: by an option or the config. NULL: said, *status tells. */
static char *find_file(const history_arguments *a, bool *named, int *status)
{
    char error[SETTINGS_ERROR], *path = NULL;
    *status = APP_SYSTEM;
    *named = true;
    if (a->db) {
        path = strdup(a->db);
    } else {
        settings *s = settings_load(NULL, error);
        if (!s) {
            say("error", "config", "%s", error);
            *status = APP_USAGE;
            return NULL;
        }
        *named = s->history_db[0] != 0;
        path = *named ? strdup(s->history_db) : history_path();
        settings_free(s);
    }
    if (!path)
        say("error", "history", "there is no home folder for the history; set HOME or XDG_STATE_HOME");
    return path;
}

int history_cli_open(const history_arguments *a, bool reading, history **h)
{
    char error[HISTORY_ERROR];
    bool named;
    int status;
    char *path = find_file(a, &named, &status);
    *h = NULL;
    if (!path)
        return status;
    if (reading && access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        say(named ? "error" : "info", "history", "%s: there is no history%s", path, named ? "" : " yet");
        status = named ? APP_INPUT : APP_DONE;
    } else {
        *h = history_open(named ? path : NULL, error);
        status = *h ? APP_DONE : history_cli_fail(error);
    }
    free(path);
    return status;
}

/* ---------------------------------------------------------------- output */

bool history_print_begin(history_printer *p, const char *path)
{
    struct winsize window;
    *p = (history_printer){0};
    if (!outfile_open_mode(&p->out, path, 0600)) {
        say("error", "output", "%s", p->out.error);
        return false;
    }
    if (p->out.fd == 1 && isatty(1) && ioctl(1, TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
        p->columns = window.ws_col;
    return true;
}

static void hand_on(history_printer *p)
{
    if (p->text.failed || outfile_write(&p->out, p->text.data ? p->text.data : "", p->text.size))
        p->failed = true;
    p->text.size = 0;
}

bool history_print_flush(history_printer *p)
{
    if (p->text.failed || p->text.size >= FLUSH_BYTES)
        hand_on(p);
    return !p->failed;
}

int history_print_end(history_printer *p)
{
    hand_on(p);
    bool quiet = p->out.reader_gone && !p->text.failed;
    bool done = !p->text.failed && (quiet || outfile_commit(&p->out));
    if (!done)
        say("error", "output", "%s", p->text.failed ? "out of memory" : p->out.error);
    outfile_discard(&p->out);
    textbuf_free(&p->text);
    return done ? APP_DONE : APP_SYSTEM;
}

static const char *format_time(char *out, const char *format, const struct tm *tm)
{
    if (!tm || strftime(out, HISTORY_TIME_TEXT, format, tm) == 0)
        snprintf(out, HISTORY_TIME_TEXT, "unknown time");
    return out;
}

/* Rounded down, before 1970 too. */
static time_t whole_seconds(int64_t time_ms)
{
    return (time_t)(time_ms / 1000 - (time_ms % 1000 < 0));
}

const char *history_local_time(char out[HISTORY_TIME_TEXT], int64_t time_ms)
{
    time_t seconds = whole_seconds(time_ms);
    struct tm tm;
    return format_time(out, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
}

const char *history_utc_time(char out[HISTORY_TIME_TEXT], int64_t time_ms)
{
    time_t seconds = whole_seconds(time_ms);
    struct tm tm;
    char whole[HISTORY_TIME_TEXT];
    format_time(whole, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
    snprintf(out, HISTORY_TIME_TEXT, "%.30s.%03dZ", whole, (int)(time_ms - (int64_t)seconds * 1000));
    return out;
}

void history_json(textbuf *out, const history_entry *entry, int indent)
{
    const struct {
        const char *key, *value;
    } texts[] = {{"text", entry->text},
                 {"model", entry->model},
                 {"language", entry->language},
                 {"target", entry->target},
                 {"source", entry->source}};
    char when[HISTORY_TIME_TEXT];
    textbuf_printf(out, "%*s{\"id\": %lld, \"time\": \"%s\"", indent, "", (long long)entry->id,
                   history_utc_time(when, entry->time_ms));
    for (size_t i = 0; i < HISTORY_COUNT(texts); i++) {
        textbuf_printf(out, ", \"%s\": ", texts[i].key);
        textbuf_json(out, texts[i].value);
    }
    textbuf_printf(out, ", \"speech_seconds\": %.3f, \"latency_ms\": ", entry->speech_seconds);
    textbuf_printf(out, entry->latency_ms < 0 ? "null" : "%.1f", entry->latency_ms);
    textbuf_printf(out, ", \"delivered\": %s}", entry->delivered ? "true" : "false");
}

void history_one_line(textbuf *out, const char *text, int32_t columns)
{
    bool space = false;
    size_t mark = 0; /* where "..." would go */
    int32_t n = 0;
    uint32_t code;
    for (size_t bytes; (bytes = visible_next(text, &code)) > 0; text += bytes) {
        bool control = code == ' ' || visible_is_control(code) || (code == VISIBLE_REPLACEMENT && bytes == 1);
        if (control && space)
            continue;
        if (columns && n == columns - 3)
            mark = out->size;
        if (columns && n == columns) {
            out->size = mark; /* no longer than it was: the buffer's 0 is restored by the append */
            textbuf_append(out, "...", 3);
            return;
        }
        textbuf_append(out, control ? " " : text, control ? 1 : bytes);
        space = control;
        n++;
    }
}

bool history_parse_id(const char *text, int64_t *id)
{
    size_t n = strlen(text);
    if (n == 0 || n > ID_DIGITS || strspn(text, "0123456789") != n)
        return false;
    *id = strtoll(text, NULL, 10);
    return *id > 0;
}
