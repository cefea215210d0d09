/* SPDX-License-Identifier: MIT
 *
 * Reads data.pkl without executing it. A pickle is a program for a stack machine; here the machine knows the opcodes
 * that checkpoints need and no other, and calls nothing: a global is one of a dozen tags (rebuild.c), and an unknown
 * one ends the reading with its name.
 *
 * What must stay true: no recursion (a memo may hold cycles, so values are never walked); nothing pops below the last
 * MARK; work and memory are linear in the pickle's size, with caps on stack, memo, objects, depth and tensors.
 * Opcodes and their meaning: Python's Lib/pickletools.py. torch.save writes protocol 2; those of protocol 4 that any
 * plain pickler would use for the same data are known too.
 */
#include "format/pickle.h"

#include <stdio.h>

enum { MAX_PROTOCOL = 5, MAX_STACK = 1 << 20, MAX_MEMO = 1000000, MAX_OBJECTS = 4000000, MAX_GLOBAL_LINE = 1024 };

typedef cs_err (*opcode_fn)(csi_pickle *p, uint8_t code);

cs_err csi_pickle_fail(csi_pickle *p, const char *format, ...)
{
    char what[300];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return csi_fail(p->err, CS_EMODEL, (int64_t)p->opcode_at, "%s: data.pkl at byte %zu: %s", p->label, p->opcode_at,
                    what);
}

void *csi_pickle_new(csi_pickle *p, size_t size)
{
    void *memory = csi_arena_alloc(&p->scratch, size);
    if (!memory)
        csi_fail_memory(p->err, size, "data.pkl");
    p->n_objects++;
    return memory;
}

/* ---------------------------------------------------------- input, stack */

/* The next n_bytes, or NULL with the error set. */
static const uint8_t *take(csi_pickle *p, size_t n_bytes)
{
    if (n_bytes > p->size - p->at) {
        csi_pickle_fail(p, "breaks off: %zu bytes wanted, %zu left", n_bytes, p->size - p->at);
        return NULL;
    }
    const uint8_t *bytes = p->data + p->at;
    p->at += n_bytes;
    return bytes;
}

static cs_err grow(csi_pickle *p, csi_pickle_value **values, size_t *capacity, size_t wanted)
{
    size_t more = CSI_MAX(wanted, *capacity ? 2 * *capacity : 256);
    csi_pickle_value *grown = csi_alloc_array(p->env, more, sizeof *grown);
    if (!grown)
        return csi_fail_memory(p->err, more * sizeof *grown, "data.pkl");
    if (*capacity)
        memcpy(grown, *values, *capacity * sizeof *grown);
    memset(grown + *capacity, 0, (more - *capacity) * sizeof *grown);
    csi_free(p->env, *values);
    *values = grown;
    *capacity = more;
    return CS_OK;
}

static cs_err push(csi_pickle *p, csi_pickle_value value)
{
    if (p->n_stack == MAX_STACK)
        return csi_pickle_fail(p, "more than %d values on the stack", MAX_STACK);
    if (p->n_stack == p->stack_capacity) {
        cs_err code = grow(p, &p->stack, &p->stack_capacity, 0);
        if (code != CS_OK)
            return code;
    }
    p->stack[p->n_stack++] = value;
    return CS_OK;
}

/* The top n values, which must lie above the last mark. NULL: error set. */
static csi_pickle_value *top(csi_pickle *p, size_t n)
{
    size_t floor = p->n_marks ? p->marks[p->n_marks - 1] : 0;
    if (p->n_stack - floor < n) {
        csi_pickle_fail(p, "the stack holds too few values");
        return NULL;
    }
    return &p->stack[p->n_stack - n];
}

/* Takes the last mark and what is above it off the stack; the values stay readable until the next push. */
static csi_pickle_value *take_marked(csi_pickle *p, size_t *n)
{
    if (p->n_marks == 0) {
        csi_pickle_fail(p, "no MARK is set");
        return NULL;
    }
    size_t floor = p->marks[--p->n_marks];
    *n = p->n_stack - floor;
    p->n_stack = floor;
    return p->stack + floor;
}

/* -------------------------------------------------------------- scalars */

static cs_err op_proto(csi_pickle *p, uint8_t code)
{
    const uint8_t *version = take(p, 1);
    (void)code;
    if (!version)
        return CS_EMODEL;
    return *version <= MAX_PROTOCOL
               ? CS_OK
               : csi_pickle_fail(p, "pickle protocol %u, expected at most %d", *version, MAX_PROTOCOL);
}

static cs_err op_frame(csi_pickle *p, uint8_t code)
{
    const uint8_t *bytes = take(p, 8);
    (void)code;
    if (!bytes)
        return CS_EMODEL;
    return csi_le64(bytes) <= p->size - p->at ? CS_OK : csi_pickle_fail(p, "breaks off inside a frame");
}

static cs_err op_constant(csi_pickle *p, uint8_t code)
{
    if (code == 'N')
        return push(p, (csi_pickle_value){.kind = CSI_PICKLE_NONE});
    return push(p, (csi_pickle_value){.kind = CSI_PICKLE_BOOL, .is.number = code == 0x88});
}

/* BININT, BININT1, BININT2, LONG1: little-endian, the first and the last signed. */
static cs_err op_int(csi_pickle *p, uint8_t code)
{
    size_t n_bytes = code == 'J' ? 4 : code == 'K' ? 1 : 2;
    if (code == 0x8A) {
        const uint8_t *length = take(p, 1);
        if (!length)
            return CS_EMODEL;
        n_bytes = *length;
        if (n_bytes > 8)
            return csi_pickle_fail(p, "an integer of %zu bytes, expected at most 8", n_bytes);
    }
    const uint8_t *bytes = take(p, n_bytes);
    if (!bytes)
        return CS_EMODEL;
    bool negative = (code == 'J' || code == 0x8A) && n_bytes && bytes[n_bytes - 1] & 0x80;
    uint64_t bits = negative ? UINT64_MAX : 0;
    for (size_t i = n_bytes; i-- > 0;)
        bits = bits << 8 | bytes[i];
    int64_t value;
    memcpy(&value, &bits, sizeof value);
    return push(p, (csi_pickle_value){.kind = CSI_PICKLE_INT, .is.number = value});
}

static cs_err op_float(csi_pickle *p, uint8_t code)
{
    (void)code;
    return take(p, 8) ? push(p, (csi_pickle_value){.kind = CSI_PICKLE_FLOAT}) : CS_EMODEL;
}

static cs_err op_text(csi_pickle *p, uint8_t code)
{
    const uint8_t *length = take(p, code == 'X' ? 4 : 1);
    if (!length)
        return CS_EMODEL;
    uint32_t n_bytes = code == 'X' ? csi_le32(length) : *length;
    const uint8_t *text = take(p, n_bytes);
    if (!text)
        return CS_EMODEL;
    return push(p, (csi_pickle_value){.kind = CSI_PICKLE_TEXT, .n = n_bytes, .is.text = (const char *)text});
}

/* -------------------------------------------------------------- globals */

static cs_err push_global(csi_pickle *p, const char *module, size_t module_bytes, const char *name, size_t name_bytes)
{
    const csi_pickle_global *global = csi_pickle_find_global(module, module_bytes, name, name_bytes);
    if (!global) {
        csi_quote module_quote, name_quote;
        return csi_pickle_fail(p, "the unknown global \"%s %s\", expected tensors and OrderedDict alone",
                               csi_quote_bytes(&module_quote, module, module_bytes),
                               csi_quote_bytes(&name_quote, name, name_bytes));
    }
    return push(p, (csi_pickle_value){.kind = CSI_PICKLE_GLOBAL, .is.global = global});
}

/* A line of text; NULL: error set. */
static const char *take_line(csi_pickle *p, size_t *n_bytes)
{
    const uint8_t *line = p->data + p->at;
    size_t room = CSI_MIN(p->size - p->at, (size_t)MAX_GLOBAL_LINE);
    const uint8_t *end = room ? memchr(line, '\n', room) : NULL;
    if (!end) {
        csi_pickle_fail(p, "a global's name does not end within %d bytes", MAX_GLOBAL_LINE);
        return NULL;
    }
    *n_bytes = (size_t)(end - line);
    p->at += *n_bytes + 1;
    return (const char *)line;
}

static cs_err op_global(csi_pickle *p, uint8_t code)
{
    size_t module_bytes, name_bytes;
    const char *module = take_line(p, &module_bytes);
    const char *name = module ? take_line(p, &name_bytes) : NULL;
    (void)code;
    return name ? push_global(p, module, module_bytes, name, name_bytes) : CS_EMODEL;
}

static cs_err op_stack_global(csi_pickle *p, uint8_t code)
{
    const csi_pickle_value *pair = top(p, 2);
    (void)code;
    if (!pair)
        return CS_EMODEL;
    if (pair[0].kind != CSI_PICKLE_TEXT || pair[1].kind != CSI_PICKLE_TEXT)
        return csi_pickle_fail(p, "a global's name is not text");
    p->n_stack -= 2;
    return push_global(p, pair[0].is.text, pair[0].n, pair[1].is.text, pair[1].n);
}

/* ----------------------------------------------------------- containers */

static uint8_t depth_of(const csi_pickle_value *value)
{
    switch (value->kind) {
    case CSI_PICKLE_TUPLE:
        return value->depth;
    case CSI_PICKLE_LIST:
        return value->is.list->depth;
    case CSI_PICKLE_MAP:
        return value->is.map->depth;
    default:
        return 0;
    }
}

/* The depth of a container that had `depth` and gets the value. A container put into itself grows at every turn. */
static cs_err deepen(csi_pickle *p, uint8_t *depth, const csi_pickle_value *value)
{
    int inner = depth_of(value) + 1;
    if (inner > CSI_PICKLE_MAX_DEPTH)
        return csi_pickle_fail(p, "containers nest deeper than %d levels", CSI_PICKLE_MAX_DEPTH);
    if (inner > *depth)
        *depth = (uint8_t)inner;
    return CS_OK;
}

static cs_err op_empty_list(csi_pickle *p, uint8_t code)
{
    csi_pickle_list *list = csi_pickle_new(p, sizeof *list);
    (void)code;
    if (!list)
        return CS_ENOMEM;
    list->depth = 1;
    return push(p, (csi_pickle_value){.kind = CSI_PICKLE_LIST, .is.list = list});
}

static cs_err op_empty_dict(csi_pickle *p, uint8_t code)
{
    csi_pickle_map *map = csi_pickle_new(p, sizeof *map);
    (void)code;
    if (!map)
        return CS_ENOMEM;
    map->depth = 1;
    return push(p, (csi_pickle_value){.kind = CSI_PICKLE_MAP, .is.map = map});
}

static cs_err op_mark(csi_pickle *p, uint8_t code)
{
    (void)code;
    if (p->n_marks == CSI_COUNT(p->marks))
        return csi_pickle_fail(p, "more than %zu MARKs are open", CSI_COUNT(p->marks));
    p->marks[p->n_marks++] = p->n_stack;
    return CS_OK;
}

static cs_err push_tuple(csi_pickle *p, const csi_pickle_value *items, size_t n)
{
    uint8_t depth = 1;
    for (size_t i = 0; i < n; i++) {
        cs_err code = deepen(p, &depth, &items[i]);
        if (code != CS_OK)
            return code;
    }
    csi_pickle_value *copy = csi_pickle_new(p, n * sizeof *copy);
    if (!copy)
        return CS_ENOMEM;
    if (n)
        memcpy(copy, items, n * sizeof *copy);
    return push(p, (csi_pickle_value){CSI_PICKLE_TUPLE, depth, (uint32_t)n, {.items = copy}});
}

static cs_err op_tuple(csi_pickle *p, uint8_t code)
{
    size_t n = 0;
    if (code == 't') {
        const csi_pickle_value *items = take_marked(p, &n);
        return items ? push_tuple(p, items, n) : CS_EMODEL;
    }
    n = code == ')' ? 0 : (size_t)code - 0x84; /* TUPLE1..TUPLE3 */
    const csi_pickle_value *items = top(p, n);
    if (!items)
        return CS_EMODEL;
    p->n_stack -= n;
    return push_tuple(p, items, n);
}

/* APPEND: list value; APPENDS: list MARK values. */
static cs_err op_append(csi_pickle *p, uint8_t code)
{
    size_t n = 1;
    const csi_pickle_value *items;
    if (code == 'a') {
        items = top(p, 2) ? &p->stack[p->n_stack - 1] : NULL;
        p->n_stack -= items != NULL;
    } else {
        items = take_marked(p, &n);
    }
    const csi_pickle_value *list = items ? top(p, 1) : NULL;
    if (!list)
        return CS_EMODEL;
    if (list->kind != CSI_PICKLE_LIST)
        return csi_pickle_fail(p, "something that is not a list is appended to");
    for (size_t i = 0; i < n; i++) {
        cs_err status = deepen(p, &list->is.list->depth, &items[i]);
        if (status != CS_OK)
            return status;
    }
    return CS_OK;
}

static cs_err set_item(csi_pickle *p, csi_pickle_map *map, const csi_pickle_value *key, const csi_pickle_value *value)
{
    cs_err code = deepen(p, &map->depth, value);
    csi_pickle_pair *pair = code == CS_OK ? csi_pickle_new(p, sizeof *pair) : NULL;
    if (!pair)
        return code == CS_OK ? CS_ENOMEM : code;
    pair->key = *key;
    pair->value = *value;
    if (map->last)
        map->last->next = pair;
    else
        map->first = pair;
    map->last = pair;
    map->n_pairs++;
    return CS_OK;
}

/* SETITEM: map key value; SETITEMS: map MARK key value key value ... */
static cs_err op_set_item(csi_pickle *p, uint8_t code)
{
    size_t n = 2;
    const csi_pickle_value *items;
    if (code == 's') {
        items = top(p, 3) ? &p->stack[p->n_stack - 2] : NULL;
        p->n_stack -= items ? 2 : 0;
    } else {
        items = take_marked(p, &n);
    }
    const csi_pickle_value *map = items ? top(p, 1) : NULL;
    if (!map)
        return CS_EMODEL;
    if (map->kind != CSI_PICKLE_MAP || n % 2)
        return csi_pickle_fail(p, "items are set in something that is not a map, or without a value");
    for (size_t i = 0; i < n; i += 2) {
        cs_err status = set_item(p, map->is.map, &items[i], &items[i + 1]);
        if (status != CS_OK)
            return status;
    }
    return CS_OK;
}

/* ----------------------------------------------------------------- memo */

static cs_err op_put(csi_pickle *p, uint8_t code)
{
    size_t index = p->n_memo; /* MEMOIZE */
    if (code != 0x94) {
        const uint8_t *bytes = take(p, code == 'q' ? 1 : 4);
        if (!bytes)
            return CS_EMODEL;
        index = code == 'q' ? *bytes : csi_le32(bytes);
    }
    if (index >= MAX_MEMO)
        return csi_pickle_fail(p, "memo entry %zu, expected less than %d", index, MAX_MEMO);
    const csi_pickle_value *value = top(p, 1);
    if (!value)
        return CS_EMODEL;
    if (index >= p->memo_capacity) {
        cs_err status = grow(p, &p->memo, &p->memo_capacity, index + 1);
        if (status != CS_OK)
            return status;
    }
    p->n_memo += p->memo[index].kind == CSI_PICKLE_UNSET;
    p->memo[index] = *value;
    return CS_OK;
}

static cs_err op_get(csi_pickle *p, uint8_t code)
{
    const uint8_t *bytes = take(p, code == 'h' ? 1 : 4);
    if (!bytes)
        return CS_EMODEL;
    size_t index = code == 'h' ? *bytes : csi_le32(bytes);
    if (index >= p->memo_capacity || p->memo[index].kind == CSI_PICKLE_UNSET)
        return csi_pickle_fail(p, "memo entry %zu is used and was never set", index);
    return push(p, p->memo[index]);
}

/* ---------------------------------------------------------------- calls */

static cs_err op_persistent(csi_pickle *p, uint8_t code)
{
    csi_pickle_value *id = top(p, 1);
    (void)code;
    return id ? csi_pickle_load_storage(p, id, id) : CS_EMODEL;
}

static cs_err op_reduce(csi_pickle *p, uint8_t code)
{
    csi_pickle_value *pair = top(p, 2);
    (void)code;
    if (!pair)
        return CS_EMODEL;
    if (pair[0].kind != CSI_PICKLE_GLOBAL)
        return csi_pickle_fail(p, "something that is not a known global is called");
    p->n_stack--;
    return csi_pickle_call(p, pair[0].is.global, &pair[1], &pair[0]);
}

/* The attributes of a state dict (_metadata): of no use here. */
static cs_err op_build(csi_pickle *p, uint8_t code)
{
    const csi_pickle_value *pair = top(p, 2);
    (void)code;
    if (!pair)
        return CS_EMODEL;
    if (pair[0].kind != CSI_PICKLE_MAP || !pair[0].is.map->ordered)
        return csi_pickle_fail(p, "attributes are set on something that is not an OrderedDict");
    p->n_stack--;
    return CS_OK;
}

/* ------------------------------------------------------------- the table */

/* Without a function: known by name so that the refusal can say it. */
static const struct {
    const char *name;
    opcode_fn run;
} opcodes[256] = {
    [0x80] = {"PROTO", op_proto},
    [0x95] = {"FRAME", op_frame},
    ['N'] = {"NONE", op_constant},
    [0x88] = {"NEWTRUE", op_constant},
    [0x89] = {"NEWFALSE", op_constant},
    ['J'] = {"BININT", op_int},
    ['K'] = {"BININT1", op_int},
    ['M'] = {"BININT2", op_int},
    [0x8A] = {"LONG1", op_int},
    ['G'] = {"BINFLOAT", op_float},
    ['X'] = {"BINUNICODE", op_text},
    [0x8C] = {"SHORT_BINUNICODE", op_text},
    ['c'] = {"GLOBAL", op_global},
    [0x93] = {"STACK_GLOBAL", op_stack_global},
    ['}'] = {"EMPTY_DICT", op_empty_dict},
    [']'] = {"EMPTY_LIST", op_empty_list},
    ['('] = {"MARK", op_mark},
    [')'] = {"EMPTY_TUPLE", op_tuple},
    ['t'] = {"TUPLE", op_tuple},
    [0x85] = {"TUPLE1", op_tuple},
    [0x86] = {"TUPLE2", op_tuple},
    [0x87] = {"TUPLE3", op_tuple},
    ['a'] = {"APPEND", op_append},
    ['e'] = {"APPENDS", op_append},
    ['s'] = {"SETITEM", op_set_item},
    ['u'] = {"SETITEMS", op_set_item},
    ['q'] = {"BINPUT", op_put},
    ['r'] = {"LONG_BINPUT", op_put},
    [0x94] = {"MEMOIZE", op_put},
    ['h'] = {"BINGET", op_get},
    ['j'] = {"LONG_BINGET", op_get},
    ['Q'] = {"BINPERSID", op_persistent},
    ['R'] = {"REDUCE", op_reduce},
    ['b'] = {"BUILD", op_build},
    ['i'] = {"INST", NULL},
    ['o'] = {"OBJ", NULL},
    [0x81] = {"NEWOBJ", NULL},
    [0x92] = {"NEWOBJ_EX", NULL},
    [0x82] = {"EXT1", NULL},
    [0x83] = {"EXT2", NULL},
    [0x84] = {"EXT4", NULL},
    ['P'] = {"PERSID", NULL},
    ['0'] = {"POP", NULL},
    ['1'] = {"POP_MARK", NULL},
    ['2'] = {"DUP", NULL},
    ['I'] = {"INT", NULL},
    ['L'] = {"LONG", NULL},
    [0x8B] = {"LONG4", NULL},
    ['F'] = {"FLOAT", NULL},
    ['S'] = {"STRING", NULL},
    ['T'] = {"BINSTRING", NULL},
    ['U'] = {"SHORT_BINSTRING", NULL},
    ['B'] = {"BINBYTES", NULL},
    ['C'] = {"SHORT_BINBYTES", NULL},
    [0x8E] = {"BINBYTES8", NULL},
    [0x96] = {"BYTEARRAY8", NULL},
    ['V'] = {"UNICODE", NULL},
    [0x8D] = {"BINUNICODE8", NULL},
    ['d'] = {"DICT", NULL},
    ['l'] = {"LIST", NULL},
    [0x8F] = {"EMPTY_SET", NULL},
    [0x90] = {"ADDITEMS", NULL},
    [0x91] = {"FROZENSET", NULL},
    ['p'] = {"PUT", NULL},
    ['g'] = {"GET", NULL},
    [0x97] = {"NEXT_BUFFER", NULL},
    [0x98] = {"READONLY_BUFFER", NULL},
};

/* Run to STOP; *result is the value that it leaves. */
static cs_err run(csi_pickle *p, csi_pickle_value *result)
{
    for (;;) {
        p->opcode_at = p->at;
        const uint8_t *byte = take(p, 1);
        if (!byte)
            return CS_EMODEL;
        if (*byte == '.') {
            const csi_pickle_value *last = top(p, 1);
            if (last)
                *result = *last;
            return last ? CS_OK : CS_EMODEL;
        }
        if (!opcodes[*byte].run) {
            const char *name = opcodes[*byte].name;
            return csi_pickle_fail(p, "the opcode %s (0x%02x), which no checkpoint of tensors needs",
                                   name ? name : "unknown", *byte);
        }
        cs_err code = opcodes[*byte].run(p, *byte);
        if (code != CS_OK)
            return code;
        if (p->n_objects > MAX_OBJECTS)
            return csi_pickle_fail(p, "more than %d objects", MAX_OBJECTS);
    }
}

/* ---------------------------------------------------------------- read */

cs_err csi_pickle_read(csi_arena *arena, const char *label, const uint8_t *data, size_t size, csi_storage_fn find,
                       void *context, csi_tensor_list *list, cs_error *err)
{
    csi_pickle p = {.env = arena->env,
                    .label = label,
                    .data = data,
                    .size = size,
                    .find = find,
                    .find_context = context,
                    .err = err};
    csi_pickle_value result = {0};
    *list = (csi_tensor_list){0};
    csi_arena_init(&p.scratch, arena->env);
    cs_err code = grow(&p, &p.stack, &p.stack_capacity, 0);
    if (code == CS_OK)
        code = run(&p, &result);
    if (code == CS_OK)
        code = csi_pickle_tensors(&p, arena, &result, list);
    if (code != CS_OK)
        *list = (csi_tensor_list){0};
    csi_arena_finish(&p.scratch);
    csi_free(p.env, p.memo);
    csi_free(p.env, p.stack);
    return code;
}
