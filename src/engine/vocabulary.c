/* SPDX-License-Identifier: MIT
 * The tokenizer that a model's config names: one SentencePiece model, an aggregate of several by language, or plain
 * labels. */
#include "engine/engine.h"

#include <stdio.h>

static cs_err open_piece_model(const csi_env *env, csi_loader *loader, const csi_node *section, const char *path,
                               csi_tokenizer **tokenizer)
{
    const char *file = csi_archive_path(loader->archive);
    const char *member = csi_node_text(csi_node_at(section, "model_path"));
    if (!member)
        return csi_fail(loader->err, CS_EMODEL, -1, "%s: %s has no %s.model_path", file,
                        csi_archive_config_name(loader->archive), path);
    const uint8_t *data;
    size_t size;
    cs_err code = csi_archive_member(loader->archive, member, &data, &size, loader->err);
    if (code)
        return code;
    char name[512];
    snprintf(name, sizeof name, "%s: %s", file, strncmp(member, "nemo:", 5) == 0 ? member + 5 : member);
    return csi_tokenizer_open(env, name, data, size, tokenizer, loader->err);
}

static cs_err open_aggregate(const csi_env *env, csi_loader *loader, const csi_node *langs, csi_tokenizer **tokenizer)
{
    enum { MOST = 256 };
    csi_tokenizer *parts[MOST] = {NULL};
    const char *names[MOST] = {NULL};
    size_t n = 0;
    cs_err code = CS_OK;
    for (const csi_node *lang = langs->first; lang && !code; lang = lang->next) {
        if (n == MOST)
            code = csi_fail(loader->err, CS_EMODEL, -1, "%s: tokenizer.langs has more than %d entries",
                            csi_archive_path(loader->archive), MOST);
        else if (!(code = open_piece_model(env, loader, lang, "tokenizer.langs", &parts[n])))
            names[n++] = lang->key;
    }
    if (!code)
        code = csi_tokenizer_aggregate(env, parts, names, n, tokenizer, loader->err);
    if (code)
        for (size_t i = 0; i < n; i++)
            csi_tokenizer_free(parts[i]);
    return code;
}

static cs_err open_labels(const csi_env *env, csi_loader *loader, const csi_node *list, csi_tokenizer **tokenizer)
{
    const char **labels = csi_arena_array(loader->arena, list->n_children, sizeof *labels);
    if (!labels)
        return csi_fail_memory(loader->err, list->n_children * sizeof *labels, "the labels");
    size_t n = 0;
    for (const csi_node *item = list->first; item; item = item->next) {
        labels[n] = csi_node_text(item);
        if (!labels[n++])
            return csi_fail(loader->err, CS_EMODEL, -1, "%s: %s line %zu: a label that is no text",
                            csi_archive_path(loader->archive), csi_archive_config_name(loader->archive), item->line);
    }
    return csi_tokenizer_labels(env, labels, n, tokenizer, loader->err);
}

cs_err csi_vocabulary_load(const csi_env *env, csi_loader *loader, csi_tokenizer **tokenizer)
{
    static const char *const label_lists[] = {"labels", "decoder.vocabulary", "joint.vocabulary"};
    const csi_node *config = csi_archive_config(loader->archive), *section = csi_node_at(config, "tokenizer");
    if (!csi_node_is_null(section)) {
        const char *type = csi_load_text(loader, "tokenizer.type", "bpe");
        const csi_node *langs = csi_node_at(section, "langs");
        if (strcmp(type, "agg") == 0 && langs && langs->kind == CSI_NODE_MAP)
            return open_aggregate(env, loader, langs, tokenizer);
        if (strcmp(type, "bpe") == 0)
            return open_piece_model(env, loader, section, "tokenizer", tokenizer);
        return csi_fail(loader->err, CS_EUNSUPPORTED, -1, "%s: tokenizer.type is \"%.40s\", expected bpe or agg",
                        csi_archive_path(loader->archive), type);
    }
    for (size_t i = 0; i < CSI_COUNT(label_lists); i++) {
        const csi_node *list = csi_node_at(config, label_lists[i]);
        if (list && list->kind == CSI_NODE_LIST && list->n_children)
            return open_labels(env, loader, list, tokenizer);
    }
    return csi_fail(loader->err, CS_EMODEL, -1, "%s: %s has neither a tokenizer nor labels",
                    csi_archive_path(loader->archive), csi_archive_config_name(loader->archive));
}
