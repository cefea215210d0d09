/* SPDX-License-Identifier: MIT
 *
 * Changing the user's own file and nothing else in it: the lines of one key are rewritten, added or left out, every other
 * byte stays. The changed text is read as a whole before it is written, so that a file which is right never becomes wrong.
 * Whoever changes it holds a lock on the folder: two at once do not undo each other. */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include "settings_inside.h"

#include "common/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { FILE_MODE = 0600 };

/* Where in the text the key's lines are, and where a new one would go. */
typedef struct places {
    const char *section; /* of the key, with n_section bytes; "" above the first section */
    size_t n_section;
    settings_line *lines; /* those of the key, in order; value[] is not kept */
    int32_t n_lines;
    bool has_section;
    size_t insert_at; /* after the last pair of the section, or its header */
    size_t top_end;   /* before the first section and the comment that belongs to it */
} places;

static bool note_line(places *p, const settings_line *line)
{
    settings_line *lines = realloc(p->lines, ((size_t)p->n_lines + 1) * sizeof *lines);
    if (!lines)
        return false;
    p->lines = lines;
    lines[p->n_lines++] = *line;
    return true;
}

static bool find_places(places *p, const char *name, const char *text, size_t size, int32_t index, char *error)
{
    settings_reader reader = {.name = name, .text = text, .size = size};
    settings_line line;
    settings_next_line next;
    bool in_sections = false;
    p->top_end = size;
    size_t comment_at = size; /* where the run of comment lines right above began */
    while ((next = settings_next(&reader, &line, error)) == SETTINGS_LINE) {
        bool here = strlen(reader.section) == p->n_section && memcmp(reader.section, p->section, p->n_section) == 0;
        if (line.kind == LINE_SECTION && !in_sections) {
            in_sections = true;
            p->top_end = comment_at < size ? comment_at : line.begin;
        }
        comment_at = line.kind != LINE_COMMENT ? size : comment_at < size ? comment_at : line.begin;
        if (here && (line.kind == LINE_PAIR || (line.kind == LINE_SECTION && !p->has_section))) {
            p->has_section = true;
            p->insert_at = line.end;
        }
        if (line.kind == LINE_PAIR && line.setting == index && !note_line(p, &line)) {
            snprintf(error, SETTINGS_ERROR, "out of memory");
            return false;
        }
    }
    return next == SETTINGS_END;
}

static void end_line(textbuf *out)
{
    if (out->size && out->data[out->size - 1] != '\n')
        textbuf_append(out, "\n", 1);
}

static void write_new(textbuf *out, const char *key, const char *value)
{
    end_line(out);
    textbuf_printf(out, "%s =%s", key, value[0] ? " " : "");
    settings_quote(out, value);
    textbuf_append(out, "\n", 1);
}

/* The key has lines already: the first become the items, what is left of the items follows the last of them. */
static void rewrite(textbuf *out, const places *p, const char *text, size_t size, const char *const *items,
                    int32_t n_items, bool append)
{
    size_t at = 0;
    int32_t next = 0, n_kept = append ? p->n_lines : 0;
    for (int32_t i = 0; i < p->n_lines; i++) {
        const settings_line *line = &p->lines[i];
        bool last = i + 1 == p->n_lines;
        textbuf_append(out, text + at, line->begin - at);
        at = line->end;
        if (i < n_kept) {
            textbuf_append(out, text + line->begin, line->end - line->begin);
        } else if (next < n_items) {
            textbuf_append(out, text + line->begin, line->value_begin - line->begin);
            settings_quote(out, items[next++]);
            textbuf_append(out, text + line->value_end, line->end - line->value_end);
        }
        while (last && next < n_items)
            write_new(out, line->key, items[next++]);
    }
    textbuf_append(out, text + at, size - at);
}

/* The key is not there yet. */
static void insert(textbuf *out, const places *p, const char *text, size_t size, const char *key,
                   const char *const *items, int32_t n_items)
{
    bool top = !p->n_section, new_section = !top && !p->has_section;
    size_t at = p->has_section ? p->insert_at : top ? p->top_end : size;
    textbuf_append(out, text, at);
    end_line(out);
    if (new_section)
        textbuf_printf(out, "%s[%.*s]\n", at ? "\n" : "", (int)p->n_section, p->section);
    for (int32_t i = 0; i < n_items; i++)
        write_new(out, key + p->n_section + !top, items[i]);
    if (top && !p->has_section && at < size)
        textbuf_append(out, "\n", 1);
    textbuf_append(out, text + at, size - at);
}

bool settings_edit_text(textbuf *out, const char *name, const char *text, size_t size, int32_t index,
                        const char *const *items, int32_t n_items, bool append, char error[SETTINGS_ERROR])
{
    const char *key = settings_info(index)->key, *dot = strchr(key, '.');
    places p = {.section = key, .n_section = dot ? (size_t)(dot - key) : 0};
    bool done = find_places(&p, name, text, size, index, error);
    if (done && p.n_lines)
        rewrite(out, &p, text, size, items, n_items, append);
    else if (done && n_items)
        insert(out, &p, text, size, key, items, n_items);
    else if (done)
        textbuf_append(out, text, size);
    free(p.lines);
    settings *check = done ? settings_defaults(error) : NULL;
    done = check && settings_read_text(check, name, out->data, out->size, error);
    settings_free(check);
    if (done && out->failed)
        snprintf(error, SETTINGS_ERROR, "%.300s: out of memory", name);
    return done && !out->failed;
}

/* ------------------------------------------------------------------ file */

static int system_error(char *error, const char *path, const char *what)
{
    snprintf(error, SETTINGS_ERROR, "%.300s: cannot %s: %s", path, what, strerror(errno));
    return APP_SYSTEM;
}

/* Makes the file's folder and locks it. A folder on which no lock can be had (some network file systems) is used without. */
static int lock_folder(const char *path, int *fd, char *error)
{
    char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    int status = APP_DONE;
    if (slash)
        *slash = 0;
    if (!folder || !outfile_make_private_folder(folder))
        status = system_error(error, folder ? folder : path, "make the folder");
    else if ((*fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        status = system_error(error, folder, "open");
    else
        while (flock(*fd, LOCK_EX) != 0 && errno == EINTR)
            continue;
    free(folder);
    return status;
}

static int change_file(const char *path, int32_t index, const char *const *items, int32_t n_items, bool append,
                       char *error)
{
    textbuf before = {0}, after = {0};
    outfile out;
    int status = APP_USAGE;
    if (!settings_read_file(path, true, &before, error))
        status = APP_SYSTEM;
    else if (!settings_edit_text(&after, path, before.data ? before.data : "", before.size, index, items, n_items,
                                 append, error))
        status = APP_USAGE;
    else if (before.size == after.size && (!before.size || memcmp(before.data, after.data, before.size) == 0))
        status = APP_DONE;
    else if (!outfile_open_mode(&out, path, FILE_MODE) || outfile_write(&out, after.data, after.size)
             || !outfile_commit(&out)) {
        snprintf(error, SETTINGS_ERROR, "%s", out.error);
        outfile_discard(&out);
        status = APP_SYSTEM;
    } else {
        status = APP_DONE;
    }
    textbuf_free(&after);
    textbuf_free(&before);
    return status;
}

/* The items as the file would take them, before any file is looked at. */
static int check_items(int32_t index, const char *const *items, int32_t n_items, char *error)
{
    const setting_info *info = settings_info(index);
    bool list = settings_kind(index) == SETTING_KIND_LIST, path = settings_kind(index) == SETTING_KIND_PATH;
    settings *scratch = settings_defaults(error);
    int status = scratch ? APP_DONE : APP_SYSTEM;
    if (status == APP_DONE && n_items > 1 && !list) {
        snprintf(error, SETTINGS_ERROR, "%s takes one value, met %d", info->key, (int)n_items);
        status = APP_USAGE;
    }
    for (int32_t i = 0; i < n_items && status == APP_DONE; i++) {
        if (path && items[i][0] && items[i][0] != '/' && strncmp(items[i], "~/", 2) != 0) {
            snprintf(error, SETTINGS_ERROR, "%s is '%.60s', expected a whole path, /... or ~/...", info->key, items[i]);
            status = APP_USAGE;
        } else if (!settings_apply(scratch, index, items[i], info->key, info->key, i > 0, error)) {
            status = APP_USAGE;
        }
    }
    settings_free(scratch);
    return status;
}

int settings_edit(const char *key, const char *const *items, int32_t n_items, bool append, char error[SETTINGS_ERROR])
{
    char hint[SETTINGS_HINT];
    int32_t index = settings_index(key);
    if (index < 0) {
        snprintf(error, SETTINGS_ERROR, "unknown key '%.60s'%s", key, settings_hint("", key, hint));
        return APP_USAGE;
    }
    if (append && settings_kind(index) != SETTING_KIND_LIST) {
        snprintf(error, SETTINGS_ERROR, "%s is no list: nothing can be added to it", key);
        return APP_USAGE;
    }
    int fd = -1, status = check_items(index, items, n_items, error);
    char *path = status == APP_DONE ? settings_path() : NULL;
    if (status == APP_DONE && !path) {
        snprintf(error, SETTINGS_ERROR, "there is no home folder for the config file; set HOME or XDG_CONFIG_HOME");
        status = APP_SYSTEM;
    }
    if (status == APP_DONE)
        status = lock_folder(path, &fd, error);
    if (status == APP_DONE)
        status = change_file(path, index, items, n_items, append, error);
    if (fd >= 0)
        close(fd);
    free(path);
    return status;
}

bool settings_write(const char *key, const char *value, char error[SETTINGS_ERROR])
{
    return settings_edit(key, &value, value ? 1 : 0, false, error) == APP_DONE;
}

bool settings_write_list(const char *key, const char *const *items, int32_t n_items, char error[SETTINGS_ERROR])
{
    const char *const none[] = {""}; /* an empty list says so, and is not the built-in one */
    return settings_edit(key, n_items ? items : none, n_items ? n_items : 1, false, error) == APP_DONE;
}
