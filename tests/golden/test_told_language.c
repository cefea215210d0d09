/* SPDX-License-Identifier: MIT
 * The language "auto" where the decoder tells one. No small model was taught to, so one is made that always says German: the bias of that
 * token in its head is raised. Whatever it then writes is the same token over and over, which the guard ends.
 *
 * usage: test-told-language MODEL AUDIO */
#define _XOPEN_SOURCE 700
#include "check.h"
#include "engine/engine.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static char path[] = "/tmp/ctrlspeak-told-XXXXXX";
static cs_model *model;
static cs_audio *speech;

/* A copy of the model that likes this piece above all. */
static bool make_model(const char *from, const char *piece)
{
    csi_env env;
    csi_arena arena;
    csi_file file;
    csi_archive *archive = NULL;
    csi_tokenizer *tokenizer = NULL;
    cs_error err = {.code = CS_OK};
    csi_env_init(&env, NULL, NULL, NULL);
    csi_arena_init(&arena, &env);
    if (csi_file_open(&env, from, &file, &err))
        return false;
    uint8_t *bytes = malloc(file.size);
    if (!bytes)
        return false;
    memcpy(bytes, file.data, file.size);
    cs_err code = csi_archive_open_memory(&env, "told.nemo", bytes, file.size, &archive, &err);
    csi_loader loader = {.archive = archive, .arena = &arena, .err = &err};
    code = code ? code : csi_vocabulary_load(&env, &loader, &tokenizer);
    const csi_tensor *bias = code ? NULL : csi_archive_tensor(archive, "log_softmax.mlp.layer0.bias");
    const int32_t id = code ? -1 : csi_tokenizer_find(tokenizer, piece);
    bool ok = bias && bias->dtype == CSI_F32 && id >= 0 && id < bias->n_elements && bias->data > bytes
              && bias->data < bytes + file.size;
    if (ok) {
        const float liked = 1000;
        FILE *to = fopen(path, "wb");
        memcpy(bytes + (bias->data - bytes) + (size_t)id * sizeof liked, &liked, sizeof liked);
        ok = to && fwrite(bytes, 1, file.size, to) == file.size;
        ok = to && fclose(to) == 0 && ok;
    }
    csi_tokenizer_free(tokenizer);
    csi_archive_close(archive);
    csi_file_close(&env, &file);
    csi_arena_finish(&arena);
    free(bytes);
    return ok && cs_model_open(path, NULL, &model, &err) == CS_OK;
}

static cs_result *hear(const char *language, const char *target)
{
    cs_transcribe_options options;
    cs_result *result = NULL;
    cs_error err = {.code = CS_OK};
    cs_transcribe_options_init(&options);
    options.language = language;
    options.target_language = target;
    if (!CHECK_INT(cs_transcribe(model, speech->channels[0], speech->n_samples, &options, &result, &err), CS_OK))
        printf("# %s\n", err.message);
    return result;
}

static void check_languages(const char *language, const char *target, const char *spoken, const char *written)
{
    cs_result *result = hear(language, target);
    if (!result)
        return;
    CHECK_STR(result->language, spoken);
    CHECK_STR(result->target_language, written);
    cs_result_free(result);
}

static void the_language_is_the_decoders(void)
{
    check_languages("auto", NULL, "de", "de");
    check_languages("auto", "fr", "de", "fr");
    check_languages("es", NULL, "es", "es");
    check_languages(NULL, NULL, "en", "en");
}

/* One run of the decoder more, and the same answer as with the language named. */
static void the_answer_is_that_of_the_language(void)
{
    cs_result *told = hear("auto", NULL), *named = hear("de", NULL);
    if (CHECK(told && named)) {
        CHECK_STR(told->text, named->text);
        CHECK_INT(told->n_steps, named->n_steps + 1);
        CHECK_INT(told->looped, 1);
        CHECK(told->warning != NULL);
        CHECK(told->score == named->score);
    }
    cs_result_free(told);
    cs_result_free(named);
}

/* Each utterance of a batch is asked by itself. */
static void so_is_that_of_each_in_a_batch(void)
{
    cs_session *session = NULL;
    cs_transcribe_options options;
    cs_result *results[3];
    cs_error errors[3], err = {.code = CS_OK};
    const float *pcm[] = {speech->channels[0], speech->channels[0], speech->channels[0]};
    const size_t n_samples[] = {speech->n_samples, 0, 20000};
    cs_transcribe_options_init(&options);
    options.language = "auto";
    CHECK_INT(cs_session_create(model, &session, &err), CS_OK);
    CHECK_INT(cs_session_transcribe_batch(session, 3, pcm, n_samples, &options, results, errors, &err), CS_OK);
    for (int i = 0; i < 3; i++) {
        if (CHECK(results[i] != NULL))
            CHECK_STR(results[i]->language, n_samples[i] ? "de" : "");
        cs_result_free(results[i]);
    }
    cs_session_free(session);
}

int main(int argc, char **argv)
{
    cs_error err = {.code = CS_OK};
    int made = mkstemp(path);
    if (argc != 3 || made < 0 || close(made) != 0 || cs_audio_read_file(argv[2], NULL, &speech, &err)
        || !make_model(argv[1], "<|de|>")) {
        printf("Bail out! %s\n", err.message);
        return 1;
    }
    RUN(the_language_is_the_decoders);
    RUN(the_answer_is_that_of_the_language);
    RUN(so_is_that_of_each_in_a_batch);
    cs_audio_free(speech);
    cs_model_close(model);
    unlink(path);
    return check_done();
}
