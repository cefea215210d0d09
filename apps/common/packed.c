/* SPDX-License-Identifier: MIT
 * See packed.h. */
#include "packed.h"
#include "common/paths.h"

char *packed_folder(void)
{
    return paths_user(PATHS_CACHE, "packed");
}

char *packed_apply(cs_model_options *options, const packed_use *use)
{
    char *folder = use && use->on ? packed_folder() : NULL;
    options->cache_folder = folder;
    if (folder) {
        options->cache_max_bytes = (int64_t)use->limit_mb << 20;
        options->cache_min_bytes = use->least_mb ? (int64_t)use->least_mb << 20 : 1;
    }
    return folder;
}
