/* SPDX-License-Identifier: MIT
 *
 * Files that libsndfile knows, read from memory through its virtual I/O: it never sees a name, so that the bytes alone
 * decide. Its defaults are what NeMo's loader gets: integers divided by 2^(bits-1), floats as they are.
 *
 * The reason of a failed open is asked for as a number and turned into text from libsndfile's constant table: its
 * whole-message buffer is shared by all threads of the process. */
#include "audio/intake.h"

#include <stdio.h>

#ifdef HAVE_SNDFILE

#include <sndfile.h>

typedef struct reader {
    const uint8_t *data;
    sf_count_t size, at;
} reader;

static sf_count_t tell_size(void *user)
{
    return ((reader *)user)->size;
}

static sf_count_t seek(sf_count_t offset, int whence, void *user)
{
    reader *in = user;
    sf_count_t base = whence == SEEK_CUR ? in->at : whence == SEEK_END ? in->size : 0, to;
    if (__builtin_add_overflow(base, offset, &to))
        return -1;
    in->at = CSI_MIN(CSI_MAX(to, 0), in->size);
    return in->at;
}

static sf_count_t read_bytes(void *out, sf_count_t n_bytes, void *user)
{
    reader *in = user;
    sf_count_t n = CSI_MIN(n_bytes, in->size - in->at);
    if (n <= 0)
        return 0;
    memcpy(out, in->data + in->at, (size_t)n);
    in->at += n;
    return n;
}

static sf_count_t write_nothing(const void *bytes, sf_count_t n_bytes, void *user)
{
    (void)bytes, (void)n_bytes, (void)user;
    return 0;
}

static sf_count_t tell(void *user)
{
    return ((reader *)user)->at;
}

cs_err csi_decode_sndfile(csi_intake *intake, const uint8_t *data, size_t size, csi_refusal *refusal, cs_error *err)
{
    SF_VIRTUAL_IO io = {tell_size, seek, read_bytes, write_nothing, tell};
    reader in = {.data = data, .size = (sf_count_t)size};
    SF_INFO info = {0};
    float *piece = NULL;
    SNDFILE *file = sf_open_virtual(&io, SFM_READ, &info, &in);
    if (!file) {
        snprintf(refusal->text, sizeof refusal->text, "%s", sf_error_number(sf_error(NULL)));
        return CS_OK;
    }
    cs_err code = csi_intake_begin(intake, info.samplerate, info.channels, err);
    if (code != CS_OK)
        goto done;
    size_t frames_a_piece = CSI_PIECE_SAMPLES / (size_t)info.channels;
    piece = csi_alloc_array(intake->env, frames_a_piece * (size_t)info.channels, sizeof(float));
    if (!piece) {
        code = csi_fail_memory(err, CSI_PIECE_SAMPLES * sizeof(float), intake->name);
        goto done;
    }
    while (code == CS_OK) {
        sf_count_t n = sf_readf_float(file, piece, (sf_count_t)frames_a_piece);
        if (n <= 0 || (size_t)n > frames_a_piece)
            break;
        code = csi_intake_push(intake, piece, (size_t)n, err);
    }
    if (code != CS_OK)
        goto done;
    const char *reason = sf_error(file) ? sf_strerror(file) : "the data ends";
    if (intake->n_taken == 0 && (info.frames > 0 || sf_error(file)))
        code = csi_fail(err, CS_EAUDIO, 0, "%s: nothing can be decoded, expected %lld samples (libsndfile: %s)",
                        intake->name, (long long)info.frames, reason);
    else if (sf_error(file) || (info.frames < SF_COUNT_MAX && intake->n_taken < (uint64_t)info.frames))
        csi_intake_warn(intake, "%s: breaks off after %.2f s (libsndfile: %s); what was read before is used",
                        intake->name, (double)intake->n_taken / info.samplerate, reason);
done:
    csi_free(intake->env, piece);
    sf_close(file);
    return code;
}

#else

cs_err csi_decode_sndfile(csi_intake *intake, const uint8_t *data, size_t size, csi_refusal *refusal, cs_error *err)
{
    (void)intake, (void)data, (void)size, (void)err;
    snprintf(refusal->text, sizeof refusal->text, "not in this build");
    return CS_OK;
}

#endif
