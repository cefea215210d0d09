# SPDX-License-Identifier: MIT
"""ctrlspeak: NVIDIA's Parakeet and Canary speech models from Python.

import ctrlspeak

with ctrlspeak.Model.open("parakeet-tdt-0.6b-v3.nemo") as model:
    result = model.transcribe("talk.flac")
    print(result)
    for word in result.words:
        print(word.start_seconds, word.text)
"""

from __future__ import annotations

from ._options import Options
from .audio import Decoded, read_audio
from .errors import (
    ArgumentError,
    AudioError,
    BatchError,
    Cancelled,
    Error,
    FileError,
    ModelError,
    OutOfMemoryError,
    ResourceError,
    UnsupportedError,
)
from .model import Model, ModelInfo, Session, Tensor
from .result import Alternative, Result, Segment, Token, Word

__all__ = [
    "Alternative",
    "ArgumentError",
    "AudioError",
    "BatchError",
    "Cancelled",
    "Decoded",
    "Error",
    "FileError",
    "Model",
    "ModelError",
    "ModelInfo",
    "Options",
    "OutOfMemoryError",
    "ResourceError",
    "Result",
    "Segment",
    "Session",
    "Tensor",
    "Token",
    "UnsupportedError",
    "Word",
    "read_audio",
]

__version__ = "0.1.0"  # the library itself is loaded when first needed
