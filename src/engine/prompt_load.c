/* SPDX-License-Identifier: MIT
 * The prompt of a Canary archive: its format, and the values of prompt_defaults over NeMo's own. */
#include "engine/engine.h"

/* The slots of the turn "user" in prompt_defaults; NULL when there is none. */
static const csi_node *user_slots(const csi_node *config)
{
    const csi_node *turns = csi_node_at(config, "prompt_defaults");
    for (const csi_node *turn = csi_node_is_null(turns) ? NULL : turns->first; turn; turn = turn->next) {
        const char *role = csi_node_text(csi_node_at(turn, "role"));
        if (role && strcmp(role, "user") == 0)
            return csi_node_at(turn, "slots");
    }
    return NULL;
}

cs_err csi_prompt_load(csi_loader *loader, const csi_tokenizer *tokenizer, csi_prompt *prompt)
{
    const csi_node *config = csi_archive_config(loader->archive);
    const char *format = csi_load_text(loader, "prompt_format", "");
    cs_error why;
    cs_err code = csi_prompt_open(loader->arena, tokenizer, format, prompt, &why);
    if (code)
        csi_fail(loader->err, code, -1, "%s: %s", csi_archive_path(loader->archive), why.message);
    const csi_node *slots = user_slots(config);
    for (const csi_node *slot = slots ? slots->first : NULL; slot && !code; slot = slot->next) {
        const char *value = csi_node_text(slot);
        if (!slot->key || csi_node_is_null(slot))
            continue;
        if (!value)
            return csi_fail(loader->err, CS_EMODEL, -1, "%s: model_config.yaml line %zu: a prompt slot that is no text",
                            csi_archive_path(loader->archive), slot->line);
        if (csi_prompt_set(&prompt->defaults, slot->key, value, &why))
            code = csi_fail(loader->err, CS_EMODEL, -1, "%s: prompt_defaults: %s", csi_archive_path(loader->archive),
                            why.message);
    }
    return code;
}
