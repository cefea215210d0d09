/* SPDX-License-Identifier: MIT
 * A Canary archive that contradicts itself, made from a good one with an aligner: half an aligner opens with a warning, and the
 * reason is told where times then cannot be had; one of another vocabulary, with damaged weights or of another kind is refused, as is a prompt
 * format that is not known, a decoder with a tensor missing, weights that are no numbers. Each sentence names the file. */
#define _GNU_SOURCE
#include "../unit/format_kit.h"
#include "check.h"

#include <unistd.h>

#define ALIGNER_CONFIG  "timestamps_asr_model_config.yaml"
#define ALIGNER_WEIGHTS "timestamps_asr_model_weights.ckpt"

static csi_env env;
static csi_arena arena;
static csi_file whole;
static csi_tar good;
static char path[] = "/tmp/ctrlspeak-refuse-XXXXXX";
static char logged[512];

static void keep_log(void *user, cs_log_level level, const char *part, const char *text)
{
    (void)user, (void)part;
    if (level <= CS_LOG_WARNING)
        snprintf(logged, sizeof logged, "%s", text);
}

/* A member's new bytes; data NULL: it is left out. */
typedef struct change {
    const char *member;
    const void *data;
    size_t size;
} change;

/* The archive with its members changed, opened. */
static cs_err open_changed(const change *changes, size_t n, cs_model **model, cs_error *err)
{
    csi_buf tar;
    cs_model_options options;
    csi_buf_init(&tar, &env);
    for (size_t i = 0; i < good.n_members; i++) {
        change now = {good.members[i].name, good.members[i].data, good.members[i].size};
        for (size_t k = 0; k < n; k++)
            if (strcmp(changes[k].member, now.member) == 0)
                now = changes[k];
        if (now.data)
            kit_tar_add(&tar, "ustar", '0', now.member, now.data, now.size);
    }
    kit_tar_end(&tar);
    FILE *file = fopen(path, "wb");
    if (tar.failed || !file || fwrite(tar.data, 1, tar.size, file) != tar.size || fclose(file) != 0)
        abort();
    csi_buf_finish(&tar);
    cs_model_options_init(&options);
    options.log = keep_log;
    logged[0] = 0;
    *err = (cs_error){.code = CS_OK};
    *model = NULL;
    cs_err code = cs_model_open(path, &options, model, err);
    CHECK((code == CS_OK) == (*model != NULL));
    return code;
}

static void refused(const char *what, const char *member, const void *data, size_t size, cs_err expected,
                    const char *names)
{
    cs_error err;
    cs_model *model;
    const change one = {member, data, size};
    cs_err code = open_changed(&one, 1, &model, &err);
    if (code != expected || !strstr(err.message, names) || !strstr(err.message, path + 5)
        || strchr(err.message, '\n')) {
        check_bad++;
        printf("# %s: code %d, expected %d naming \"%s\": %s\n", what, code, expected, names,
               code ? err.message : "opened");
    }
    cs_model_close(model);
}

static const csi_tar_member *member_of(const char *name)
{
    const csi_tar_member *m = csi_tar_find(&good, name);
    if (!m) {
        printf("Bail out! the archive has no %s\n", name);
        exit(1);
    }
    return m;
}

/* A copy of a member in which `find` is `with` wherever it stands, of the same length or only once. */
static csi_buf replaced(const char *name, const char *find, const char *with)
{
    const csi_tar_member *m = member_of(name);
    const uint8_t *at = m->data, *end = m->data + m->size, *next;
    csi_buf out;
    csi_buf_init(&out, &env);
    while ((next = memmem(at, (size_t)(end - at), find, strlen(find)))) {
        csi_buf_append(&out, at, (size_t)(next - at));
        csi_buf_text(&out, with);
        at = next + strlen(find);
    }
    CHECK(at != m->data);
    csi_buf_append(&out, at, (size_t)(end - at));
    return out;
}

static void refused_with(const char *name, const char *find, const char *with, cs_err expected, const char *names)
{
    csi_buf changed = replaced(name, find, with);
    refused(with, name, changed.data, changed.size, expected, names);
    csi_buf_finish(&changed);
}

/* ------------------------------------------------------------------- tests */

static void the_copy_opens(void)
{
    cs_error err;
    cs_model *model;
    if (!CHECK_INT(open_changed(NULL, 0, &model, &err), CS_OK))
        printf("# %s\n", err.message);
    CHECK_STR(model ? cs_model_get_info(model)->times : "", "aligner");
    CHECK_STR(logged, "");
    cs_model_close(model);
}

static const char *tokenizer_of(const char *part)
{
    static char name[2][128];
    csi_archive *archive = NULL, *inner = NULL;
    cs_error err = {.code = CS_OK};
    cs_model *model;
    CHECK_INT(open_changed(NULL, 0, &model, &err), CS_OK);
    cs_model_close(model);
    if (!CHECK(csi_archive_open(&env, path, &archive, &err) == CS_OK
               && (!part || csi_archive_part(archive, part, &inner, &err) == CS_OK)))
        return "";
    const csi_node *node = csi_node_at(csi_archive_config(inner ? inner : archive), "tokenizer.model_path");
    snprintf(name[part != NULL], sizeof name[0], "%s", csi_node_text(node) + strlen("nemo:"));
    csi_archive_close(inner);
    csi_archive_close(archive);
    return name[part != NULL];
}

/* Times are the decoder's then, where its vocabulary has tokens for them; else they are refused with the reason. */
static void half_an_aligner_opens_with_a_warning(void)
{
    static const char *const halves[] = {ALIGNER_CONFIG, ALIGNER_WEIGHTS};
    static const float silence[16000];
    const char *tokenizer = tokenizer_of(NULL);
    csi_buf timeless = replaced(tokenizer, "<|0|>", "<|o|>");
    for (int i = 0; i < 4; i++) {
        const change changes[] = {{halves[i / 2], NULL, 0}, {tokenizer, timeless.data, timeless.size}};
        cs_error err;
        cs_model *model;
        cs_result *result = NULL;
        cs_transcribe_options options;
        if (!CHECK_INT(open_changed(changes, 1 + (size_t)i % 2, &model, &err), CS_OK)) {
            printf("# without %s: %s\n", halves[i / 2], err.message);
            continue;
        }
        CHECK_STR(cs_model_get_info(model)->times, i % 2 ? "none" : "tokens");
        CHECK(strstr(logged, halves[i / 2]) != NULL && strstr(logged, path + 5) != NULL);
        CHECK_INT(cs_transcribe(model, silence, 16000, NULL, &result, &err), CS_OK);
        cs_result_free(result);
        cs_transcribe_options_init(&options);
        options.timestamps = CS_CHOICE_YES;
        CHECK_INT(cs_transcribe(model, silence, 16000, &options, &result, &err), i % 2 ? CS_EINVAL : CS_OK);
        if (i % 2 && !CHECK(strstr(err.message, halves[i / 2]) != NULL))
            printf("# %s\n", err.message);
        cs_result_free(result);
        cs_model_close(model);
    }
    csi_buf_finish(&timeless);
}

/* A piece of the aligner's tokenizer reads otherwise; it has none. */
static void the_aligners_vocabulary_is_the_models(void)
{
    const char *name = tokenizer_of("timestamps_asr_model");
    refused_with(name, "\xe2\x96\x81the", "\xe2\x96\x81thx", CS_EMODEL, "vocabulary");
    refused("no tokenizer", name, NULL, 0, CS_EMODEL, name);
}

static void damaged_aligners(void)
{
    const csi_tar_member *weights = member_of(ALIGNER_WEIGHTS);
    uint8_t *copy = malloc(weights->size);
    memcpy(copy, weights->data, weights->size);
    refused("cut short", ALIGNER_WEIGHTS, copy, weights->size / 2, CS_EMODEL, "timestamps_asr_model");
    memset(copy + weights->size - 30, 0, 30);
    refused("no directory", ALIGNER_WEIGHTS, copy, weights->size, CS_EMODEL, "timestamps_asr_model");
    memset(copy, 'x', weights->size);
    refused("no zip", ALIGNER_WEIGHTS, copy, weights->size, CS_EMODEL, "timestamps_asr_model");
    refused("nothing", ALIGNER_WEIGHTS, copy, 0, CS_EMODEL, "timestamps_asr_model");
    free(copy);
    refused_with(ALIGNER_WEIGHTS, "encoder.layers.0.norm_out.weight", "encoder.layers.0.norm_out.weighX", CS_EMODEL,
                 "encoder.layers.0.norm_out.weight");
    refused_with(ALIGNER_CONFIG, "n_layers: ", "n_layers: 1", CS_EMODEL, "timestamps_asr_model");
    refused_with(ALIGNER_CONFIG, "encoder:", "encodes:", CS_EUNSUPPORTED, "timestamps_asr_model");
    refused_with(ALIGNER_CONFIG, "subsampling_factor: 8", "subsampling_factor: 4", CS_EMODEL, "timestamps_asr_model");
    refused_with(ALIGNER_CONFIG, "EncDecCTCModelBPE", "EncDecMultiTaskModel", CS_EMODEL, "timestamps_asr_model");
    refused_with(ALIGNER_CONFIG, "EncDecCTCModelBPE", "EncDecRNNTBPEModel", CS_EMODEL, "timestamps_asr_model");
    refused("no YAML", ALIGNER_CONFIG, "a: [", 4, CS_EMODEL, "timestamps_asr_model");
    refused("empty YAML", ALIGNER_CONFIG, "", 0, CS_EMODEL, "timestamps_asr_model");
}

static void prompts_that_are_none(void)
{
    static const char config[] = "model_config.yaml";
    refused_with(config, "prompt_format: canary2", "prompt_format: canary3", CS_EUNSUPPORTED, "canary3");
    refused_with(config, "prompt_format: canary2", "prompt_fermat: canary2", CS_EUNSUPPORTED, "prompt format");
    refused_with(config, "prompt_format: canary2", "prompt_format: [canary2]", CS_EUNSUPPORTED, "prompt format");
    refused_with(config, "source_lang: <|en|>", "source_lang: [en]", CS_EMODEL, "prompt slot");
    refused_with(config, "pnc: <|pnc|>", "pnc: perhaps", CS_EMODEL, "pnc");
    refused_with(config, "decodercontext:", "decodercontexts:", CS_EMODEL, "decodercontexts");
}

static void searches_that_are_none(void)
{
    static const char config[] = "model_config.yaml";
    refused_with(config, "strategy: beam", "strategy: guess", CS_EUNSUPPORTED, "guess");
    refused_with(config, "beam_size: 1", "beam_size: 0", CS_EMODEL, "beam_size");
    refused_with(config, "beam_size: 1", "beam_size: 33", CS_EMODEL, "beam_size");
    refused_with(config, "max_generation_delta: 50", "max_generation_delta: -2", CS_EMODEL, "max_generation_delta");
    refused_with(config, "len_pen: 0.0", "length_penalty: .inf", CS_EMODEL, "length_penalty");
}

/* Of the same length, so that the offsets stay right. */
static void decoders_with_a_hole(void)
{
    static const char *const names[] = {"transf_decoder._decoder.layers.1.second_sub_layer.key_net.weight",
                                        "transf_decoder._embedding.token_embedding.weight",
                                        "log_softmax.mlp.layer0.bias"};
    for (size_t i = 0; i < CSI_COUNT(names); i++) {
        char with[96];
        snprintf(with, sizeof with, "%.*sX", (int)strlen(names[i]) - 1, names[i]);
        refused_with("model_weights.ckpt", names[i], with, CS_EMODEL, names[i]);
    }
    refused_with("model_config.yaml", "EncDecMultiTaskModel", "EncDecCTCModelBPE", CS_EMODEL, "EncDecCTCModelBPE");
}

int main(int argc, char **argv)
{
    cs_error err = {.code = CS_OK};
    csi_env_init(&env, NULL, NULL, NULL);
    csi_arena_init(&arena, &env);
    int fd = mkstemp(path);
    if (argc != 2 || fd < 0 || csi_file_open(&env, argv[1], &whole, &err)
        || csi_tar_index(&arena, argv[1], whole.data, whole.size, &good, &err)) {
        printf("Bail out! %s\n", err.message);
        return 1;
    }
    close(fd);
    RUN(the_copy_opens);
    RUN(the_aligners_vocabulary_is_the_models);
    RUN(half_an_aligner_opens_with_a_warning);
    RUN(damaged_aligners);
    RUN(prompts_that_are_none);
    RUN(searches_that_are_none);
    RUN(decoders_with_a_hole);
    unlink(path);
    csi_arena_finish(&arena);
    csi_file_close(&env, &whole);
    return check_done();
}
