/* SPDX-License-Identifier: MIT
 *
 * A SentencePiece model from anywhere, and everything that is done with one: a text encoded, ids decoded, tokens composed
 * into a result, the result written in every format. Input: one byte n, n bytes of text, the rest is the model.
 *
 * Asked of it: no crash, no leak, errors with a message, and UTF-8 in all that comes out. */
#include "text/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_utf8(const char *text, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes;) {
        uint32_t c;
        int n = csi_utf8_decode(text + at, n_bytes - at, &c);
        if (n == 0)
            abort();
        at += (size_t)n;
    }
}

static int gather(void *user, const char *data, size_t size)
{
    csi_buf_append(user, data, size);
    return 0;
}

/* Every byte that is not UTF-8 becomes ASCII, so that there is always a text to encode. */
static void make_utf8(char *text, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes;) {
        uint32_t c;
        int n = csi_utf8_decode(text + at, n_bytes - at, &c);
        if (n == 0)
            text[at] &= 0x7F;
        at += n ? (size_t)n : 1;
    }
}

static void compose(const csi_env *env, const csi_tokenizer *tokenizer, const int32_t *ids, size_t n)
{
    csi_emission emissions[256];
    csi_arena arena;
    csi_buf page;
    n = CSI_MIN(n, CSI_COUNT(emissions));
    for (size_t i = 0; i < n; i++)
        emissions[i] = (csi_emission){.id = ids[i], .frame = (int64_t)i, .duration = ids[i] % 4, .confidence = 0.5f};
    csi_buf_init(&page, env);
    for (int head = CS_HEAD_CTC; head <= CS_HEAD_TDT; head++) {
        const csi_compose options = {.tokenizer = tokenizer,
                                     .head = (cs_head)head,
                                     .frame_stride_seconds = 0.01,
                                     .subsampling_factor = 8,
                                     .segment_gap = head == CS_HEAD_TDT ? 3 : -1};
        cs_result result = {0};
        csi_arena_init(&arena, env);
        if (csi_compose_result(&arena, &options, emissions, n, &result, NULL) != CS_OK)
            abort();
        must_be_utf8(result.text, strlen(result.text));
        result.has_times = 1;
        for (int format = CS_FORMAT_TXT; format <= CS_FORMAT_TSV; format++)
            if (csi_result_write(env, &result, (cs_format)format, NULL, gather, &page, NULL) != CS_OK)
                abort();
        csi_arena_finish(&arena);
    }
    must_be_utf8(page.data, page.size);
    csi_buf_finish(&page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    csi_env env;
    csi_tokenizer *tokenizer = NULL;
    cs_error err = {0};
    csi_buf ids, text;
    if (size == 0)
        return 0;
    size_t n_text = CSI_MIN((size_t)data[0], size - 1);
    csi_env_init(&env, NULL, NULL, NULL);
    csi_buf_init(&ids, &env);
    csi_buf_init(&text, &env);
    cs_err code = csi_tokenizer_open(&env, "model", data + 1 + n_text, size - 1 - n_text, &tokenizer, &err);
    if (code && (tokenizer || err.code != code || !err.message[0]))
        abort();
    if (!code) {
        csi_buf_append(&text, data + 1, n_text);
        for (size_t i = 0; i < n_text; i++) /* ids as they come, some out of range */
            csi_buf_append(&ids, &(int32_t){text.data[i]}, sizeof(int32_t));
        make_utf8(text.data, text.size);
        if (csi_tokenizer_encode(tokenizer, text.data, text.size, &ids, &err) != CS_OK)
            abort();
        const int32_t *all = (const int32_t *)(const void *)ids.data;
        size_t n = ids.size / sizeof *all;
        for (size_t i = n_text; i < n; i++)
            if (!csi_tokenizer_piece(tokenizer, all[i]))
                abort();
        csi_buf_clear(&text);
        csi_tokenizer_decode(tokenizer, all, n, &text);
        csi_text_tighten(tokenizer, &text);
        must_be_utf8(text.data, text.size);
        compose(&env, tokenizer, all, n);
    }
    csi_buf_finish(&text);
    csi_buf_finish(&ids);
    csi_tokenizer_free(tokenizer);
    return 0;
}
