/* SPDX-License-Identifier: MIT
 * An environment for fuzz targets: memory is counted and limited, so that a file that asks for much meets an allocation
 * that fails, and a leak ends the run even where the leak checker is off. */
#ifndef LIMITED_H
#define LIMITED_H

#include "base/base.h"

#include <stdlib.h>

enum { LIMITED_BYTES = 64 << 20, LIMITED_HEADER = 64 };

static inline void *limited_alloc(void *user, size_t size, size_t alignment)
{
    size_t *live = user;
    void *memory = NULL;
    if (alignment > LIMITED_HEADER || size > LIMITED_BYTES - *live
        || posix_memalign(&memory, LIMITED_HEADER, size + LIMITED_HEADER) != 0)
        return NULL;
    memcpy(memory, &size, sizeof size);
    *live += size;
    return (char *)memory + LIMITED_HEADER;
}

static inline void limited_release(void *user, void *memory)
{
    size_t *live = user, size;
    memory = (char *)memory - LIMITED_HEADER;
    memcpy(&size, memory, sizeof size);
    *live -= size;
    free(memory);
}

static inline void limited_begin(csi_env *env, size_t *live)
{
    const cs_allocator allocator = {limited_alloc, limited_release, live};
    *live = 0;
    csi_env_init(env, &allocator, NULL, NULL);
}

static inline void limited_end(const size_t *live)
{
    if (*live)
        abort();
}

#endif
