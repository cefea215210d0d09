/* SPDX-License-Identifier: MIT
 * YAML text, and every question that can be asked of the tree that it gives. */
#define _POSIX_C_SOURCE 200809L
#include "format/inside.h"
#include "limited.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const csi_node *node)
{
    int64_t whole;
    double number;
    bool truth;
    csi_node_int(node, &whole);
    csi_node_double(node, &number);
    csi_node_bool(node, &truth);
    csi_node_at(node, "encoder.d_model");
    if (csi_node_item(node, node->n_children))
        abort();
}

/* The reader promises at most 64 levels. */
static void walk(const csi_node *node, int depth)
{
    if (depth > 65)
        abort();
    for (; node; node = node->next) {
        ask(node);
        walk(node->first, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t live;
    csi_env env;
    csi_arena arena;
    csi_node *root;
    cs_error err;
    limited_begin(&env, &live);
    csi_arena_init(&arena, &env);
    if (csi_yaml_parse(&arena, "fuzz", data, size, &root, &err) == CS_OK)
        walk(root, 0);
    csi_arena_finish(&arena);
    limited_end(&live);
    return 0;
}
