/* SPDX-License-Identifier: MIT
 *
 * What the settings' own files share: the table as rows, the reader of the file's lines, and the two ways of using it
 * (into a struct: settings.c; into a changed text: settings_write.c). */
#ifndef DICTATE_SETTINGS_INSIDE_H
#define DICTATE_SETTINGS_INSIDE_H

#include "common/cli.h"
#include "common/textbuf.h"
#include "dictate/settings/settings.h"

enum { SETTINGS_LINE_MAX = 4096, SETTINGS_FILE_MAX = 1 << 20, SETTINGS_SECTION_MAX = 32 };

typedef enum setting_kind {
    SETTING_KIND_TEXT,
    SETTING_KIND_PATH,
    SETTING_KIND_LIST,
    SETTING_KIND_INT,
    SETTING_KIND_SWITCH,
    SETTING_KIND_CHOICE
} setting_kind;

/* settings_table.c */
setting_kind settings_kind(int32_t index);
size_t settings_offset(int32_t index);
/* -1: no such key. */
int32_t settings_index(const char *key);
/* Is there a key "section.something"? */
bool settings_is_section(const char *section);
/* "; did you mean 'gesture'?" or "". section "": key is a whole one, else the part after it. Returns out. */
enum { SETTINGS_HINT = 100 };
const char *settings_hint(const char *section, const char *key, char out[SETTINGS_HINT]);
const char *settings_section_hint(const char *section, char out[SETTINGS_HINT]);

/* settings_lines.c: a text of the file's form, line by line. */
typedef struct settings_reader {
    const char *name; /* for messages */
    const char *text; /* text[size] is 0 */
    size_t size, at;
    int32_t number; /* of the last line */
    char section[SETTINGS_SECTION_MAX];
} settings_reader;

typedef enum settings_line_kind { LINE_BLANK, LINE_COMMENT, LINE_SECTION, LINE_PAIR } settings_line_kind;

typedef struct settings_line {
    settings_line_kind kind;
    size_t begin, end;             /* in the text; end: after the line's end mark */
    size_t value_begin, value_end; /* LINE_PAIR: as written, with quotes */
    int32_t setting;
    char key[80];                      /* as written */
    char value[SETTINGS_LINE_MAX + 1]; /* plain */
} settings_line;

typedef enum settings_next_line { SETTINGS_LINE, SETTINGS_END, SETTINGS_BAD } settings_next_line;
/* SETTINGS_BAD: error begins with "NAME:LINE: ". */
settings_next_line settings_next(settings_reader *reader, settings_line *line, char error[SETTINGS_ERROR]);
/* The value as it stands in a line, quoted where it must be. */
void settings_quote(textbuf *out, const char *value);
/* A whole file into out. absent_is_empty: a file that is not there gives "". False: error. */
bool settings_read_file(const char *path, bool absent_is_empty, textbuf *out, char error[SETTINGS_ERROR]);

/* settings.c */
settings *settings_defaults(char error[SETTINGS_ERROR]);
/* label is what error begins with: "FILE:3: tap_ms", "--threads". append: to the list that is there. */
bool settings_apply(settings *s, int32_t index, const char *value, const char *label, const char *origin, bool append,
                    char error[SETTINGS_ERROR]);
/* A file's text over what s has. Fuzzed. */
bool settings_read_text(settings *s, const char *name, const char *text, size_t size, char error[SETTINGS_ERROR]);

/* settings_write.c */
/* The text with the key's lines changed; items NULL: removed. False: error. */
bool settings_edit_text(textbuf *out, const char *name, const char *text, size_t size, int32_t index,
                        const char *const *items, int32_t n_items, bool append, char error[SETTINGS_ERROR]);
/* The user's own file. An exit status of common/cli.h: APP_DONE, APP_USAGE (value or file is wrong), APP_SYSTEM. */
int settings_edit(const char *key, const char *const *items, int32_t n_items, bool append, char error[SETTINGS_ERROR]);

/* cmd_config.c */
extern const cli_command command_config_show, command_config_get, command_config_set, command_config_unset,
    command_config_path, command_config_keys;

#endif
