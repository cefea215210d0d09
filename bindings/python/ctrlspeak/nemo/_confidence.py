# SPDX-License-Identifier: MIT
"""Confidence of each frame of a CTC model, which the library does not keep: the measures of docs/MODEL.md over log-probabilities.

Source: NeMo nemo/collections/asr/parts/utils/asr_confidence_utils.py: get_confidence_measure_bank
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def frame_confidence(scores: Any, measure: str, alpha: float) -> Any:
    """scores (frames, classes), log-probabilities; measure as the option `confidence`. Returns float32 (frames,)."""
    x = np.nan_to_num(np.asarray(scores, np.float32))
    v, a = float(x.shape[1]), alpha
    if measure == "max_prob":
        best = np.exp(x.max(-1) * a)
        return ((best * v**a - 1) / (v**a - 1)).astype(np.float32)
    entropy, norm = measure.split("_")
    if a == 1.0:  # all three are Shannon's
        shannon = (np.exp(x) * x).sum(-1)
        return (
            np.float32(1) + shannon / np.float32(math.log(v)) if norm == "lin" else ((np.exp(shannon) * v - 1) / (v - 1)).astype(np.float32)
        )
    powers = np.exp(x * np.float32(a))
    total = powers.sum(-1)
    if entropy == "gibbs":
        mean = (powers * x).sum(-1)
        least = v ** (-a * v ** (1 - a))
        made = 1 + mean / math.log(v) / v ** (1 - a) if norm == "lin" else (np.exp(mean * a) - least) / (1 - least)
    elif entropy == "tsallis":
        least = math.exp((1 - v ** (1 - a)) / (1 - a))
        made = 1 + (1 - total) / (v ** (1 - a) - 1) if norm == "lin" else (np.exp((1 - total) / (1 - a)) - least) / (1 - least)
    else:
        made = 1 + np.log2(total) / (a - 1) / math.log2(v) if norm == "lin" else (total ** (1 / (a - 1)) * v - 1) / (v - 1)
    return made.astype(np.float32)
