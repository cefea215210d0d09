/* SPDX-License-Identifier: MIT
 *
 * YAML by libyaml's events, into a tree of nodes. Of YAML only what a dumped configuration needs: anchors, aliases,
 * tags, several documents and keys that are not scalars are refused with their line, so there is nothing that could
 * expand or recurse. libyaml itself allocates by malloc; the tree is in the caller's arena.
 *
 * Numbers: YAML 1.1 calls "1e-05" text, Python writes floats that way, so whatever looks like a number is one when it
 * is asked for as one (and was not quoted).
 */
#define _POSIX_C_SOURCE 200809L
#include "format/inside.h"

#include <locale.h>
#include <stdlib.h>
#include <yaml.h>

enum { MAX_BYTES = 64 << 20, MAX_DEPTH = 64, MAX_SCALAR = 16 << 20, MAX_NODES = 2000000, MAX_NUMBER = 64 };

typedef struct level {
    csi_node *node, *last; /* a list or map, and its last child */
    const char *key;       /* map: the key that waits for its value */
} level;

typedef struct reader {
    csi_arena *arena;
    const char *label;
    csi_node *root;
    level levels[MAX_DEPTH];
    size_t n_levels, n_nodes;
    bool done; /* the document has ended */
    cs_error *err;
} reader;

static cs_err fail(reader *r, const yaml_mark_t *mark, const char *what)
{
    size_t line = mark->line + 1;
    return csi_fail(r->err, CS_EMODEL, (int64_t)line, "%s: line %zu: %s", r->label, line, what);
}

/* ------------------------------------------------------------- the tree */

static bool is_any_of(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

static bool is_null_word(const char *text)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    return is_any_of(text, words, CSI_COUNT(words));
}

/* Hang a new node under the open container, or make it the root. */
static cs_err add(reader *r, const yaml_mark_t *mark, csi_node_kind kind, csi_node **added)
{
    level *up = r->n_levels ? &r->levels[r->n_levels - 1] : NULL;
    if (++r->n_nodes > MAX_NODES)
        return fail(r, mark, "more nodes than the 2000000 that are allowed");
    csi_node *node = csi_arena_alloc(r->arena, sizeof *node);
    if (!node)
        return csi_fail_memory(r->err, sizeof *node, "the configuration");
    node->kind = kind;
    node->line = mark->line + 1;
    if (!up) {
        r->root = node;
    } else {
        node->key = up->key;
        up->key = NULL;
        if (up->last)
            up->last->next = node;
        else
            up->node->first = node;
        up->last = node;
        up->node->n_children++;
    }
    *added = node;
    return CS_OK;
}

static cs_err open_container(reader *r, const yaml_event_t *event, csi_node_kind kind, const yaml_char_t *anchor,
                             const yaml_char_t *tag)
{
    const level *up = r->n_levels ? &r->levels[r->n_levels - 1] : NULL;
    csi_node *node;
    if (anchor)
        return fail(r, &event->start_mark, "an anchor, expected plain values");
    if (tag)
        return fail(r, &event->start_mark, "a tag, expected plain values");
    if (up && up->node->kind == CSI_NODE_MAP && !up->key)
        return fail(r, &event->start_mark, "a key that is a list or map, expected text");
    if (r->n_levels == MAX_DEPTH)
        return fail(r, &event->start_mark, "lists and maps nest deeper than 64 levels");
    cs_err code = add(r, &event->start_mark, kind, &node);
    if (code == CS_OK)
        r->levels[r->n_levels++] = (level){.node = node};
    return code;
}

static cs_err add_scalar(reader *r, const yaml_event_t *event)
{
    level *up = r->n_levels ? &r->levels[r->n_levels - 1] : NULL;
    const char *value = (const char *)event->data.scalar.value;
    size_t n_bytes = event->data.scalar.length;
    if (event->data.scalar.anchor)
        return fail(r, &event->start_mark, "an anchor, expected plain values");
    if (event->data.scalar.tag)
        return fail(r, &event->start_mark, "a tag, expected plain values");
    if (n_bytes > MAX_SCALAR)
        return fail(r, &event->start_mark, "a scalar of more than 16 MiB");
    if (memchr(value, 0, n_bytes))
        return fail(r, &event->start_mark, "a NUL character inside a scalar");
    const char *text = csi_arena_text(r->arena, value, n_bytes);
    if (!text)
        return csi_fail_memory(r->err, n_bytes, "the configuration");
    if (up && up->node->kind == CSI_NODE_MAP && !up->key) {
        up->key = text;
        return CS_OK;
    }
    csi_node *node;
    bool quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    cs_err code = add(r, &event->start_mark, !quoted && is_null_word(text) ? CSI_NODE_NULL : CSI_NODE_SCALAR, &node);
    if (code == CS_OK) {
        node->text = text;
        node->quoted = quoted;
    }
    return code;
}

/* A map is checked once, when it is whole: sorting keeps maps of a million keys cheap. */
static cs_err refuse_duplicates(reader *r, const csi_node *map)
{
    size_t n = 0;
    csi_name *names = csi_alloc_array(r->arena->env, map->n_children, sizeof *names);
    if (!names)
        return csi_fail_memory(r->err, map->n_children * sizeof *names, "the configuration");
    for (const csi_node *node = map->first; node; node = node->next, n++)
        names[n] = (csi_name){node->key, (uint32_t)strlen(node->key), (uint32_t)node->line};
    csi_names_sort(names, n);
    const csi_name *twice = csi_names_duplicate(names, n);
    cs_err code = CS_OK;
    csi_quote quote;
    if (twice)
        code = csi_fail(r->err, CS_EMODEL, (int64_t)twice->index, "%s: line %u: the key \"%s\" occurs twice in one map",
                        r->label, twice->index, csi_quote_bytes(&quote, twice->text, twice->n_bytes));
    csi_free(r->arena->env, names);
    return code;
}

static cs_err close_container(reader *r)
{
    const csi_node *node = r->levels[--r->n_levels].node;
    return node->kind == CSI_NODE_MAP && node->n_children > 1 ? refuse_duplicates(r, node) : CS_OK;
}

static cs_err take_event(reader *r, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->done)
            return fail(r, &event->start_mark, "a second document, expected one");
        return CS_OK;
    case YAML_DOCUMENT_END_EVENT:
        r->done = true;
        return CS_OK;
    case YAML_ALIAS_EVENT:
        return fail(r, &event->start_mark, "an alias, expected plain values");
    case YAML_SCALAR_EVENT:
        return add_scalar(r, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_container(r, event, CSI_NODE_LIST, event->data.sequence_start.anchor,
                              event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return open_container(r, event, CSI_NODE_MAP, event->data.mapping_start.anchor, event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_container(r);
    default:
        return CS_OK;
    }
}

static cs_err parser_failed(reader *r, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return csi_fail_memory(r->err, sizeof *parser, "the YAML parser");
    if (parser->error == YAML_READER_ERROR)
        return csi_fail(r->err, CS_EMODEL, (int64_t)parser->problem_offset, "%s: no YAML at byte %zu: %s", r->label,
                        parser->problem_offset, parser->problem ? parser->problem : "unreadable");
    return fail(r, &parser->problem_mark, parser->problem ? parser->problem : "no YAML");
}

cs_err csi_yaml_parse(csi_arena *arena, const char *name, const void *data, size_t size, csi_node **root, cs_error *err)
{
    reader r = {.arena = arena, .label = name, .err = err};
    yaml_parser_t parser;
    cs_err code = CS_OK;
    *root = NULL;
    if (size > MAX_BYTES)
        return csi_fail(err, CS_EMODEL, -1, "%s: %zu bytes of YAML, expected at most %d", name, size, MAX_BYTES);
    if (!yaml_parser_initialize(&parser))
        return csi_fail_memory(err, sizeof parser, "the YAML parser");
    yaml_parser_set_input_string(&parser, size ? data : (const unsigned char *)"", size);
    for (bool more = true; more && code == CS_OK;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            code = parser_failed(&r, &parser);
            break;
        }
        more = event.type != YAML_STREAM_END_EVENT;
        code = take_event(&r, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (code == CS_OK && !r.root)
        code = csi_fail(err, CS_EMODEL, -1, "%s: is empty, expected YAML", name);
    if (code == CS_OK)
        *root = r.root;
    return code;
}

/* ---------------------------------------------------------------- queries */

const csi_node *csi_node_at(const csi_node *node, const char *path)
{
    while (node && *path) {
        size_t n_bytes = strcspn(path, ".");
        const csi_node *child = node->kind == CSI_NODE_MAP ? node->first : NULL;
        while (child && (strncmp(child->key, path, n_bytes) != 0 || child->key[n_bytes]))
            child = child->next;
        node = child;
        path += n_bytes + (path[n_bytes] == '.');
    }
    return node;
}

const csi_node *csi_node_item(const csi_node *list, size_t index)
{
    const csi_node *item = list && list->kind == CSI_NODE_LIST ? list->first : NULL;
    while (item && index-- > 0)
        item = item->next;
    return item;
}

bool csi_node_is_null(const csi_node *node)
{
    return !node || node->kind == CSI_NODE_NULL;
}

const char *csi_node_text(const csi_node *node)
{
    return node && node->kind == CSI_NODE_SCALAR ? node->text : NULL;
}

/* Text that may be a number or a word with a meaning. */
static const char *plain_text(const csi_node *node)
{
    return node && node->kind == CSI_NODE_SCALAR && !node->quoted ? node->text : NULL;
}

bool csi_node_int(const csi_node *node, int64_t *value)
{
    const char *text = plain_text(node);
    if (!text)
        return false;
    bool negative = *text == '-';
    int64_t sum = 0;
    text += *text == '-' || *text == '+';
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        int digit = *text - '0';
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, negative ? -digit : digit, &sum))
            return false;
    }
    *value = sum;
    return true;
}

static size_t count_digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* [-+] digits [. digits] [e [-+] digits], with at least one digit in front of e. */
static bool looks_like_a_double(const char *text)
{
    text += *text == '-' || *text == '+';
    size_t whole = count_digits(text), fraction = 0;
    text += whole;
    if (*text == '.') {
        fraction = count_digits(++text);
        text += fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '-' || *text == '+';
        size_t n = count_digits(text);
        text += n;
        if (n == 0)
            return false;
    }
    return *text == 0;
}

/* strtod() obeys the host's locale, where a number may have a comma. */
static bool c_locale_double(const char *text, double *value)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c == (locale_t)0)
        return false;
    locale_t before = uselocale(c);
    *value = strtod(text, NULL);
    uselocale(before);
    freelocale(c);
    return true;
}

bool csi_node_double(const csi_node *node, double *value)
{
    const char *text = plain_text(node);
    if (!text || strlen(text) > MAX_NUMBER || !looks_like_a_double(text))
        return false;
    return c_locale_double(text, value);
}

bool csi_node_bool(const csi_node *node, bool *value)
{
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"};
    static const char *const no[] = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"};
    const char *text = plain_text(node);
    if (!text || !(is_any_of(text, yes, CSI_COUNT(yes)) || is_any_of(text, no, CSI_COUNT(no))))
        return false;
    *value = is_any_of(text, yes, CSI_COUNT(yes));
    return true;
}
