/* SPDX-License-Identifier: MIT
 *
 * SentencePiece against the sentencepiece package: thousands of strings in nine scripts, and thousands of id sequences,
 * through models of every kind; then broken models, speed, and lookups. An argument names another fixture folder. */
#include "text_data.h"

enum { MAX_IDS = 8192 };

static csi_env env;
static long n_encoded, n_decoded;

static void append_varint(csi_buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        csi_buf_append(out, &(char){(char)(value | 0x80)}, 1);
    csi_buf_append(out, &(char){(char)value}, 1);
}

/* The model, and behind it a second normalizer_spec with the character table alone: protobuf merges the two. */
static csi_tokenizer *open_with_table(const char *name, const char *table)
{
    csi_file model = open_bytes(&env, name, ".model"), rules = {0};
    csi_buf bytes, spec;
    csi_tokenizer *tokenizer = NULL;
    cs_error err = {0};
    csi_buf_init(&bytes, &env);
    csi_buf_init(&spec, &env);
    csi_buf_append(&bytes, model.data, model.size);
    if (table[0]) {
        rules = open_bytes(&env, table, ".charsmap");
        append_varint(&spec, 2 << 3 | 2);
        append_varint(&spec, rules.size);
        csi_buf_append(&spec, rules.data, rules.size);
        append_varint(&bytes, 3 << 3 | 2);
        append_varint(&bytes, spec.size);
        csi_buf_append(&bytes, spec.data, spec.size);
        csi_file_close(&env, &rules);
    }
    if (csi_tokenizer_open(&env, name, bytes.data, bytes.size, &tokenizer, &err))
        printf("# %s\n", err.message);
    csi_buf_finish(&spec);
    csi_buf_finish(&bytes);
    csi_file_close(&env, &model);
    return tokenizer;
}

static void show(const char *what, const int32_t *ids, size_t n)
{
    printf("#   %s", what);
    for (size_t i = 0; i < n; i++)
        printf(" %d", (int)ids[i]);
    printf("\n");
}

static bool encodes(const csi_tokenizer *tokenizer, const fixture_text *string, const int32_t *expected, size_t n)
{
    csi_buf ids;
    cs_error err = {0};
    csi_buf_init(&ids, &env);
    cs_err code = csi_tokenizer_encode(tokenizer, string->bytes, string->n_bytes, &ids, &err);
    bool same = !code && ids.size == n * sizeof *expected && (n == 0 || memcmp(ids.data, expected, ids.size) == 0);
    if (!same) {
        printf("# encoding \"%s\" %s\n", string->bytes, code ? err.message : "");
        show("met     ", (const int32_t *)(const void *)ids.data, ids.size / sizeof(int32_t));
        show("expected", expected, n);
    }
    csi_buf_finish(&ids);
    return same;
}

static bool decodes(const csi_tokenizer *tokenizer, const int32_t *ids, size_t n, const fixture_text *expected)
{
    csi_buf out;
    csi_buf_init(&out, &env);
    csi_tokenizer_decode(tokenizer, ids, n, &out);
    bool same = !out.failed && out.size == expected->n_bytes
                && (out.size == 0 || memcmp(out.data, expected->bytes, out.size) == 0);
    if (!same) {
        show("decoding", ids, n);
        printf("#   met      \"%s\"\n#   expected \"%s\"\n", out.data ? out.data : "", expected->bytes);
    }
    csi_buf_finish(&out);
    return same;
}

static void check_model(const char *name)
{
    static int32_t ids[MAX_IDS];
    static fixture_text string;
    fixture d = open_data(&env, name, ".spm");
    int wrong = 0;
    take_text(&d, &string);
    csi_tokenizer *tokenizer = open_with_table(name, string.bytes);
    if (CHECK(tokenizer != NULL)) {
        for (int32_t n = take_i32(&d); n > 0 && wrong < 5; n--) {
            take_text(&d, &string);
            size_t n_ids = take_ids(&d, ids, MAX_IDS);
            wrong += !encodes(tokenizer, &string, ids, n_ids);
            n_encoded++;
        }
        for (int32_t n = wrong ? 0 : take_i32(&d); n > 0 && wrong < 5; n--) {
            size_t n_ids = take_ids(&d, ids, MAX_IDS);
            take_text(&d, &string);
            wrong += !decodes(tokenizer, ids, n_ids, &string);
            n_decoded++;
        }
        if (!CHECK_INT(wrong, 0))
            printf("# in model %s\n", name);
    }
    csi_tokenizer_free(tokenizer);
    csi_file_close(&env, &d.file);
}

static void byte_pair_models_cut_and_join_as_the_package(void)
{
    static const char *const names[] = {"bpe_nfkc",   "bpe_identity", "bpe_special", "bpe_noprefix",
                                        "bpe_suffix", "bpe_fold",     "bpe_across",  "bpe_bare",
                                        "bpe_unused", "bpe_flat",     "bpe_denormal"};
    for (size_t i = 0; i < CSI_COUNT(names); i++)
        check_model(names[i]);
}

static void unigram_models_cut_and_join_as_the_package(void)
{
    static const char *const names[] = {"unigram_nfkc", "unigram_bytes",  "unigram_spaces", "unigram_fold",
                                        "unigram_user", "unigram_suffix", "unigram_unused", "unigram_flat"};
    for (size_t i = 0; i < CSI_COUNT(names); i++)
        check_model(names[i]);
}

static void word_and_character_models_cut_and_join_as_the_package(void)
{
    static const char *const names[] = {"word", "word_suffix", "word_spaces", "char"};
    for (size_t i = 0; i < CSI_COUNT(names); i++)
        check_model(names[i]);
    printf("# %ld strings encoded, %ld id sequences decoded\n", n_encoded, n_decoded);
    CHECK(n_encoded >= 10000);
}

static void answers_about_pieces(void)
{
    csi_tokenizer *t = open_model(&env, "special");
    CHECK_INT(csi_tokenizer_type(t, 0), CSI_PIECE_UNKNOWN);
    CHECK_INT(csi_tokenizer_type(t, 1), CSI_PIECE_CONTROL);
    CHECK_INT(csi_tokenizer_type(t, 3), CSI_PIECE_USER);
    CHECK_INT(csi_tokenizer_type(t, 7), CSI_PIECE_BYTE);
    CHECK_STR(csi_tokenizer_piece(t, 3), "<|en|>");
    CHECK(csi_tokenizer_piece(t, -1) == NULL);
    CHECK(csi_tokenizer_piece(t, csi_tokenizer_size(t)) == NULL);
    CHECK_STR(csi_tokenizer_language(t, 3), "");
    csi_buf out;
    csi_buf_init(&out, &env);
    csi_tokenizer_decode(t, (const int32_t[]){-5, 3, 1000000}, 3, &out);
    CHECK_STR(out.data, "<|en|>");
    csi_buf_clear(&out);
    cs_error err;
    CHECK_INT(csi_tokenizer_encode(t, "a\xff", 2, &out, &err), CS_EINVAL);
    CHECK_INT(err.where, 1);
    csi_buf_finish(&out);
    csi_tokenizer_free(t);
}

/* ------------------------------------------------------------ broken models */

static cs_err open_text(const void *bytes, size_t size, cs_error *err)
{
    csi_tokenizer *tokenizer = NULL;
    cs_err code = csi_tokenizer_open(&env, "x.model", bytes, size, &tokenizer, err);
    csi_tokenizer_free(tokenizer);
    return code;
}

#define REFUSED(bytes, sentence)                                                                \
    do {                                                                                        \
        cs_error err = {0};                                                                     \
        CHECK_INT(open_text(bytes, sizeof(bytes) - 1, &err), CS_EMODEL);                        \
        if (!CHECK(strncmp(err.message, "x.model: ", 9) == 0 && strstr(err.message, sentence))) \
            printf("# met \"%s\"\n", err.message);                                              \
    } while (0)

static void broken_models_are_refused_in_a_sentence(void)
{
    REFUSED("", "the file is empty");
    REFUSED("\x12\x00", "no pieces");
    REFUSED("not a model", "not a SentencePiece model");
    REFUSED("\x0a\x80", "cut off at byte 0");
    REFUSED("\x0a\x05\x0a\x01x", "cut off at byte 0");
    REFUSED("\x0b\x0c", "wire type");
    REFUSED("\x02\x00", "bad field number");
    REFUSED("\x0a\x02\x18\x02", "piece 0 (\"\") is empty");
    REFUSED("\x0a\x03\x0a\x01x", "none of its 1 pieces is of type unknown");
    REFUSED("\x0a\x03\x0a\x01\xff", "not UTF-8");
    REFUSED("\x0a\x04\x0a\x02x\x00", "not UTF-8");
    REFUSED("\x0a\x05\x0a\x01x\x18\x02\x0a\x05\x0a\x01y\x18\x02", "piece 1 (\"y\") is a second unknown");
    REFUSED("\x0a\x05\x0a\x01x\x18\x02\x0a\x03\x0a\x01x", "piece 1 (\"x\") comes twice");
    REFUSED("\x0a\x08\x0a\x01x\x15\x00\x00\xc0\x7f", "not a number");
    REFUSED("\x0a\x05\x0a\x01x\x18\x02\x0a\x0a\x0a\x06<0x41>\x18\x06", "byte_fallback is off");
    REFUSED("\x0a\x05\x0a\x01x\x18\x02\x0a\x0a\x0a\x06<0x4g>\x18\x06\x12\x03\x98\x02\x01", "expected <0x00> to <0xFF>");
    REFUSED("\x0a\x05\x0a\x01x\x18\x02\x0a\x0a\x0a\x06<0x41>\x18\x06\x12\x03\x98\x02\x01",
            "with 1 byte pieces, expected 256");
    REFUSED("\x0a\x05\x0a\x01x\x18\x02\x1a\x05\x12\x03\x01\x02\x03", "impossible size");
    REFUSED("\x0a\x05\x0a\x01x\x18\x02\x1a\x0b\x12\x09\x04\x00\x00\x00zzzz\xff", "texts are not UTF-8");
    REFUSED("\x0a\x05\x0a\x01x\x18\x02\x12\x05\xe2\x02\x02z\xff", "an unk_surface that is not UTF-8");
    REFUSED("\x0a\x05\x0a\x01x\x18\x02\x1a\x0a\x12\x08\xff\xff\xff\xffzzzz", "impossible size");
}

/* Cut anywhere, or with any one bit turned: an error or a tokenizer, nothing else. */
static void damaged_models_never_crash(void)
{
    csi_file file = open_bytes(&env, "punctuated", ".model");
    uint8_t *copy = malloc(file.size);
    cs_error err;
    for (size_t n = 0; n < file.size; n++)
        open_text(file.data, n, &err);
    for (size_t bit = 0; bit < 8 * file.size; bit++) {
        csi_tokenizer *tokenizer = NULL;
        csi_buf ids;
        memcpy(copy, file.data, file.size);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        csi_buf_init(&ids, &env);
        if (csi_tokenizer_open(&env, "x.model", copy, file.size, &tokenizer, &err) == CS_OK) {
            csi_tokenizer_encode(tokenizer, " the  hello\xe2\x96\x81world'", 20, &ids, &err);
            csi_tokenizer_decode(tokenizer, (const int32_t[]){0, 1, 2, 3, 4, 5}, 6, &ids);
        } else {
            CHECK_INT(err.code, CS_EMODEL);
        }
        csi_buf_finish(&ids);
        csi_tokenizer_free(tokenizer);
    }
    CHECK(file.size > 0);
    free(copy);
    csi_file_close(&env, &file);
}

/* ------------------------------------------------------------------- speed */

/* Not a benchmark: bounds that only a wrong algorithm, or a sanitizer on a slow machine, would reach. */
static void long_texts_and_large_vocabularies_are_quick(void)
{
    static const char *const names[] = {"bpe_nfkc", "bpe_across", "unigram_nfkc"};
    for (size_t i = 0; i < CSI_COUNT(names); i++) {
        csi_tokenizer *t = open_with_table(names[i], i == 1 ? "" : "nmt_nfkc");
        csi_buf string, ids;
        csi_buf_init(&string, &env);
        csi_buf_init(&ids, &env);
        while (string.size < 1000000)
            csi_buf_text(&string,
                         "the quick brown fox jumps over the lazy dog, \xd0\xb4\xd0\xb0 \xe6\x97\xa5\xe6\x9c\xac ");
        uint64_t start = csi_now_ns();
        CHECK_INT(csi_tokenizer_encode(t, string.data, string.size, &ids, NULL), CS_OK);
        double seconds = (double)(csi_now_ns() - start) / 1e9;
        printf("# %s: 1 MB to %zu ids in %.0f ms\n", names[i], ids.size / sizeof(int32_t), seconds * 1e3);
        CHECK(seconds < 10);
        csi_buf_finish(&ids);
        csi_buf_finish(&string);
        csi_tokenizer_free(t);
    }
    for (int type = 1; type <= 2; type++) {
        csi_buf model;
        csi_tokenizer *t = NULL;
        csi_buf_init(&model, &env);
        csi_buf_append(&model, "\x0a\x09\x0a\x05<unk>\x18\x02\x12\x02\x18", 14);
        csi_buf_append(&model, &(char){(char)type}, 1);
        for (int n = 1; n < 16384; n++) {
            char piece[32];
            int length = snprintf(piece, sizeof piece, "\xe2\x96\x81%d%c%c", n * 7919, 'a' + n % 26, 'a' + n / 26 % 26);
            const char head[] = {0x0a, (char)(length + 2), 0x0a, (char)length};
            csi_buf_append(&model, head, sizeof head);
            csi_buf_append(&model, piece, (size_t)length);
        }
        uint64_t start = csi_now_ns();
        CHECK_INT(csi_tokenizer_open(&env, "large", model.data, model.size, &t, NULL), CS_OK);
        double ms = (double)(csi_now_ns() - start) / 1e6;
        CHECK_INT(csi_tokenizer_size(t), 16384);
        printf("# opening 16384 pieces of type %d: %.1f ms\n", type, ms);
        CHECK(ms < 500);
        csi_tokenizer_free(t);
        csi_buf_finish(&model);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        text_data_folder = argv[1];
    csi_env_init(&env, NULL, NULL, NULL);
    RUN(byte_pair_models_cut_and_join_as_the_package);
    RUN(unigram_models_cut_and_join_as_the_package);
    RUN(word_and_character_models_cut_and_join_as_the_package);
    RUN(answers_about_pieces);
    RUN(broken_models_are_refused_in_a_sentence);
    RUN(damaged_models_never_crash);
    RUN(long_texts_and_large_vocabularies_are_quick);
    return check_done();
}
