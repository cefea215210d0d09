/* SPDX-License-Identifier: MIT
 *
 * The log: lines "MONOTONIC_MS level part text" in a file of mode 0600 in XDG_STATE_HOME, rotated at LOG_BYTES (one old file is
 * kept), or on stderr with journald's <N> prefixes under systemd (JOURNAL_STREAM). Any thread. Never blocks on a reader: a line
 * that stderr cannot take at once is dropped. Spoken words never come here but through log_text(). */
#ifndef DICTATE_LOG_FILE_H
#define DICTATE_LOG_FILE_H

#include <stdbool.h>
#include <stdint.h>

enum { LOG_BYTES = 4 << 20 };
typedef enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_TRACE } log_level;

/* path NULL: the user's own (paths.h). also_stderr: copies there (--no-ui without systemd). False: the file cannot be
 * written, error says why; lines then go to stderr alone, or nowhere. One log per process: the one global of the program. */
bool log_open(const char *path, log_level level, bool also_stderr, char error[300]);
void log_close(void);
bool log_wants(log_level level);
/* Another level from now on; nothing while there is no log. */
void log_set_level(log_level level);
void log_line(log_level level, const char *part, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Only when the user asked for it (log.text): spoken words. */
void log_allow_text(bool allowed);
void log_text(const char *part, const char *text);
const char *log_path(void); /* "" when there is none */

#endif
