/* SPDX-License-Identifier: MIT
 * Opening the model that the command line names, and the words for when it names none. */
#ifndef APPS_MODEL_FILE_H
#define APPS_MODEL_FILE_H

#include "ctrlspeak.h"

/* APP_DONE, or APP_MODEL after telling how to get one when path is NULL. */
int model_file_wanted(const char *path);
/* threads 0 and cpu NULL: the library's defaults. APP_DONE, or another status after telling why. */
int model_file_open(const char *path, cs_precision precision, int32_t threads, const char *cpu, cs_model **model);

#endif
