/* SPDX-License-Identifier: MIT
 * One golden case: which call to make, and the comparison of each part of its result with NeMo's. */
#ifndef GOLDEN_CHECK_H
#define GOLDEN_CHECK_H

#include "ctrlspeak.h"
#include "golden_data.h"

#include <stdbool.h>

enum { GOLDEN_MAX_STAGES = 64 };

/* A stage as the library handed it out. */
typedef struct golden_stage {
    char name[32];
    int32_t n_dims;
    int64_t dims[GOLDEN_MAX_DIMS];
    float *values;
} golden_stage;

typedef struct golden_run {
    cs_result *result;
    golden_stage stages[GOLDEN_MAX_STAGES];
    int32_t n_stages;
    double told_ms; /* the sum of what the stage hook was told */
} golden_run;

/* A human name of the case, "cut5555 ctc context 14,1". */
void golden_case_name(const json_t *one, char *name, size_t size);

/* True when NeMo itself fails on the case: ours must answer, with whatever, or refuse it too. */
bool golden_nemo_failed(const json_t *one);
bool golden_is_refused(const json_t *one);

/* Options of the case. */
void golden_case_options(const json_t *one, cs_transcribe_options *options);

/* Run a case with the options; stages too when wanted. 0, or -1 after a failed check. A case that is refused as it must be has
 * no result. */
int golden_run_case(golden_run *run, const golden_data *data, cs_model *model, const json_t *one,
                    const cs_transcribe_options *options, bool stages);
void golden_run_free(golden_run *run);

/* Each prints what differs, the first bad index and the worst, and counts it for golden_take_bad(). */
void golden_check_stages(const golden_run *run, const golden_data *data, const json_t *one);
void golden_check_tokens(const cs_result *result, const json_t *one);
void golden_check_text(const cs_result *result, const json_t *one);
void golden_check_times(const cs_result *result, const json_t *one);
void golden_check_spans(const cs_result *result, const json_t *one); /* words and segments */
void golden_check_confidence(const cs_result *result, const json_t *expected);

/* The same for Canary, which the functions above call; raw: the text as NeMo gives it, to the byte. */
bool golden_is_canary(const json_t *one);
bool golden_has_raw_text(const json_t *one);
void golden_canary_options(const json_t *one, cs_transcribe_options *options);
void golden_check_canary_tokens(const cs_result *result, const json_t *one);
void golden_check_canary_text(const cs_result *result, const json_t *one, bool raw);
void golden_check_canary_times(const cs_result *result, const json_t *one);

/* Equal in every bit: text, tokens, words, segments, alternatives, score and stages. */
void golden_check_identical(const golden_run *a, const golden_run *b);

/* Fill options from one entry of "confidences"; false for a measure that is not known. */
bool golden_confidence_options(const json_t *entry, cs_transcribe_options *options);

/* Print what differs and count it. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void golden_bad(const char *format, ...);
void golden_note_worst(const char *what, double difference, const char *where);

/* The failed checks since the last call, which is then zero again. */
int golden_take_bad(void);

/* The largest difference of each kind over all cases, as TAP comments. */
void golden_print_worst(void);

#endif
