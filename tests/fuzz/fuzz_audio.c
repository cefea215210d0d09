/* SPDX-License-Identifier: MIT
 *
 * Audio bytes. The first byte chooses the way in: up to 95 raw PCM, up to 249 the walks over container headers alone
 * (fast), above that the whole reader, decoders included. The second byte chooses channel and rate. The rest are the
 * bytes; for raw PCM they start with the description up to a newline.
 *
 * Memory is counted, and limited to 4 MiB at once: a header that lies about a length or a rate runs into the limit
 * and must end as an error. libsndfile loses memory of its own on damaged Ogg headers, so that leaks are looked for
 * by this count and not by the leak checker (-detect_leaks=0 for long runs). */
#define _POSIX_C_SOURCE 200809L
#include "audio/intake.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RAW_END = 96, WALK_END = 250, MEMORY_MAX = 4 << 20, HEADER = 64 };

static void *limited_alloc(void *user, size_t size, size_t alignment)
{
    size_t *live = user;
    void *memory = NULL;
    if (alignment > HEADER || size > MEMORY_MAX - *live || posix_memalign(&memory, HEADER, size + HEADER) != 0)
        return NULL;
    memcpy(memory, &size, sizeof size);
    *live += size;
    return (char *)memory + HEADER;
}

static void limited_release(void *user, void *memory)
{
    size_t *live = user, size;
    memory = (char *)memory - HEADER;
    memcpy(&size, memory, sizeof size);
    *live -= size;
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int32_t rates[] = {16000, 8000, 44100, 1};
    size_t live = 0;
    if (size < 2)
        return 0;
    uint8_t mode = data[0], choice = data[1];
    data += 2, size -= 2;
    if (mode >= RAW_END && mode < WALK_END) {
        uint64_t missing;
        csi_audio_breaks_off(data, size, &missing);
        csi_audio_is_mpeg(data, size);
        return 0;
    }
    cs_allocator allocator = {limited_alloc, limited_release, &live};
    cs_audio_options options;
    cs_audio_options_init(&options);
    options.allocator = &allocator;
    options.rate_hz = rates[choice & 3];
    options.channel = (choice >> 2 & 7) - 2;
    char spec[48];
    if (mode < RAW_END) {
        const uint8_t *newline = memchr(data, '\n', CSI_MIN(size, sizeof spec));
        size_t n = newline ? (size_t)(newline - data) : 0;
        memcpy(spec, data, n);
        spec[n] = 0;
        options.raw = spec;
        data += n + (newline != NULL), size -= n + (newline != NULL);
    }
    cs_audio *audio = NULL;
    cs_error err = {0};
    cs_err code = cs_audio_read_memory("fuzz", data, size, &options, &audio, &err);
    if ((code == CS_OK) != (audio != NULL) || (code != CS_OK && (err.code != code || !err.message[0])))
        abort();
    for (int32_t c = 0; audio && c < audio->n_channels; c++)
        for (size_t i = 0; i < audio->n_samples; i++)
            if (audio->rate_hz == audio->source_rate_hz && !(audio->channels[c][i] - audio->channels[c][i] == 0))
                abort();
    cs_audio_free(audio);
    if (live != 0)
        abort();
    return 0;
}
