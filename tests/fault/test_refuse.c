/* SPDX-License-Identifier: MIT
 * A model that contradicts itself is refused when it is opened: every number of the config in turn made wrong, tensors
 * renamed, weights that are no numbers, other kinds of model. Made from a good archive whose parts are changed. */
#define _POSIX_C_SOURCE 200809L
#include "../unit/format_kit.h"
#include "check.h"

#include <unistd.h>

static csi_env env;
static csi_archive *good;
static const uint8_t *config, *weights, *pieces;
static size_t config_size, weights_size, pieces_size;
static const char *pieces_name;
static char path[] = "/tmp/ctrlspeak-refuse-XXXXXX";

/* Write an archive with this config and these weights, open it, and give the code and message. */
static cs_precision precision = CS_PRECISION_F32;

static cs_err open_changed(const void *yaml, size_t yaml_size, const void *ckpt, cs_error *err)
{
    csi_buf tar;
    csi_buf_init(&tar, &env);
    kit_tar_add(&tar, "ustar", '0', "./model_config.yaml", yaml, yaml_size);
    kit_tar_add(&tar, "ustar", '0', "./model_weights.ckpt", ckpt, weights_size);
    kit_tar_add(&tar, "ustar", '0', pieces_name, pieces, pieces_size);
    kit_tar_end(&tar);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(tar.data, 1, tar.size, file) != tar.size || fclose(file) != 0)
        abort();
    csi_buf_finish(&tar);
    cs_model *model = NULL;
    cs_error ignored = {.code = CS_OK};
    cs_model_options options;
    cs_model_options_init(&options);
    options.precision = precision;
    cs_err code = cs_model_open(path, &options, &model, err ? err : &ignored);
    CHECK((code == CS_OK) == (model != NULL));
    cs_model_close(model);
    return code;
}

static void refused(const char *what, cs_err code, const cs_error *err, cs_err expected, const char *names)
{
    if (code != expected || !strstr(err->message, names) || !strstr(err->message, path + 5)) {
        check_bad++;
        printf("# %s: code %d, expected %d naming \"%s\": %s\n", what, code, expected, names,
               code ? err->message : "opened");
    }
}

static void the_copy_opens(void)
{
    cs_error err = {.code = CS_OK};
    CHECK_INT(open_changed(config, config_size, weights, &err), CS_OK);
    if (err.code)
        printf("# %s\n", err.message);
}

/* ------------------------------------------------------- every number in turn */

/* Numbers that change nothing that is stored: training, other decoders, times. */
static const char *const harmless[] = {
    "dither",      "pad_to",
    "pad_value",   "window_stride",
    "dropout",     "stochastic_depth",
    "pos_emb",     "reduction_factor",
    "fused_batch", "max_symbols",
    "beam",        "tsd_",
    "alsd_",       "maes_",
    "lambda",      "clamp",
    "sigma",       "omega",
    "weight",      "freq_masks",
    "time_masks",  "freq_width",
    "time_width",  "batch_size",
    "num_workers", "temperature",
    "alpha",       "log_",
    "preemph",     "mag_power",
    "lowfreq",     "highfreq",
    "att_context", "eps",
    "duration",    "sample_rate",
    "softmax",     "ngram",
    "boost",       "lr",
    "- ",          "conv_context",
    "min_",        "max_",
};

static bool is_harmless(const char *line, size_t n)
{
    char text[256];
    snprintf(text, sizeof text, "%.*s", (int)CSI_MIN(n, sizeof text - 1), line);
    for (size_t i = 0; i < CSI_COUNT(harmless); i++)
        if (strstr(text, harmless[i]))
            return true;
    return false;
}

/* "key: 12" becomes "key: 13"; true when the line is such a one. */
static bool number_at(const char *line, const char *end, const char **digits, size_t *n_digits)
{
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (!colon || colon + 2 >= end || colon[1] != ' ')
        return false;
    *digits = colon + 2;
    for (*n_digits = 0; *digits + *n_digits < end; ++*n_digits)
        if ((*digits)[*n_digits] < '0' || (*digits)[*n_digits] > '9')
            return false;
    return *n_digits > 0 && *n_digits < 9;
}

static void every_number_that_is_stored_twice(void)
{
    const char *text = (const char *)config, *stop = text + config_size;
    int tried = 0, section = 0;
    for (const char *line = text, *end; line < stop; line = end + 1) {
        end = memchr(line, '\n', (size_t)(stop - line));
        if (!end)
            end = stop;
        if (*line != ' ' && *line != '-') /* a new top-level section: only the network's own are looked at */
            section = strncmp(line, "preprocessor:", 13) == 0 || strncmp(line, "encoder:", 8) == 0
                      || strncmp(line, "decoder:", 8) == 0 || strncmp(line, "joint:", 6) == 0
                      || strncmp(line, "aux_ctc:", 8) == 0 || strncmp(line, "model_defaults:", 15) == 0;
        const char *digits;
        size_t n;
        if (!section || !number_at(line, end, &digits, &n) || is_harmless(line, (size_t)(end - line)))
            continue;
        char number[24];
        snprintf(number, sizeof number, "%ld", strtol(digits, NULL, 10) + 1);
        csi_buf changed;
        csi_buf_init(&changed, &env);
        csi_buf_append(&changed, text, (size_t)(digits - text));
        csi_buf_text(&changed, number);
        csi_buf_append(&changed, digits + n, (size_t)(stop - digits) - n);
        cs_error err = {.code = CS_OK};
        cs_err code = open_changed(changed.data, changed.size, weights, &err);
        tried++;
        if (code != CS_EMODEL && code != CS_EUNSUPPORTED) {
            check_bad++;
            printf("# one more in \"%.*s\": code %d %s\n", (int)(end - line), line, code,
                   code ? err.message : "opened");
        }
        csi_buf_finish(&changed);
    }
    printf("# %d numbers tried\n", tried);
    CHECK(tried >= 20);
}

/* ------------------------------------------------------------ single changes */

static void replace_in(const char *find, const char *with, cs_err expected, const char *names)
{
    const char *text = (const char *)config, *at = NULL;
    for (size_t i = 0; i + strlen(find) <= config_size && !at; i++)
        if (memcmp(text + i, find, strlen(find)) == 0)
            at = text + i;
    if (!at) {
        check_bad++;
        printf("# the config does not hold \"%s\"\n", find);
        return;
    }
    csi_buf changed;
    csi_buf_init(&changed, &env);
    csi_buf_append(&changed, text, (size_t)(at - text));
    csi_buf_text(&changed, with);
    csi_buf_append(&changed, at + strlen(find), config_size - (size_t)(at - text) - strlen(find));
    cs_error err = {.code = CS_OK};
    refused(with, open_changed(changed.data, changed.size, weights, &err), &err, expected, names);
    csi_buf_finish(&changed);
}

static void other_models(void)
{
    replace_in("EncDecHybridRNNTCTCBPEModel", "EncDecMultiTaskModel", CS_EMODEL, "transf_decoder");
    replace_in("EncDecHybridRNNTCTCBPEModel", "EncDecSpeakerLabelModel", CS_EUNSUPPORTED, "EncDecSpeakerLabelModel");
    replace_in("EncDecHybridRNNTCTCBPEModel", "EncDecCTCModelBPE", CS_EMODEL, "EncDecCTCModelBPE");
    replace_in("EncDecHybridRNNTCTCBPEModel", "EncDecRNNTBPEModelWithPrompt", CS_EUNSUPPORTED, "prompt");
    replace_in("subsampling: dw_striding", "subsampling: vggnet", CS_EUNSUPPORTED, "vggnet");
    replace_in("self_attention_model: rel_pos", "self_attention_model: abs_pos", CS_EUNSUPPORTED, "abs_pos");
    replace_in("att_context_style: regular", "att_context_style: sideways", CS_EUNSUPPORTED, "sideways");
    replace_in("conv_norm_type: batch_norm", "conv_norm_type: group_norm4", CS_EUNSUPPORTED, "group_norm4");
    replace_in("activation: relu", "activation: gelu", CS_EUNSUPPORTED, "gelu");
    replace_in("type: bpe", "type: wpe", CS_EUNSUPPORTED, "wpe");
    replace_in("encoder:", "encodes:", CS_EUNSUPPORTED, "encoder");
    replace_in("n_layers: ", "n_layers: -", CS_EMODEL, "n_layers");
    replace_in("n_layers: ", "n_layers: 9999999999999999999", CS_EMODEL, "n_layers");
    replace_in("d_model: ", "d_model: [", CS_EMODEL, "");
    replace_in("nemo:", "nemo:x", CS_EMODEL, "x");
}

static void changed_weights(void)
{
    static const char *const names[] = {"encoder.layers.0.norm_out.weight",
                                        "joint.enc.bias",
                                        "decoder.prediction.embed.weight",
                                        "encoder.pre_encode.out.weight",
                                        "encoder.layers.1.conv.pointwise_conv2.weight",
                                        "preprocessor.featurizer.fb"};
    uint8_t *copy = malloc(weights_size);
    for (size_t i = 0; i < CSI_COUNT(names); i++) {
        const csi_tensor *t = csi_archive_tensor(good, names[i]);
        if (!CHECK(t != NULL))
            continue;
        cs_error err = {.code = CS_OK};
        static const uint32_t bad[] = {0x7FC00000, 0x7F800000, 0xFF800000}; /* NaN, infinity */
        for (size_t k = 0; k < CSI_COUNT(bad); k++) {
            memcpy(copy, weights, weights_size);
            memcpy(copy + (t->data - weights) + 4 * (t->n_elements - 1), &bad[k], 4);
            refused(names[i], open_changed(config, config_size, copy, &err), &err, CS_EMODEL, names[i]);
        }
        /* Renamed in the pickle: the name is not there any more. */
        memcpy(copy, weights, weights_size);
        bool renamed = false;
        for (size_t at = 0; at + strlen(names[i]) < weights_size; at++)
            if (memcmp(copy + at, names[i], strlen(names[i])) == 0) {
                copy[at] = 'X';
                renamed = true;
            }
        CHECK(renamed);
        cs_err code = open_changed(config, config_size, copy, &err);
        if (strcmp(names[i], "preprocessor.featurizer.fb") == 0)
            CHECK_INT(code, CS_OK); /* computed when the file has none */
        else
            refused(names[i], code, &err, CS_EMODEL, names[i]);
    }
    free(copy);
}

static void changed_weights_in_int8(void)
{
    precision = CS_PRECISION_INT8;
    changed_weights();
    precision = CS_PRECISION_F32;
}

static void unknown_precisions(void)
{
    static const int wrong[] = {-1, 4, 100};
    for (size_t i = 0; i < CSI_COUNT(wrong); i++) {
        cs_error err = {.code = CS_OK};
        precision = (cs_precision)wrong[i];
        CHECK_INT(open_changed(config, config_size, weights, &err), CS_EINVAL);
        CHECK(strstr(err.message, "expected auto, f32, int8 or bf16") != NULL);
    }
    precision = CS_PRECISION_F32;
}

int main(int argc, char **argv)
{
    cs_error err = {.code = CS_OK};
    csi_env_init(&env, NULL, NULL, NULL);
    if (argc != 2 || csi_archive_open(&env, argv[1], &good, &err)) {
        printf("Bail out! %s\n", err.message);
        return 1;
    }
    pieces_name = csi_node_text(csi_node_at(csi_archive_config(good), "tokenizer.model_path")) + 5;
    int fd = mkstemp(path);
    if (fd < 0 || csi_archive_member(good, "model_config.yaml", &config, &config_size, &err)
        || csi_archive_member(good, "model_weights.ckpt", &weights, &weights_size, &err)
        || csi_archive_member(good, pieces_name, &pieces, &pieces_size, &err)) {
        printf("Bail out! %s\n", err.message);
        return 1;
    }
    close(fd);
    RUN(the_copy_opens);
    RUN(every_number_that_is_stored_twice);
    RUN(other_models);
    RUN(changed_weights);
    RUN(changed_weights_in_int8);
    RUN(unknown_precisions);
    unlink(path);
    csi_archive_close(good);
    return check_done();
}
