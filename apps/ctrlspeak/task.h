/* SPDX-License-Identifier: MIT
 *
 * One run of `ctrlspeak transcribe`. cmd_transcribe.c fills a task from the command line; hear.c is what a worker does
 * with inputs; deliver.c is what becomes of its outcome. */
#ifndef APPS_TASK_H
#define APPS_TASK_H

#include "common/cli.h"
#include "common/jobs.h"
#include "common/outfile.h"
#include "common/progress.h"
#include "common/textbuf.h"
#include "ctrlspeak.h"
#include "dump.h"
#include "inputs.h"

#include <stdatomic.h>

typedef struct task {
    inputs inputs;
    char *model_path;
    cs_model *model;
    cs_audio_options audio;           /* the same for all inputs */
    cs_transcribe_options transcribe; /* a worker adds its own progress */
    cs_format format;
    cs_write_options write;
    bool raw_stdin_only; /* --raw speaks of standard input when there are other inputs too */
    const char *output_folder;
    bool as_array; /* JSON of several results */
    dump dump;
    bool dumping;

    int n_workers;
    int32_t together;                       /* inputs that a worker has at a time */
    cs_session *sessions[PROGRESS_WORKERS]; /* by worker, made on its first input */
    progress bar;
    atomic_bool stop; /* the output failed, or an option fits no input: nothing more is wanted */

    /* Delivery, on the main thread. */
    outfile out; /* when output_folder is NULL */
    name_set names;
    int32_t n_pieces, n_done, n_failed, n_skipped;
    bool only_input_failures;
    textbuf failures; /* a line for each */
    bool output_failed, misused;
} task;

/* What became of one input. */
typedef struct outcome {
    int status;        /* APP_DONE, APP_USAGE, APP_INPUT, APP_SYSTEM, APP_INTERRUPTED */
    char message[640]; /* of a failure */
    char warning[256]; /* of the audio */
    textbuf remarks;   /* what befell the answers, each ends in NUL */
    int32_t n_pieces;  /* 1, or one per channel */
    textbuf pieces[];
} outcome;

/* Most inputs that are transcribed together. */
enum { TASK_TOGETHER = 16 };
void hear_inputs(void *user, int32_t item, int worker, jobs_seat *seat);
void deliver_outcome(void *user, int32_t item, void *what);
/* What comes after the last result. Then the exit status. */
int deliver_end(task *t);

extern const cli_command command_transcribe, command_bench, command_models_list, command_models_get,
    command_models_import, command_models_verify, command_models_remove, command_models_path, command_models_info,
    command_models_cache;

#endif
