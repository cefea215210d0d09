/* SPDX-License-Identifier: MIT
 * What a caller passes on from strangers: texts and numbers of a call to a small Canary model, which hears a moment of silence.
 * Eight bytes of choices, then languages, context and emotion with a zero byte behind each. A call is answered, or refused in
 * one printable sentence. */
#include "ctrlspeak.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_CHOICES = 8, N_TEXTS = 4 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

static cs_model *the_model(void)
{
    static cs_model *model;
    cs_model_options options;
    cs_model_options_init(&options);
    options.threads = 1;
    if (!model)
        require(cs_model_open(FUZZ_MODEL, &options, &model, NULL) == CS_OK);
    return model;
}

/* The texts in order; what begins with "-" or is not there is not given. All lie in `copy`, which ends with a zero byte. */
static void take_texts(char *copy, size_t size, const char **texts)
{
    char *at = copy, *end = copy + size;
    for (int i = 0; i < N_TEXTS; i++) {
        texts[i] = at < end && *at != '-' ? at : NULL;
        at += at < end ? strlen(at) + 1 : 0;
    }
}

static void ask(const cs_transcribe_options *options)
{
    static const float silence[160];
    cs_error err = {.code = CS_OK};
    cs_result *result = NULL;
    cs_err code = cs_transcribe(the_model(), silence, 160, options, &result, &err);
    require((code == CS_OK) == (result != NULL));
    require(code == CS_OK || code == CS_EINVAL
            || (code == CS_EUNSUPPORTED && options->language && strcmp(options->language, "auto") == 0));
    for (const char *c = err.message; *c; c++)
        require((unsigned char)*c >= ' ' && *c != 127);
    if (code == CS_OK)
        require(result->text && result->n_frames == 13 && result->n_alternatives == options->n_best);
    else
        require(err.message[0] && err.code == code);
    cs_result_free(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cs_transcribe_options o;
    const char *texts[N_TEXTS];
    if (size < N_CHOICES)
        return 0;
    char *copy = malloc(size - N_CHOICES + 1);
    if (!copy)
        return 0;
    memcpy(copy, data + N_CHOICES, size - N_CHOICES);
    copy[size - N_CHOICES] = 0;
    take_texts(copy, size - N_CHOICES, texts);
    cs_transcribe_options_init(&o);
    o.language = texts[0];
    o.target_language = texts[1];
    o.context = texts[2];
    o.emotion = texts[3];
    o.punctuation = (cs_choice)(data[0] & 3);
    o.itn = (cs_choice)(data[0] >> 2 & 3);
    o.diarize = (cs_choice)(data[0] >> 4 & 3);
    o.timestamps = (cs_choice)(data[0] >> 6 & 3);
    o.translate = (cs_choice)(data[1] & 3);
    o.chunking = (cs_choice)(data[1] >> 2 & 3);
    o.search = (cs_search)(data[1] >> 4 & 3);
    o.beams = (int8_t)data[2];
    o.n_best = (int8_t)data[3];
    if (data[4])
        o.length_penalty = (data[4] - 128) / 1.2;
    o.max_generation_delta = (int8_t)data[5];
    o.repeat_guard = (int8_t)data[6];
    o.raw_punctuation_spacing = data[7] & 1;
    ask(&o);
    free(copy);
    return 0;
}
