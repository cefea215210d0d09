/* SPDX-License-Identifier: MIT
 * Canary's decoder in an archive that contradicts itself is refused when it is loaded: numbers of the config made wrong, every
 * tensor renamed or of another shape, decoders of another kind; and memory that fails. Made from a good archive whose parts
 * are changed. */
#define _GNU_SOURCE
#include "../unit/format_kit.h"
#include "../unit/text_data.h"
#include "nn/nn.h"

static csi_env env;
static csi_archive *good;
static const uint8_t *config, *weights;
static size_t config_size, weights_size;
static int32_t d_model;

/* Load from an archive with this config and these weights. */
static cs_err load_changed(const void *yaml, size_t yaml_size, const void *ckpt, cs_error *err)
{
    csi_buf tar;
    csi_arena arena;
    csi_archive *archive = NULL;
    csi_aed aed;
    csi_buf_init(&tar, &env);
    csi_arena_init(&arena, &env);
    kit_tar_add(&tar, "ustar", '0', "./model_config.yaml", yaml, yaml_size);
    kit_tar_add(&tar, "ustar", '0', "./model_weights.ckpt", ckpt, weights_size);
    kit_tar_end(&tar);
    cs_err code = csi_archive_open_memory(&env, "changed.nemo", tar.data, tar.size, &archive, err);
    csi_loader loader = {.archive = archive, .arena = &arena, .err = err};
    code = code ? code : csi_aed_load(&loader, d_model, &aed);
    csi_arena_finish(&arena);
    csi_archive_close(archive);
    csi_buf_finish(&tar);
    return code;
}

static void refused(const char *what, cs_err code, const cs_error *err, cs_err expected, const char *names)
{
    if (code != expected || !strstr(err->message, names) || !strstr(err->message, "changed.nemo")) {
        check_bad++;
        printf("# %s: code %d, expected %d naming \"%s\": %s\n", what, code, expected, names,
               code ? err->message : "loaded");
    }
}

static void the_copy_loads(void)
{
    cs_error err = {.code = CS_OK};
    if (!CHECK(load_changed(config, config_size, weights, &err) == CS_OK))
        printf("# %s\n", err.message);
}

/* The first `find` of the config after `after` becomes `with`. */
static void replaced(const char *after, const char *find, const char *with, cs_err expected, const char *names)
{
    const char *text = (const char *)config, *end = text + config_size;
    const char *from = memmem(text, config_size, after, strlen(after));
    const char *at = from ? memmem(from, (size_t)(end - from), find, strlen(find)) : NULL;
    if (!CHECK(at != NULL)) {
        printf("# the config does not hold \"%s\"\n", find);
        return;
    }
    csi_buf changed;
    csi_buf_init(&changed, &env);
    csi_buf_append(&changed, text, (size_t)(at - text));
    csi_buf_text(&changed, with);
    csi_buf_append(&changed, at + strlen(find), (size_t)(end - at) - strlen(find));
    cs_error err = {.code = CS_OK};
    refused(with, load_changed(changed.data, changed.size, weights, &err), &err, expected, names);
    csi_buf_finish(&changed);
}

static void numbers_of_the_config(void)
{
    static const char decoder[] = "transf_decoder:", head[] = "\nhead:";
    static const char *const sizes[] = {
        "hidden_size: ", "inner_size: ", "num_layers: ", "num_attention_heads: ", "max_sequence_length: "};
    for (size_t i = 0; i < CSI_COUNT(sizes); i++) {
        static const char *const wrong[] = {"-", "7", "99999999999999999999", "x", "["};
        for (size_t k = 0; k < CSI_COUNT(wrong); k++) {
            char with[64];
            snprintf(with, sizeof with, "%s%s", sizes[i], wrong[k]); /* "7" and what stood there */
            replaced(decoder, sizes[i], with, CS_EMODEL, "");
        }
    }
    for (size_t i = 0; i < CSI_COUNT(sizes); i++) {
        char with[64], name[32];
        snprintf(with, sizeof with, "%s0\n    unused: ", sizes[i]);
        snprintf(name, sizeof name, "%.*s", (int)strlen(sizes[i]) - 2, sizes[i]);
        replaced(decoder, sizes[i], with, CS_EMODEL, name);
    }
    replaced(decoder, "max_sequence_length: ", "max_sequence_length: 0\n    unused: ", CS_EMODEL, "from 1 to");
    replaced(decoder, "num_attention_heads: ", "num_attention_heads: 7\n    unused: ", CS_EMODEL, "hidden_size");
    replaced(head, "num_classes: ", "num_classes: 1", CS_EMODEL, "shape");
    replaced(head, "num_layers: 1", "num_layers: 2", CS_EMODEL, "head.num_layers");
    replaced(head, "hidden_size: ", "hidden_size: 1", CS_EMODEL, "head.hidden_size");
    replaced("model_defaults:", "lm_dec_hidden: ", "lm_dec_hidden: 1", CS_EMODEL, "model_defaults.lm_dec_hidden");
    replaced("model_defaults:", "asr_enc_hidden: ", "asr_enc_hidden: 1", CS_EMODEL, "model_defaults.asr_enc_hidden");
}

static void other_decoders(void)
{
    static const char decoder[] = "transf_decoder:";
    char act[40] = "hidden_act: relu";
    if (!memmem(config, config_size, act, strlen(act)))
        snprintf(act, sizeof act, "hidden_act: gelu");
    replaced(decoder, act, "hidden_act: swish", CS_EUNSUPPORTED, "swish");
    replaced(decoder, "model_name: null", "model_name: bert-base", CS_EUNSUPPORTED, "bert-base");
    replaced("\nhead:", "log_softmax: true", "log_softmax: false", CS_EUNSUPPORTED, "log_softmax");
    replaced(decoder, "pre_ln: ", "pre_ln: 3", CS_EMODEL, "pre_ln");
    bool learned = csi_load_has(&(csi_loader){.archive = good}, "transf_decoder._embedding.position_embedding.weight");
    replaced(decoder, learned ? "learn_positional_encodings: true" : "learn_positional_encodings: false",
             learned ? "learn_positional_encodings: false" : "learn_positional_encodings: true", CS_EMODEL,
             "position_embedding");
}

static void a_post_norm_stack_may_not_be_read_as_pre_norm(void)
{
    bool pre = csi_load_has(&(csi_loader){.archive = good}, "transf_decoder._decoder.final_layer_norm.weight");
    if (!pre) /* else the norm at the end is simply not read, as in NeMo's own file without it */
        replaced("transf_decoder:", "pre_ln: false", "pre_ln: true", CS_EMODEL, "final_layer_norm");
}

static bool is_ours(const char *name)
{
    static const char *const starts[] = {"transf_decoder.", "transf_encoder.", "encoder_decoder_proj.", "log_softmax."};
    for (size_t i = 0; i < CSI_COUNT(starts); i++)
        if (strncmp(name, starts[i], strlen(starts[i])) == 0)
            return strstr(name, "token_type_embedding") == NULL; /* stored and never used */
    return false;
}

static void every_tensor_is_needed(void)
{
    uint8_t *copy = malloc(weights_size);
    int tried = 0;
    for (size_t i = 0; i < csi_archive_n_tensors(good); i++) {
        const csi_tensor *t = csi_archive_tensor_at(good, i);
        const size_t n = strlen(t->name);
        cs_error err = {.code = CS_OK};
        if (!is_ours(t->name))
            continue;
        memcpy(copy, weights, weights_size);
        for (uint8_t *at = copy; (at = memmem(at, (size_t)(copy + weights_size - at), t->name, n)) != NULL; at += n)
            at[n - 1] = 'X';
        refused(t->name, load_changed(config, config_size, copy, &err), &err, CS_EMODEL, t->name);
        tried++;
    }
    free(copy);
    printf("# %d tensors\n", tried);
    CHECK(tried > 50);
}

static void another_encoder_is_refused(void)
{
    cs_error err = {.code = CS_OK};
    const int32_t kept = d_model;
    d_model++;
    refused("a wider encoder", load_changed(config, config_size, weights, &err), &err, CS_EMODEL,
            "model_defaults.asr_enc_hidden");
    d_model = kept;
}

static void every_allocation_may_fail(void)
{
    cs_err code = CS_ENOMEM;
    long n = 1;
    for (; code == CS_ENOMEM && n < 10000; n++) {
        counter c = {.fail_at = n};
        csi_env counted = counted_env(&c);
        csi_arena arena;
        csi_aed aed;
        cs_error err = {.code = CS_OK};
        csi_arena_init(&arena, &counted);
        csi_loader loader = {.archive = good, .arena = &arena, .err = &err};
        code = csi_aed_load(&loader, d_model, &aed);
        CHECK(code == CS_OK || (code == CS_ENOMEM && err.message[0]));
        csi_arena_finish(&arena);
        CHECK_INT(c.n_out, 0);
    }
    CHECK_INT(code, CS_OK);
    CHECK(n > 2);
}

int main(int argc, char **argv)
{
    cs_error err = {.code = CS_OK};
    csi_env_init(&env, NULL, NULL, NULL);
    if (argc != 2 || csi_archive_open(&env, argv[1], &good, &err)
        || csi_archive_member(good, "model_config.yaml", &config, &config_size, &err)
        || csi_archive_member(good, "model_weights.ckpt", &weights, &weights_size, &err)) {
        printf("Bail out! %s\n", err.message);
        return 1;
    }
    int64_t d = 0;
    csi_node_int(csi_node_at(csi_archive_config(good), "encoder.d_model"), &d);
    d_model = (int32_t)d;
    RUN(the_copy_loads);
    RUN(numbers_of_the_config);
    RUN(other_decoders);
    RUN(a_post_norm_stack_may_not_be_read_as_pre_norm);
    RUN(every_tensor_is_needed);
    RUN(another_encoder_is_refused);
    RUN(every_allocation_may_fail);
    csi_archive_close(good);
    return check_done();
}
