/* SPDX-License-Identifier: MIT
 *
 * The models that NVIDIA publishes as far as this program has heard of them: what `models get` takes by name.
 *
 * Sizes are of the published file, or of its weights as f32, to three digits, and are shown and never checked. Digests
 * are those that we have seen ourselves; there is none yet, so that the one the server states counts. Licences and
 * languages are as on the models' cards. */
#ifndef APPS_MODELS_INDEX_H
#define APPS_MODELS_INDEX_H

#include <stddef.h>
#include <stdint.h>

typedef enum models_runs {
    MODELS_RUNS,
    MODELS_KEEPS,  /* a .nemo file that this version cannot run */
    MODELS_NO_FILE /* published, but not as .nemo */
} models_runs;

#define MODELS_25 "bg hr cs da nl en et fi fr de el hu it lv lt mt pl pt ro sk sl es sv ru uk"
#define MODELS_NV "NVIDIA Open Model License"

/* name (and repository), file without .nemo, family, size in MB (0: not known), languages, licence, runs */
#define MODELS_INDEX(X)                                                                                                \
    X("parakeet-tdt-0.6b-v3", "parakeet-tdt-0.6b-v3", "tdt", 2510, MODELS_25, "CC-BY-4.0", MODELS_RUNS)                \
    X("parakeet-tdt-0.6b-v2", "parakeet-tdt-0.6b-v2", "tdt", 2470, "en", "CC-BY-4.0", MODELS_RUNS)                     \
    X("parakeet-tdt-1.1b", "parakeet-tdt-1.1b", "tdt", 4280, "en", "CC-BY-4.0", MODELS_RUNS)                           \
    X("parakeet-tdt_ctc-110m", "parakeet-tdt_ctc-110m", "tdt_ctc", 459, "en", "CC-BY-4.0", MODELS_RUNS)                \
    X("parakeet-tdt_ctc-1.1b", "parakeet-tdt_ctc-1.1b", "tdt_ctc", 4290, "en", "CC-BY-4.0", MODELS_RUNS)               \
    X("parakeet-tdt_ctc-0.6b-ja", "parakeet-tdt_ctc-0.6b-ja", "tdt_ctc", 2490, "ja", "CC-BY-4.0", MODELS_RUNS)         \
    X("parakeet-ctc-0.6b", "parakeet-ctc-0.6b", "ctc", 2440, "en", "CC-BY-4.0", MODELS_RUNS)                           \
    X("parakeet-ctc-1.1b", "parakeet-ctc-1.1b", "ctc", 4250, "en", "CC-BY-4.0", MODELS_RUNS)                           \
    X("parakeet-ctc-0.6b-Vietnamese", "parakeet-ctc-0.6b-vi", "ctc", 0, "vi", "", MODELS_RUNS)                         \
    X("parakeet-rnnt-0.6b", "parakeet-rnnt-0.6b", "rnnt", 2470, "en", "CC-BY-4.0", MODELS_RUNS)                        \
    X("parakeet-rnnt-1.1b", "parakeet-rnnt-1.1b", "rnnt", 4280, "en", "CC-BY-4.0", MODELS_RUNS)                        \
    X("parakeet-unified-en-0.6b", "parakeet-unified-en-0.6b", "rnnt", 2470, "en", "CC-BY-4.0", MODELS_RUNS)            \
    X("parakeet_realtime_eou_120m-v1", "parakeet_realtime_eou_120m-v1", "rnnt", 460, "en", MODELS_NV, MODELS_RUNS)     \
    X("nemotron-speech-streaming-en-0.6b", "nemotron-speech-streaming-en-0.6b", "rnnt", 2470, "en", MODELS_NV,         \
      MODELS_RUNS)                                                                                                     \
    X("nemotron-3.5-asr-streaming-0.6b", "nemotron-3.5-asr-streaming-0.6b", "rnnt, with a language prompt", 2550,      \
      "40 locales", "OpenMDW-1.1", MODELS_KEEPS)                                                                       \
    X("multitalker-parakeet-streaming-0.6b-v1", "multitalker-parakeet-streaming-0.6b-v1", "rnnt, of several speakers", \
      2490, "en", MODELS_NV, MODELS_KEEPS)                                                                             \
    X("canary-1b", "canary-1b", "canary", 4070, "en de fr es", "CC-BY-NC-4.0", MODELS_RUNS)                            \
    X("canary-1b-flash", "canary-1b-flash", "canary", 3540, "en de fr es", "CC-BY-4.0", MODELS_RUNS)                   \
    X("canary-180m-flash", "canary-180m-flash", "canary", 737, "en de fr es", "CC-BY-4.0", MODELS_RUNS)                \
    X("canary-1b-v2", "canary-1b-v2", "canary", 6360, MODELS_25, "CC-BY-4.0", MODELS_RUNS)                             \
    X("canary-qwen-2.5b", "", "canary with a language model", 5100, "en", "CC-BY-4.0", MODELS_NO_FILE)

typedef struct models_entry {
    const char *name, *file, *family;
    int32_t megabytes;
    const char *languages, *licence;
    models_runs runs;
    const char *sha256; /* "" when none is known */
} models_entry;

/* The i-th, or NULL past the last. */
const models_entry *models_index_at(size_t i);
const models_entry *models_index_find(const char *name);
/* The name that looks most like this one; NULL when none does. */
const char *models_index_nearest(const char *name);
/* BASE/nvidia/NAME/resolve/main/FILE.nemo; base NULL: Hugging Face itself. To be freed; NULL: out of memory. */
char *models_index_url(const models_entry *entry, const char *base);

#endif
