/* SPDX-License-Identifier: MIT
 * See dump.h. NumPy's format version 1.0: magic, header length, a Python dict as text padded to 64 bytes, the data. */
#include "dump.h"
#include "common/outfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool open_file(dump *d, outfile *out, char *path, size_t path_size, const char *name, const char *ending)
{
    int n = snprintf(path, path_size, "%s/%s.%s", d->folder, name, ending);
    if (n < 0 || (size_t)n >= path_size) {
        snprintf(d->error, sizeof d->error, "%.300s: the path is too long", d->folder);
        return false;
    }
    if (outfile_open(out, path))
        return true;
    memcpy(d->error, out->error, sizeof d->error);
    return false;
}

static void close_file(dump *d, outfile *out)
{
    if (!outfile_commit(out))
        memcpy(d->error, out->error, sizeof d->error);
}

bool dump_begin(dump *d, const char *folder)
{
    *d = (dump){.folder = folder};
    if (!outfile_make_folders(folder))
        snprintf(d->error, sizeof d->error, "%.300s: cannot make this folder: %s", folder, strerror(errno));
    return !d->error[0];
}

void dump_tensor(void *user, const char *name, int32_t n_dims, const int64_t *dims, const float *data)
{
    enum { PREFIX = 10, ALIGNMENT = 64 };
    dump *d = user;
    outfile out;
    char path[4096], header[512] = "";
    if (d->error[0] || !open_file(d, &out, path, sizeof path, name, "npy"))
        return;
    const uint16_t one = 1;
    bool little = *(const uint8_t *)&one == 1;
    int n = snprintf(header + PREFIX, sizeof header - PREFIX, "{'descr': '%cf4', 'fortran_order': False, 'shape': (",
                     little ? '<' : '>');
    size_t count = 1;
    for (int32_t i = 0; i < n_dims && i < 8; i++) {
        n += snprintf(header + PREFIX + n, sizeof header - PREFIX - (size_t)n, "%lld,", (long long)dims[i]);
        count *= (size_t)dims[i];
    }
    n += snprintf(header + PREFIX + n, sizeof header - PREFIX - (size_t)n, "), }");
    size_t size = ((size_t)(PREFIX + n + 1) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memset(header + PREFIX + n, ' ', size - (size_t)(PREFIX + n) - 1);
    header[size - 1] = '\n';
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)((size - PREFIX) & 0xFF);
    header[9] = (char)((size - PREFIX) >> 8);
    outfile_write(&out, header, size);
    outfile_write(&out, (const char *)data, count * sizeof *data);
    close_file(d, &out);
}

void dump_result(dump *d, const cs_result *result, const char *file)
{
    outfile out;
    char path[4096];
    cs_write_options options;
    cs_error err = {0};
    cs_write_options_init(&options);
    options.file = file;
    if (d->error[0] || !open_file(d, &out, path, sizeof path, "tokens", "json"))
        return;
    if (cs_result_write(result, CS_FORMAT_JSON, &options, outfile_write, &out, &err) != CS_OK && !out.error[0])
        snprintf(out.error, sizeof out.error, "%.380s", err.message);
    close_file(d, &out);
}
