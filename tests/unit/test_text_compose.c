/* SPDX-License-Identifier: MIT
 *
 * csi_compose_result() against NeMo: texts, token times, words, segments and word confidences of thousands of token
 * sequences, made by NeMo's own functions (tools/golden/make_text_fixtures.py). An argument names another fixture folder. */
#include "text_data.h"

enum { MAX_TOKENS = 256 };

static csi_env env;
static long n_cases, n_words_seen, n_confident;

typedef struct one {
    csi_compose options;
    csi_emission emissions[MAX_TOKENS];
    size_t n;
} one;

static void read_case(fixture *d, const csi_tokenizer *tokenizer, one *c)
{
    static const cs_head heads[] = {CS_HEAD_CTC, CS_HEAD_RNNT, CS_HEAD_TDT};
    static const cs_aggregate aggregates[] = {CS_AGGREGATE_MIN, CS_AGGREGATE_MEAN, CS_AGGREGATE_MAX, CS_AGGREGATE_PROD};
    *c = (one){.options = {.tokenizer = tokenizer, .frame_stride_seconds = 0.01}};
    c->options.head = heads[take_u8(d)];
    c->options.aggregate = aggregates[take_u8(d)];
    c->options.segment_gap = take_i32(d);
    c->options.subsampling_factor = (int32_t)take_u8(d);
    c->n = take_u16(d);
    for (size_t i = 0; i < c->n && i < MAX_TOKENS; i++) {
        c->emissions[i].id = (int32_t)take_u16(d);
        c->emissions[i].frame = take_u16(d);
        c->emissions[i].duration = (int32_t)take_u8(d);
        c->emissions[i].confidence = take_f32(d);
    }
}

static void check_words(fixture *d, const cs_result *r)
{
    static fixture_text word;
    int32_t n = (int32_t)take_u16(d);
    CHECK_INT(r->n_words, n);
    for (int32_t i = 0; i < n; i++) {
        take_string(d, &word);
        int32_t start = take_i32(d), end = take_i32(d);
        double start_seconds = take_f64(d), end_seconds = take_f64(d);
        if (i >= r->n_words)
            continue;
        CHECK_STR(r->words[i].text, word.bytes);
        CHECK_INT(r->words[i].start_frame, start);
        CHECK_INT(r->words[i].end_frame, end);
        CHECK(r->words[i].start_seconds == start_seconds && r->words[i].end_seconds == end_seconds);
        CHECK(r->words[i].first_token >= 0 && r->words[i].n_tokens > 0);
        CHECK(r->words[i].first_token + r->words[i].n_tokens <= r->n_tokens);
        n_words_seen++;
    }
}

static void check_segments(fixture *d, const cs_result *r)
{
    static fixture_text segment;
    int32_t n = (int32_t)take_u16(d), word = 0;
    CHECK_INT(r->n_segments, n);
    for (int32_t i = 0; i < n; i++) {
        take_string(d, &segment);
        int32_t start = take_i32(d), end = take_i32(d);
        double start_seconds = take_f64(d), end_seconds = take_f64(d);
        if (i >= r->n_segments)
            continue;
        CHECK_STR(r->segments[i].text, segment.bytes);
        CHECK_INT(r->segments[i].start_frame, start);
        CHECK_INT(r->segments[i].end_frame, end);
        CHECK(r->segments[i].start_seconds == start_seconds && r->segments[i].end_seconds == end_seconds);
        CHECK_INT(r->segments[i].first_word, word);
        word += r->segments[i].n_words;
    }
    CHECK_INT(word, r->n_words);
}

/* Where NeMo gives as many confidences as there are words they must be the same; else they are only in range. */
static void check_confidences(fixture *d, const cs_result *r)
{
    int32_t n = (int32_t)take_u16(d);
    bool same = n == r->n_words;
    for (int32_t i = 0; n != 0xFFFF && i < n; i++) {
        double expected = take_f64(d);
        if (same)
            CHECK_NEAR((double)r->words[i].confidence, expected, 1e-5);
    }
    for (int32_t i = 0; i < r->n_words; i++)
        CHECK(r->words[i].confidence >= 0 && r->words[i].confidence <= 1);
    n_confident += same;
}

static void check_case(fixture *d, const one *c)
{
    static fixture_text string;
    csi_arena arena;
    cs_result r = {0};
    csi_arena_init(&arena, &env);
    CHECK_INT(csi_compose_result(&arena, &c->options, c->emissions, c->n, &r, NULL), CS_OK);
    take_string(d, &string);
    CHECK_STR(r.text, string.bytes);
    CHECK_STR(r.language, "");
    CHECK_INT(r.n_tokens, c->n);
    for (int32_t i = 0; i < r.n_tokens; i++) {
        double start = take_f64(d), end = take_f64(d);
        CHECK(r.tokens[i].start_seconds == start && r.tokens[i].end_seconds == end);
        CHECK_STR(r.tokens[i].piece, csi_tokenizer_piece(c->options.tokenizer, r.tokens[i].id));
    }
    check_words(d, &r);
    check_segments(d, &r);
    check_confidences(d, &r);
    csi_arena_finish(&arena);
    n_cases++;
}

static void check_file(const char *name, csi_tokenizer *tokenizer)
{
    static one c;
    fixture d = open_data(&env, name, ".compose");
    if (!CHECK(tokenizer != NULL))
        return;
    unsigned n_marks = take_u16(&d), found = 0;
    for (unsigned i = 0; i < n_marks; i++)
        CHECK(csi_tokenizer_is_punctuation(tokenizer, (uint32_t)take_i32(&d)));
    for (uint32_t character = 0; character < 0x110000; character++)
        found += csi_tokenizer_is_punctuation(tokenizer, character);
    CHECK_INT(found, n_marks);
    int before = check_bad;
    for (int32_t n = take_i32(&d); n > 0 && check_bad == before; n--) {
        read_case(&d, tokenizer, &c);
        check_case(&d, &c);
        if (check_bad != before) {
            printf("# %s, head %d, %zu tokens:", name, (int)c.options.head, c.n);
            for (size_t i = 0; i < c.n; i++)
                printf(" %s@%d+%d", csi_tokenizer_piece(tokenizer, c.emissions[i].id), (int)c.emissions[i].frame,
                       (int)c.emissions[i].duration);
            printf("\n");
        }
    }
    csi_tokenizer_free(tokenizer);
    csi_file_close(&env, &d.file);
}

static void sentencepiece_tokens_compose_as_in_nemo(void)
{
    static const char *const names[] = {"punctuated", "plain", "apostrophe", "special", "wordpiece", "bare", "once"};
    for (size_t i = 0; i < CSI_COUNT(names); i++)
        check_file(names[i], open_model(&env, names[i]));
}

static csi_tokenizer *open_labels(void)
{
    static fixture_text labels[64];
    const char *pointers[64];
    csi_tokenizer *tokenizer = NULL;
    fixture d = open_data(&env, "labels", ".list");
    size_t n = take_u16(&d);
    for (size_t i = 0; i < n && i < CSI_COUNT(labels); i++) {
        take_text(&d, &labels[i]);
        pointers[i] = labels[i].bytes;
    }
    CHECK_INT(csi_tokenizer_labels(&env, pointers, n, &tokenizer, NULL), CS_OK);
    csi_file_close(&env, &d.file);
    return tokenizer;
}

static void labels_compose_as_in_nemo(void)
{
    check_file("labels", open_labels());
    printf("# %ld cases, %ld words, %ld cases with NeMo's word confidences\n", n_cases, n_words_seen, n_confident);
    CHECK(n_cases >= 3000);
}

static csi_tokenizer *open_aggregate(const csi_env *e)
{
    csi_tokenizer *parts[3] = {open_model(e, "language_en"), open_model(e, "language_de"),
                               open_model(e, "language_ja")};
    csi_tokenizer *tokenizer = NULL;
    const char *const languages[3] = {"en", "de", "ja"};
    CHECK_INT(csi_tokenizer_aggregate(e, parts, languages, 3, &tokenizer, NULL), CS_OK);
    return tokenizer;
}

static void aggregates_join_as_in_nemo(void)
{
    static fixture_text joined, tightened, language;
    static int32_t ids[MAX_TOKENS];
    csi_tokenizer *tokenizer = open_aggregate(&env);
    fixture d = open_data(&env, "aggregate", ".texts");
    for (int32_t n = take_i32(&d); n > 0; n--) {
        one c = {
            .options = {
                .tokenizer = tokenizer, .head = CS_HEAD_RNNT, .frame_stride_seconds = 0.01, .subsampling_factor = 8}};
        csi_arena arena;
        cs_result r = {0};
        csi_buf out;
        c.n = take_ids(&d, ids, MAX_TOKENS);
        take_text(&d, &joined);
        take_text(&d, &tightened);
        take_text(&d, &language);
        csi_buf_init(&out, &env);
        csi_tokenizer_decode(tokenizer, ids, c.n, &out);
        CHECK_STR(out.data ? out.data : "", joined.bytes);
        for (size_t i = 0; i < c.n; i++)
            c.emissions[i] = (csi_emission){.id = ids[i], .frame = (int64_t)i, .duration = 1, .confidence = 0.5f};
        csi_arena_init(&arena, &env);
        CHECK_INT(csi_compose_result(&arena, &c.options, c.emissions, c.n, &r, NULL), CS_OK);
        CHECK_STR(r.text, tightened.bytes);
        CHECK_STR(r.language, language.bytes);
        csi_buf_finish(&out);
        csi_arena_finish(&arena);
    }
    csi_buf ids_out;
    csi_buf_init(&ids_out, &env);
    CHECK_INT(csi_tokenizer_encode(tokenizer, "a", 1, &ids_out, NULL), CS_EUNSUPPORTED);
    CHECK_STR(csi_tokenizer_language(tokenizer, 0), "en");
    CHECK_STR(csi_tokenizer_language(tokenizer, csi_tokenizer_size(tokenizer) - 1), "ja");
    csi_tokenizer_free(tokenizer);
    csi_file_close(&env, &d.file);
}

static void words_of_an_aggregate_have_no_space_in_front(void)
{
    csi_tokenizer *t = open_aggregate(&env);
    int32_t n_english = 0;
    while (strcmp(csi_tokenizer_language(t, n_english), "en") == 0)
        n_english++;
    /* the German part: <unk> <s> </s> das ▁ haus ... */
    const csi_emission emissions[] = {
        {n_english + 3, 0, 1, 0, 1}, {n_english + 4, 2, 1, 0, 1}, {n_english + 5, 3, 1, 0, 1}};
    const csi_compose options = {
        .tokenizer = t, .head = CS_HEAD_TDT, .frame_stride_seconds = 0.01, .subsampling_factor = 8};
    csi_arena arena;
    cs_result r = {0};
    csi_arena_init(&arena, &env);
    CHECK_INT(csi_compose_result(&arena, &options, emissions, 3, &r, NULL), CS_OK);
    CHECK_STR(r.text, " das haus");
    CHECK_STR(r.language, "de");
    CHECK_INT(r.n_words, 2);
    CHECK_STR(r.words[0].text, "das");
    CHECK_STR(r.words[1].text, "haus");
    csi_arena_finish(&arena);
    csi_tokenizer_free(t);
}

static void options_of_spacing_and_times(void)
{
    csi_tokenizer *t = open_model(&env, "punctuated");
    int32_t hello = -1, mark = -1, dash = -1;
    for (int32_t id = 0; id < csi_tokenizer_size(t); id++) {
        hello = strcmp(csi_tokenizer_piece(t, id), "\xe2\x96\x81hello") == 0 ? id : hello;
        mark = strcmp(csi_tokenizer_piece(t, id), "\xe2\x96\x81") == 0 ? id : mark;
        dash = strcmp(csi_tokenizer_piece(t, id), ".") == 0 ? id : dash;
    }
    const csi_emission emissions[] = {{hello, 4, 3, 0, 1}, {mark, 9, 1, 0, 1}, {dash, 11, 2, 0, 1}};
    csi_compose options = {.tokenizer = t, .head = CS_HEAD_CTC, .frame_stride_seconds = 0.01, .subsampling_factor = 8};
    csi_arena arena;
    cs_result r = {0};
    csi_arena_init(&arena, &env);
    CHECK_INT(csi_compose_result(&arena, &options, emissions, 3, &r, NULL), CS_OK);
    CHECK_STR(r.text, "hello.");
    CHECK_NEAR(r.tokens[0].start_seconds, 0.24, 1e-12);
    CHECK_NEAR(r.tokens[1].end_seconds, 0.72, 1e-12);
    options.raw_spacing = options.natural_ctc_times = true;
    options.separators = "o";
    CHECK_INT(csi_compose_result(&arena, &options, emissions, 3, &r, NULL), CS_OK);
    CHECK_STR(r.text, "hello .");
    CHECK_NEAR(r.tokens[0].start_seconds, 0.32, 1e-12);
    CHECK_NEAR(r.tokens[0].end_seconds, 0.56, 1e-12);
    CHECK_NEAR(r.tokens[2].end_seconds, 1.04, 1e-12);
    CHECK_INT(r.n_segments, 2);
    csi_arena_finish(&arena);
    csi_tokenizer_free(t);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        text_data_folder = argv[1];
    csi_env_init(&env, NULL, NULL, NULL);
    RUN(sentencepiece_tokens_compose_as_in_nemo);
    RUN(labels_compose_as_in_nemo);
    RUN(aggregates_join_as_in_nemo);
    RUN(words_of_an_aggregate_have_no_space_in_front);
    RUN(options_of_spacing_and_times);
    return check_done();
}
