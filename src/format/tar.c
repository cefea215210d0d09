/* SPDX-License-Identifier: MIT
 *
 * The index of a tar archive in memory. Nothing is extracted, so names are only looked up; still, a name that points
 * out of the archive, a link or a device has no place in a model and is refused.
 *
 * Read: old (v7), ustar, GNU ('L' names, base-256 numbers) and PAX ('x', 'g': path and size). Python's tarfile, which
 * NeMo uses, puts a PAX header before nearly every member for the fractional mtime.
 * The end is a zero block, or the end of the file: some writers leave the blocks out. What is cut anywhere else is an
 * error. Source: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
 */
#include "format/inside.h"

enum { BLOCK = 512, MAX_MEMBERS = 100000, MAX_EXTENDED = 1 << 20 };
/* Fields of a header block. */
enum { NAME = 0, SIZE = 124, CHECKSUM = 148, TYPE = 156, MAGIC = 257, PREFIX = 345 };

/* What an extended header says of the members after it. */
typedef struct overrides {
    const char *path; /* NULL: none */
    bool has_size;
    uint64_t size;
} overrides;

typedef struct reader {
    csi_arena *arena;
    const char *label;
    const uint8_t *data;
    size_t size, at;
    overrides next, global;
    csi_tar *tar;
    size_t capacity;
    cs_error *err;
} reader;

/* Octal text in blanks, or base 256 when bit 7 of the first byte is set. False: neither, negative, or too large. */
static bool number(const uint8_t *field, size_t width, uint64_t *value)
{
    *value = 0;
    if (field[0] & 0x80) {
        if (field[0] & 0x40)
            return false;
        *value = field[0] & 0x3F;
        for (size_t i = 1; i < width; i++) {
            if (*value >> 55)
                return false;
            *value = *value << 8 | field[i];
        }
        return true;
    }
    size_t i = 0;
    while (i < width && field[i] == ' ')
        i++;
    for (; i < width && field[i] >= '0' && field[i] <= '7'; i++) { /* 12 digits of 3 bits fit */
        *value = *value << 3 | (uint64_t)(field[i] - '0');
    }
    return i == width || field[i] == 0 || field[i] == ' ';
}

/* Old writers summed signed bytes. */
static bool checksum_is_right(const uint8_t *block)
{
    uint64_t told;
    int64_t plain = 0, with_sign = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        uint8_t byte = i >= CHECKSUM && i < CHECKSUM + 8 ? ' ' : block[i];
        plain += byte;
        with_sign += byte < 0x80 ? byte : byte - 0x100;
    }
    return number(block + CHECKSUM, 8, &told) && ((int64_t)told == plain || (int64_t)told == with_sign);
}

static bool all_zero(const uint8_t *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        if (bytes[i])
            return false;
    return true;
}

bool csi_tar_begins(const uint8_t *data, size_t size)
{
    return size >= BLOCK && checksum_is_right(data);
}

static size_t text_bytes(const uint8_t *field, size_t width)
{
    size_t n = 0;
    while (n < width && field[n])
        n++;
    return n;
}

/* ------------------------------------------------------ extended headers */

static cs_err damaged_pax(reader *r, size_t header)
{
    return csi_fail(r->err, CS_EMODEL, (int64_t)header,
                    "%s: the PAX header at byte %zu is damaged, expected records \"length key=value\"", r->label,
                    header);
}

static bool decimal(const uint8_t *text, size_t n_bytes, uint64_t *value)
{
    *value = 0;
    if (n_bytes == 0 || n_bytes > 18)
        return false;
    for (size_t i = 0; i < n_bytes; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *value = *value * 10 + (uint64_t)(text[i] - '0');
    }
    return true;
}

/* One record's key and value, of those that matter. False: damaged. */
static cs_err apply_pax(reader *r, size_t header, const uint8_t *key, size_t key_bytes, const uint8_t *value,
                        size_t value_bytes, overrides *to)
{
    if (key_bytes == 4 && memcmp(key, "path", 4) == 0) {
        if (value_bytes == 0 || memchr(value, 0, value_bytes))
            return damaged_pax(r, header);
        to->path = csi_arena_text(r->arena, (const char *)value, value_bytes);
        if (!to->path)
            return csi_fail_memory(r->err, value_bytes, "a member's name");
    } else if (key_bytes == 4 && memcmp(key, "size", 4) == 0) {
        to->has_size = true;
        if (!decimal(value, value_bytes, &to->size))
            return damaged_pax(r, header);
    } else if (key_bytes > 11 && memcmp(key, "GNU.sparse.", 11) == 0) {
        return csi_fail(r->err, CS_EUNSUPPORTED, (int64_t)header,
                        "%s: the tar holds a sparse file at byte %zu, expected plain files", r->label, header);
    }
    return CS_OK;
}

/* Records "25 path=some/long/name\n"; the length counts itself and the newline. */
static cs_err read_pax(reader *r, size_t header, const uint8_t *data, size_t size, overrides *to)
{
    for (size_t at = 0; at < size;) {
        uint64_t length;
        size_t digits = 0;
        if (data[at] == 0 && all_zero(data + at, size - at))
            return CS_OK; /* padded inside its size */
        while (digits < size - at && data[at + digits] != ' ')
            digits++;
        if (!decimal(data + at, digits, &length) || length > size - at || length < digits + 2
            || data[at + length - 1] != '\n')
            return damaged_pax(r, header);
        const uint8_t *key = data + at + digits + 1, *end = data + at + length - 1;
        const uint8_t *equals = memchr(key, '=', (size_t)(end - key));
        if (!equals || equals == key)
            return damaged_pax(r, header);
        cs_err code = apply_pax(r, header, key, (size_t)(equals - key), equals + 1, (size_t)(end - equals - 1), to);
        if (code != CS_OK)
            return code;
        at += length;
    }
    return CS_OK;
}

static cs_err read_extended(reader *r, size_t header, uint8_t type, const uint8_t *data, size_t size)
{
    if (size > MAX_EXTENDED)
        return csi_fail(r->err, CS_EMODEL, (int64_t)header,
                        "%s: the extended header at byte %zu has %zu bytes, expected at most %d", r->label, header,
                        size, MAX_EXTENDED);
    if (type == 'x')
        return read_pax(r, header, data, size, &r->next);
    if (type == 'g')
        return read_pax(r, header, data, size, &r->global);
    if (type == 'L' && !r->next.path) {
        r->next.path = csi_arena_text(r->arena, (const char *)data, text_bytes(data, size));
        if (!r->next.path)
            return csi_fail_memory(r->err, size, "a member's name");
    }
    return CS_OK; /* 'K': the target of a link, which will be refused itself */
}

/* --------------------------------------------------------------- members */

static const char *header_name(reader *r, const uint8_t *block)
{
    size_t name_bytes = text_bytes(block + NAME, 100);
    size_t prefix_bytes = memcmp(block + MAGIC, "ustar", 6) == 0 ? text_bytes(block + PREFIX, 155) : 0;
    char *name = csi_arena_alloc(r->arena, prefix_bytes + 1 + name_bytes + 1);
    if (!name)
        return NULL;
    memcpy(name, block + PREFIX, prefix_bytes);
    if (prefix_bytes)
        name[prefix_bytes++] = '/';
    memcpy(name + prefix_bytes, block + NAME, name_bytes);
    return name;
}

/* "./a" and "././a" are "a". */
static const char *without_dot(const char *name)
{
    while (name[0] == '.' && name[1] == '/') {
        name += 2;
        while (*name == '/')
            name++;
    }
    return strcmp(name, ".") == 0 ? name + 1 : name;
}

static bool climbs(const char *name)
{
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (part[0] == '.' && part[1] == '.' && (part[2] == 0 || part[2] == '/'))
            return true;
    }
    return false;
}

static cs_err add_member(reader *r, const char *name, const uint8_t *data, size_t size)
{
    csi_tar *tar = r->tar;
    if (tar->n_members == MAX_MEMBERS)
        return csi_fail(r->err, CS_EMODEL, -1, "%s: the tar has more than %d members", r->label, MAX_MEMBERS);
    if (tar->n_members == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 16;
        csi_tar_member *members = csi_arena_array(r->arena, capacity, sizeof *members);
        if (!members)
            return csi_fail_memory(r->err, capacity * sizeof *members, "the tar's index");
        if (tar->n_members)
            memcpy(members, tar->members, tar->n_members * sizeof *members);
        tar->members = members;
        r->capacity = capacity;
    }
    tar->members[tar->n_members++] = (csi_tar_member){name, data, size};
    return CS_OK;
}

static const char *type_name(uint8_t type)
{
    switch (type) {
    case '1':
        return "a hard link";
    case '2':
        return "a symbolic link";
    case '3':
    case '4':
        return "a device";
    case '6':
        return "a FIFO";
    case 'S':
        return "a sparse file";
    default:
        return "a member of unknown type";
    }
}

static cs_err read_member(reader *r, const uint8_t *block, const char *name, const uint8_t *data, size_t size)
{
    csi_quote quote;
    uint8_t type = block[TYPE];
    bool directory = type == '5' || (type == 0 && name[0] && name[strlen(name) - 1] == '/');
    const char *shown = csi_quote_bytes(&quote, name, strlen(name));
    if (name[0] == '/' || climbs(name))
        return csi_fail(r->err, CS_EMODEL, (int64_t)r->at,
                        "%s: the tar member \"%s\" points out of the archive, expected a name inside it", r->label,
                        shown);
    if (directory)
        return CS_OK;
    if (type != 0 && type != '0' && type != '7')
        return csi_fail(r->err, CS_EMODEL, (int64_t)r->at,
                        "%s: the tar member \"%s\" is %s (type byte 0x%02x), expected files and folders only", r->label,
                        shown, type_name(type), type);
    name = without_dot(name);
    if (!name[0])
        return csi_fail(r->err, CS_EMODEL, (int64_t)r->at, "%s: the tar member at byte %zu is a file without a name",
                        r->label, r->at);
    return add_member(r, name, data, size);
}

static cs_err cut_short(reader *r, const char *name, uint64_t size)
{
    csi_quote quote;
    return csi_fail(r->err, CS_EMODEL, (int64_t)r->size,
                    "%s: breaks off at byte %zu: the tar member \"%s\" at byte %zu has %llu bytes (an incomplete "
                    "download?)",
                    r->label, r->size, csi_quote_bytes(&quote, name, strlen(name)), r->at, (unsigned long long)size);
}

/* The block at r->at, and what belongs to it. */
static cs_err read_block(reader *r)
{
    const uint8_t *block = r->data + r->at;
    uint64_t size;
    uint8_t type = block[TYPE];
    bool extended = type == 'x' || type == 'g' || type == 'L' || type == 'K';
    if (!checksum_is_right(block) || !number(block + SIZE, 12, &size))
        return csi_fail(r->err, CS_EMODEL, (int64_t)r->at,
                        "%s: the tar header at byte %zu is damaged (wrong checksum or size)", r->label, r->at);
    const char *name = !extended && r->next.path     ? r->next.path
                       : !extended && r->global.path ? r->global.path
                                                     : header_name(r, block);
    if (!name)
        return csi_fail_memory(r->err, BLOCK, "a member's name");
    if (!extended && (r->next.has_size || r->global.has_size))
        size = r->next.has_size ? r->next.size : r->global.size;
    size_t left = r->size - r->at - BLOCK;
    if (size > left || (BLOCK - size % BLOCK) % BLOCK > left - size)
        return cut_short(r, name, size);

    const uint8_t *data = block + BLOCK;
    cs_err code;
    if (extended) {
        code = read_extended(r, r->at, type, data, (size_t)size);
    } else {
        code = read_member(r, block, name, data, (size_t)size);
        r->next = (overrides){0};
    }
    r->at += BLOCK + (size_t)size + (BLOCK - size % BLOCK) % BLOCK;
    return code;
}

cs_err csi_tar_index(csi_arena *arena, const char *label, const uint8_t *data, size_t size, csi_tar *tar, cs_error *err)
{
    reader r = {.arena = arena, .label = label, .data = data, .size = size, .tar = tar, .err = err};
    *tar = (csi_tar){0};
    while (r.at < size) {
        size_t left = CSI_MIN(size - r.at, (size_t)BLOCK);
        if (all_zero(data + r.at, left)) {
            tar->ended = left == BLOCK;
            break;
        }
        if (left < BLOCK)
            return csi_fail(err, CS_EMODEL, (int64_t)size,
                            "%s: breaks off at byte %zu inside a tar header (an incomplete download?)", label, size);
        cs_err code = read_block(&r);
        if (code != CS_OK)
            return code;
    }
    if (r.next.path || r.next.has_size)
        return csi_fail(err, CS_EMODEL, (int64_t)r.at,
                        "%s: breaks off at byte %zu: an extended tar header has no member after it", label, r.at);
    return CS_OK;
}

const csi_tar_member *csi_tar_find(const csi_tar *tar, const char *name)
{
    for (size_t i = tar->n_members; i-- > 0;)
        if (strcmp(tar->members[i].name, name) == 0)
            return &tar->members[i];
    return NULL;
}
