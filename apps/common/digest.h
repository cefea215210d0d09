/* SPDX-License-Identifier: MIT
 * SHA-256 of files, in lower-case hexadecimal, and the file beside a file that remembers it, as sha256sum writes it. */
#ifndef APPS_DIGEST_H
#define APPS_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

enum { DIGEST_HEX = 65 }; /* with the final 0 */

/* Is this a SHA-256 in hexadecimal? Lower case in out if so, else "". */
bool digest_parse(const char *text, size_t n, char out[DIGEST_HEX]);
void digest_text(const char *text, char out[DIGEST_HEX]);
/* False: errno tells; ECANCELED after the first signal (interrupt.h). */
bool digest_file(const char *path, char out[DIGEST_HEX]);
/* PATH.sha256: "HEX  NAME". False: errno tells. */
bool digest_remember(const char *path, const char *hex);
/* False: nothing is remembered, or nothing that can be read as a digest. */
bool digest_recall(const char *path, char out[DIGEST_HEX]);

#endif
