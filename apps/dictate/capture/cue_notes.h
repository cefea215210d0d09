/* SPDX-License-Identifier: MIT
 * What the cues are made of, for the file that makes them and the one that takes them out again. */
#ifndef DICTATE_CUE_NOTES_H
#define DICTATE_CUE_NOTES_H

#include "dictate/capture/cue.h"

typedef struct cue_note {
    float hz; /* with a quiet octave above */
    int32_t from_ms, length_ms;
} cue_note;

enum { CUE_NOTES = 2, CUE_RISE_MS = 12 };
extern const cue_note cue_notes[N_CUES][CUE_NOTES];

#endif
