/* SPDX-License-Identifier: MIT
 *
 * Look-ups over a piece table: piece text to id (a hash map) and "which pieces start here" (a trie).
 *
 * The trie keeps its edges in one open-addressed table keyed by (node, byte): building is one insertion per byte of
 * vocabulary, a step is one probe, and memory is bounded by the size of the model file, whatever it holds. A
 * double array would step faster, but takes far longer to build, and opening a model comes before every transcription.
 */
#include "text/text_inside.h"

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}

static uint64_t hash_bytes(const char *text, size_t n_bytes)
{
    uint64_t h = 0xCBF29CE484222325u ^ n_bytes;
    while (n_bytes >= 8) {
        uint64_t word;
        memcpy(&word, text, 8);
        h = mix(h ^ word);
        text += 8;
        n_bytes -= 8;
    }
    uint64_t tail = 0;
    memcpy(&tail, text, n_bytes);
    return mix(mix(h ^ tail));
}

/* A power of two with at least twice the room, so that probing is short and always meets a free slot. */
static bool table_size(size_t n, size_t *size)
{
    if (n > SIZE_MAX / 64)
        return false;
    *size = 16;
    while (*size < 2 * n)
        *size *= 2;
    return true;
}

bool csi_piece_map_build(csi_arena *arena, csi_piece_map *map, const csi_piece *pieces, int32_t n_pieces,
                         int32_t *duplicate)
{
    size_t size;
    *duplicate = -1;
    if (!table_size((size_t)n_pieces, &size) || !(map->slots = csi_arena_array(arena, size, sizeof *map->slots)))
        return false;
    map->mask = size - 1;
    for (int32_t id = 0; id < n_pieces; id++) {
        const csi_piece *piece = &pieces[id];
        size_t at = hash_bytes(piece->text, piece->n_bytes) & map->mask;
        for (; map->slots[at]; at = (at + 1) & map->mask) {
            const csi_piece *other = &pieces[map->slots[at] - 1];
            if (other->n_bytes == piece->n_bytes && memcmp(other->text, piece->text, piece->n_bytes) == 0) {
                *duplicate = id;
                break;
            }
        }
        if (!map->slots[at])
            map->slots[at] = (uint32_t)id + 1;
    }
    return true;
}

int32_t csi_piece_map_find(const csi_piece_map *map, const csi_piece *pieces, const char *text, size_t n_bytes)
{
    for (size_t at = hash_bytes(text, n_bytes) & map->mask; map->slots[at]; at = (at + 1) & map->mask) {
        const csi_piece *piece = &pieces[map->slots[at] - 1];
        if (piece->n_bytes == n_bytes && memcmp(piece->text, text, n_bytes) == 0)
            return (int32_t)(map->slots[at] - 1);
    }
    return -1;
}

static size_t edge_slot(const csi_trie *trie, uint32_t node, uint8_t byte)
{
    size_t at = mix(((uint64_t)node << 8 | byte) + 1) & trie->mask;
    while (trie->edges[at].child && (trie->edges[at].node != node || trie->edges[at].byte != byte))
        at = (at + 1) & trie->mask;
    return at;
}

uint32_t csi_trie_step(const csi_trie *trie, uint32_t node, uint8_t byte)
{
    return trie->mask ? trie->edges[edge_slot(trie, node, byte)].child : 0;
}

bool csi_trie_build(csi_arena *arena, csi_trie *trie, const csi_piece *pieces, int32_t n_pieces, unsigned types)
{
    size_t n_nodes = 1, size;
    for (int32_t id = 0; id < n_pieces; id++)
        if (types >> pieces[id].type & 1)
            n_nodes += pieces[id].n_bytes;
    *trie = (csi_trie){0};
    if (n_nodes == 1)
        return true;
    if (n_nodes > UINT32_MAX || !table_size(n_nodes, &size))
        return false;
    trie->edges = csi_arena_array(arena, size, sizeof *trie->edges);
    trie->values = csi_arena_array(arena, n_nodes, sizeof *trie->values);
    if (!trie->edges || !trie->values)
        return false;
    memset(trie->values, 0xFF, n_nodes * sizeof *trie->values);
    trie->mask = size - 1;
    uint32_t next = 1;
    for (int32_t id = 0; id < n_pieces; id++) {
        if (!(types >> pieces[id].type & 1))
            continue;
        uint32_t node = 0;
        for (uint32_t i = 0; i < pieces[id].n_bytes; i++) {
            uint8_t byte = (uint8_t)pieces[id].text[i];
            csi_trie_edge *edge = &trie->edges[edge_slot(trie, node, byte)];
            if (!edge->child)
                *edge = (csi_trie_edge){node, next++, byte};
            node = edge->child;
        }
        trie->values[node] = id;
    }
    return true;
}

size_t csi_trie_longest(const csi_trie *trie, const char *text, size_t n_bytes)
{
    size_t longest = 0;
    uint32_t node = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        node = csi_trie_step(trie, node, (uint8_t)text[i]);
        if (!node)
            break;
        if (trie->values[node] >= 0)
            longest = i + 1;
    }
    return longest;
}
