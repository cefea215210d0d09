/* SPDX-License-Identifier: MIT
 * Sorted names: heap sort and binary search. Both are bounded by n log n for any input and take no memory, so a file
 * made to collide or to unbalance gains nothing; qsort() promises neither. */
#include "format/inside.h"

static int compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    size_t shared = CSI_MIN(a_bytes, b_bytes);
    int order = shared ? memcmp(a, b, shared) : 0;
    return order ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static int compare_names(const csi_name *a, const csi_name *b)
{
    return compare(a->text, a->n_bytes, b->text, b->n_bytes);
}

static void swap(csi_name *a, csi_name *b)
{
    csi_name t = *a;
    *a = *b;
    *b = t;
}

static void sift(csi_name *names, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && compare_names(&names[child], &names[child + 1]) < 0)
            child++;
        if (compare_names(&names[root], &names[child]) >= 0)
            return;
        swap(&names[root], &names[child]);
    }
}

void csi_names_sort(csi_name *names, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(names, i, n);
    for (size_t end = n; end-- > 1;) {
        swap(&names[0], &names[end]);
        sift(names, 0, end);
    }
}

const csi_name *csi_names_duplicate(const csi_name *names, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (compare_names(&names[i - 1], &names[i]) == 0)
            return &names[i];
    return NULL;
}

const csi_name *csi_names_find(const csi_name *names, size_t n, const char *text, size_t n_bytes)
{
    size_t low = 0;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        int order = compare(names[middle].text, names[middle].n_bytes, text, n_bytes);
        if (order == 0)
            return &names[middle];
        if (order < 0)
            low = middle + 1;
        else
            n = middle;
    }
    return NULL;
}

const char *csi_quote_bytes(csi_quote *quote, const void *bytes, size_t n_bytes)
{
    enum { ROOM = sizeof quote->text - 3 };
    csi_printable(quote->text, ROOM, bytes, n_bytes);
    if (n_bytes >= ROOM)
        strcat(quote->text, "...");
    return quote->text;
}
