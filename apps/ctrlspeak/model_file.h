/* SPDX-License-Identifier: MIT
 * Which file the command line means by a model, opening it, and the words for when there is none. */
#ifndef APPS_MODEL_FILE_H
#define APPS_MODEL_FILE_H

#include "common/packed.h"
#include "ctrlspeak.h"

#include <stddef.h>

/* A path; else "bundled"; else a name in the models folder, with or without ".nemo"; NULL: the bundled model, which is
 * said in one line. APP_DONE and *path, to be freed; else a status after telling how to get a model. */
int model_file_find(const char *wanted, char **path);
/* The same without a word; error is one sentence. "" is the bundled model, too. */
int model_file_locate(const char *wanted, char **path, char *error, size_t size);
/* threads 0 and cpu NULL: the library's defaults; cache NULL: none. APP_DONE, or another status after telling why. */
int model_file_open(const char *path, cs_precision precision, int32_t threads, const char *cpu, const packed_use *cache,
                    cs_model **model);

#endif
