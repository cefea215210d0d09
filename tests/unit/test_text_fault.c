/* SPDX-License-Identifier: MIT
 *
 * Text with memory running out: the n-th allocation fails, for every n, through opening, encoding, decoding, composing and
 * writing. Each call says CS_ENOMEM and nothing stays behind. Then one tokenizer in many threads. */
#include "text_data.h"

#include <pthread.h>

static int swallow(void *user, const char *data, size_t size)
{
    (void)user;
    (void)data;
    (void)size;
    return 0;
}

typedef cs_err step_fn(const csi_env *env);

static csi_file model_file, language_file;

static cs_err open_step(const csi_env *env)
{
    csi_tokenizer *tokenizer = NULL;
    cs_err code = csi_tokenizer_open(env, "special", model_file.data, model_file.size, &tokenizer, NULL);
    csi_tokenizer_free(tokenizer);
    return code;
}

static cs_err aggregate_step(const csi_env *env)
{
    csi_tokenizer *parts[2] = {NULL, NULL}, *whole = NULL;
    cs_err code = csi_tokenizer_open(env, "one", model_file.data, model_file.size, &parts[0], NULL);
    if (!code)
        code = csi_tokenizer_open(env, "two", language_file.data, language_file.size, &parts[1], NULL);
    if (!code)
        code = csi_tokenizer_aggregate(env, parts, (const char *const[]){"en", "ja"}, 2, &whole, NULL);
    if (!code)
        parts[0] = parts[1] = NULL; /* taken over */
    csi_tokenizer_free(whole);
    csi_tokenizer_free(parts[0]);
    csi_tokenizer_free(parts[1]);
    return code;
}

static cs_err labels_step(const csi_env *env)
{
    csi_tokenizer *tokenizer = NULL;
    cs_err code = csi_tokenizer_labels(env, (const char *const[]){" ", "a", "."}, 3, &tokenizer, NULL);
    csi_tokenizer_free(tokenizer);
    return code;
}

static cs_err code_step(const csi_env *env)
{
    csi_tokenizer *tokenizer = NULL;
    csi_buf ids, text;
    csi_buf_init(&ids, env);
    csi_buf_init(&text, env);
    cs_err code = csi_tokenizer_open(env, "special", model_file.data, model_file.size, &tokenizer, NULL);
    if (!code)
        code = csi_tokenizer_encode(tokenizer, "the hello world \xe2\x98\x83", 19, &ids, NULL);
    if (!code) {
        csi_tokenizer_decode(tokenizer, (const int32_t *)(const void *)ids.data, ids.size / sizeof(int32_t), &text);
        csi_text_tighten(tokenizer, &text);
        code = text.failed ? CS_ENOMEM : CS_OK;
    }
    if (!code)
        CHECK_STR(text.data, "the hello world \xe2\x98\x83");
    csi_buf_finish(&text);
    csi_buf_finish(&ids);
    csi_tokenizer_free(tokenizer);
    return code;
}

static cs_err compose_step(const csi_env *env)
{
    static const cs_format formats[] = {CS_FORMAT_JSON, CS_FORMAT_SRT, CS_FORMAT_VTT, CS_FORMAT_TSV};
    csi_tokenizer *tokenizer = NULL;
    csi_emission emissions[40];
    csi_arena arena;
    cs_result result = {0};
    cs_write_options options;
    csi_arena_init(&arena, env);
    cs_write_options_init(&options);
    for (int i = 0; i < 40; i++)
        emissions[i] = (csi_emission){.id = 260 + i * 7 % 40, .frame = 3 * i, .duration = 2, .confidence = 0.5f};
    cs_err code = csi_tokenizer_open(env, "special", model_file.data, model_file.size, &tokenizer, NULL);
    const csi_compose compose = {
        .tokenizer = tokenizer, .head = CS_HEAD_TDT, .frame_stride_seconds = 0.01, .subsampling_factor = 8};
    if (!code)
        code = csi_compose_result(&arena, &compose, emissions, 40, &result, NULL);
    result.has_times = 1;
    for (size_t i = 0; !code && i < 2 * CSI_COUNT(formats); i++) {
        options.timestamps = i % 2 ? CS_TIMESTAMPS_SEGMENT : CS_TIMESTAMPS_WORD;
        code = csi_result_write(env, &result, formats[i / 2], &options, swallow, NULL, NULL);
    }
    csi_arena_finish(&arena);
    csi_tokenizer_free(tokenizer);
    return code;
}

static void fails_cleanly(step_fn *step, const char *name)
{
    for (long n = 1;; n++) {
        counter c = {.fail_at = n};
        csi_env env = counted_env(&c);
        cs_err code = step(&env);
        if (!CHECK_INT(c.n_out, 0))
            printf("# %s, allocation %ld\n", name, n);
        if (code == CS_OK) {
            printf("# %s: each of %ld allocations failed once\n", name, n - 1);
            CHECK_INT(c.n_calls, n - 1);
            break;
        }
        if (!CHECK_INT(code, CS_ENOMEM) || n > 100000)
            break;
    }
}

static void every_allocation_may_fail(void)
{
    csi_env env;
    csi_env_init(&env, NULL, NULL, NULL);
    model_file = open_bytes(&env, "special", ".model");
    language_file = open_bytes(&env, "language_ja", ".model");
    fails_cleanly(open_step, "open");
    fails_cleanly(aggregate_step, "aggregate");
    fails_cleanly(labels_step, "labels");
    fails_cleanly(code_step, "encode and decode");
    fails_cleanly(compose_step, "compose and write");
    csi_file_close(&env, &model_file);
    csi_file_close(&env, &language_file);
}

/* ----------------------------------------------------------------- threads */

static void *use(void *user)
{
    const csi_tokenizer *tokenizer = user;
    csi_env env;
    csi_env_init(&env, NULL, NULL, NULL);
    long wrong = 0;
    for (int round = 0; round < 200; round++) {
        csi_buf ids, text;
        csi_buf_init(&ids, &env);
        csi_buf_init(&text, &env);
        wrong += csi_tokenizer_encode(tokenizer, "the hello world's", 17, &ids, NULL) != CS_OK;
        csi_tokenizer_decode(tokenizer, (const int32_t *)(const void *)ids.data, ids.size / sizeof(int32_t), &text);
        wrong += strcmp(text.data ? text.data : "", "the hello world's") != 0;
        csi_buf_finish(&text);
        csi_buf_finish(&ids);
    }
    return wrong ? user : NULL;
}

static void eight_threads_share_one_tokenizer(void)
{
    csi_env env;
    csi_env_init(&env, NULL, NULL, NULL);
    csi_tokenizer *tokenizer = open_model(&env, "special");
    pthread_t threads[8];
    int n = 0;
    while (n < 8 && pthread_create(&threads[n], NULL, use, tokenizer) == 0)
        n++;
    CHECK_INT(n, 8);
    while (n > 0) {
        void *wrong;
        pthread_join(threads[--n], &wrong);
        CHECK(wrong == NULL);
    }
    csi_tokenizer_free(tokenizer);
}

int main(void)
{
    RUN(every_allocation_may_fail);
    RUN(eight_threads_share_one_tokenizer);
    return check_done();
}
