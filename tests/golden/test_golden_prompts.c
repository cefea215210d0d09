/* SPDX-License-Identifier: MIT
 * The prompts of one Canary model against NeMo's: ids for every pair of languages and every value of every slot, and what
 * NeMo refuses. Where the library is stricter than NeMo (languages that have a token but no vocabulary, special tokens within a
 * context) it has to refuse.
 *
 * usage: test-golden-prompts FOLDER */
#include "check.h"
#include "golden_parts.h"
#include "unit/text_data.h"

#include <stdio.h>

static golden_parts f;
static csi_prompt asked;

/* What NeMo takes and the library does not. */
static int is_stricter(const json_t *slots)
{
    const char *context = json_string_value(json_object_get(slots, "decodercontext"));
    if (context && strstr(context, "<|"))
        return 1;
    const char *const keys[] = {"source_lang", "target_lang"};
    for (size_t i = 0; i < 2; i++) {
        const char *language = json_string_value(json_object_get(slots, keys[i]));
        int known = language == NULL;
        for (size_t k = 0; k < asked.n_languages && !known; k++) {
            const char *name = asked.languages[k];
            const char *at = strstr(language, name);
            known =
                at
                && (strlen(language) == strlen(name) || (at == language + 2 && strlen(language) == strlen(name) + 4));
        }
        if (!known)
            return 1;
    }
    return 0;
}

static cs_err build(const json_t *row, csi_buf *ids)
{
    csi_prompt_slots slots = {0};
    const char *role = json_string_value(json_object_get(row, "role")), *name;
    json_t *value;
    if (role && strcmp(role, "user_partial") == 0)
        return csi_prompt_beginning(&asked, ids, &f.err);
    json_object_foreach(json_object_get(row, "slots"), name, value)
    {
        cs_err code = csi_prompt_set(&slots, name, json_string_value(value), &f.err);
        if (code)
            return code;
    }
    return csi_prompt_ids(&asked, &slots, ids, &f.err);
}

static void check_ids(const csi_buf *ids, const json_t *expected, const char *row)
{
    size_t n = ids->size / sizeof(int32_t);
    int same = n == json_array_size(expected);
    for (size_t i = 0; i < n && same; i++) {
        int32_t id;
        memcpy(&id, ids->data + i * sizeof id, sizeof id);
        same = id == (int32_t)json_integer_value(json_array_get(expected, i));
    }
    if (!CHECK(same))
        printf("# %s: %zu ids\n", row, n);
}

/* Rows that lack slots are refused by NeMo and filled here; a partial prompt's context has no slot in the library. */
static int is_skipped(const json_t *row)
{
    const char *error = json_string_value(json_object_get(row, "nemo_error"));
    const char *context = json_string_value(json_object_get(json_object_get(row, "slots"), "decodercontext"));
    return (error && strstr(error, "were not provided")) || (json_object_get(row, "role") && context && context[0]);
}

static void prompts_are_nemos(void)
{
    const json_t *rows = json_object_get(f.data.root, "prompts");
    CHECK(json_array_size(rows) > 50);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        char *text = json_dumps(row, JSON_COMPACT);
        csi_buf ids;
        csi_buf_init(&ids, &f.env);
        if (!is_skipped(row)) {
            int refused = json_object_get(row, "nemo_error") || is_stricter(json_object_get(row, "slots"));
            f.err.message[0] = 0;
            cs_err code = build(row, &ids);
            if (!CHECK((code != CS_OK) == refused))
                printf("# %s: %s\n", text, f.err.message);
            else if (refused)
                CHECK(f.err.message[0]);
            else
                check_ids(&ids, json_object_get(row, "ids"), text);
        }
        csi_buf_finish(&ids);
        free(text);
    }
}

static void defaults_are_the_archives(void)
{
    const json_t *row = json_array_get(json_object_get(f.data.root, "defaults"), 0);
    csi_buf ids;
    csi_buf_init(&ids, &f.env);
    if (CHECK(!csi_prompt_ids(&asked, NULL, &ids, &f.err)) && json_object_get(row, "ids"))
        check_ids(&ids, json_object_get(row, "ids"), "defaults");
    csi_buf_finish(&ids);
}

static void errors_list_the_languages(void)
{
    csi_prompt_slots slots = {.target = "tlh"};
    csi_buf ids;
    csi_buf_init(&ids, &f.env);
    CHECK(csi_prompt_ids(&asked, &slots, &ids, &f.err) == CS_EINVAL);
    CHECK(strstr(f.err.message, "tlh") != NULL);
    CHECK(strstr(f.err.message, "en, de, es, fr") != NULL);
    csi_buf_finish(&ids);
}

/* The n-th allocation fails, for every n, through opening a prompt and building one with a context. */
static void every_allocation_may_fail(void)
{
    const csi_prompt_slots slots = {.context = asked.format == CSI_PROMPT_CANARY2 ? "Nobody knew." : NULL};
    cs_err code = CS_ENOMEM;
    for (long n = 1; code == CS_ENOMEM && n < 10000; n++) {
        counter c = {.fail_at = n};
        csi_env env = counted_env(&c);
        csi_arena arena;
        csi_prompt prompt;
        csi_buf ids;
        csi_arena_init(&arena, &env);
        csi_buf_init(&ids, &env);
        csi_loader loader = {.archive = f.archive, .arena = &arena, .err = &f.err};
        code = csi_prompt_load(&loader, f.tokenizer, &prompt);
        code = code ? code : csi_prompt_ids(&prompt, &slots, &ids, &f.err);
        CHECK(code == CS_OK || code == CS_ENOMEM);
        csi_buf_finish(&ids);
        csi_arena_finish(&arena);
        CHECK_INT(c.n_out, 0);
        CHECK(code == CS_ENOMEM || n > 2);
    }
    CHECK_INT(code, CS_OK);
}

int main(int argc, char **argv)
{
    if (argc != 2 || golden_parts_open(&f, argv[1]) < 0 || csi_prompt_load(&f.loader, f.tokenizer, &asked)) {
        printf("Bail out! %s\n", f.err.message);
        return 1;
    }
    RUN(prompts_are_nemos);
    RUN(defaults_are_the_archives);
    RUN(errors_list_the_languages);
    RUN(every_allocation_may_fail);
    golden_parts_close(&f);
    return check_done();
}
