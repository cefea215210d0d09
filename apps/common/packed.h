/* SPDX-License-Identifier: MIT
 *
 * The cache of packed weights as the programs use it: in the user's cache folder, on unless it is switched off. */
#ifndef APPS_PACKED_H
#define APPS_PACKED_H

#include "ctrlspeak.h"

enum { PACKED_LIMIT_MB = 8192, PACKED_LEAST_MB = 32 };

typedef struct packed_use {
    int32_t on;
    int32_t limit_mb; /* of all files */
    int32_t least_mb; /* of a block that is kept */
} packed_use;

#define PACKED_STANDARD                     \
    {                                       \
        1, PACKED_LIMIT_MB, PACKED_LEAST_MB \
    }

/* Rows of a command's options; at: offset of its packed_use. */
#define PACKED_OPTIONS(at)                                                                             \
    {"cache",    0,                                                                                    \
     CLI_SWITCH, (at) + offsetof(packed_use, on),                                                      \
     NULL,       0,                                                                                    \
     0,          "on",                                                                                 \
     "CS_CACHE", "keep packed weights, so that the next start maps them; see ctrlspeak models cache"}, \
        {"cache-limit-mb",                                                                             \
         0,                                                                                            \
         CLI_INT,                                                                                      \
         (at) + offsetof(packed_use, limit_mb),                                                        \
         "N",                                                                                          \
         1,                                                                                            \
         1000000,                                                                                      \
         "8192",                                                                                       \
         "CS_CACHE_LIMIT_MB",                                                                          \
         "of all of them; the least recently used go first"},                                          \
    {                                                                                                  \
        "cache-least-mb", 0, CLI_INT, (at) + offsetof(packed_use, least_mb), "N", 0, 1000000, "32",    \
            "CS_CACHE_LEAST_MB", "of what is worth keeping; less is packed as fast as it is mapped"    \
    }

/* $XDG_CACHE_HOME/ctrlspeak/packed. To be freed; NULL: no home. */
char *packed_folder(void);
/* Set the three options of the cache. Returns the folder, to be freed after the open; NULL: nothing is kept. */
char *packed_apply(cs_model_options *options, const packed_use *use);

#endif
