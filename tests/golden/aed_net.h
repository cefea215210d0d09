/* SPDX-License-Identifier: MIT
 * Canary's networks opened by themselves, and one recording or line of tokens through them. */
#ifndef AED_NET_H
#define AED_NET_H

#include "engine/engine.h"
#include "golden_data.h"

typedef struct aed_net {
    cs_model model; /* of it only what the networks and the packing of weights need */
    csi_aed aed;    /* of an aligner: all zero, and model.ctc is there */
    csi_run run;
    csi_floats scratch;
} aed_net;

/* cpu_path NULL: the best. threads 1 or more. On an error everything is given back. */
cs_err aed_net_open(aed_net *net, const char *path, cs_precision precision, const char *cpu_path, int threads,
                    cs_error *err);
/* The aligner inside net's archive, which must outlive it: encoder and CTC head, in f32, on the best path and one thread. */
cs_err aed_net_open_aligner(aed_net *aligner, const aed_net *net, cs_error *err);
void aed_net_close(aed_net *net);

/* One recording, as far as the decoder does not matter. */
typedef struct aed_clip {
    int64_t n_frames;
    csi_floats work, memory, cross;       /* of the encoder; of the states; of their keys and values */
    const float *encoder, *states;        /* panels */
    float *encoder_frames, *state_frames; /* (T, D), (T, H) */
} aed_clip;

/* The samples of a case as NeMo's loader gives them (a second at least), n of them; free() them. */
float *aed_samples(const golden_data *data, const json_t *one, size_t *n);
cs_err aed_clip_make(aed_net *net, aed_clip *clip, const float *pcm, size_t n_samples, cs_error *err);
void aed_clip_free(aed_clip *clip);

/* A cache for it, with the clip's keys and values in it; csi_free() *memory. */
cs_err aed_cache_make(aed_net *net, aed_clip *clip, const csi_aed_room *room, csi_aed_cache *cache, float **memory,
                      cs_error *err);

#endif
