# SPDX-License-Identifier: MIT
"""NeMo's call, without NeMo: docs/FROM-NEMO.md.

from ctrlspeak.nemo import ASRModel

model = ASRModel.restore_from("parakeet-tdt-0.6b-v3.nemo")
for hypothesis in model.transcribe(["one.wav", "two.wav"], timestamps=True):
    print(hypothesis.text, hypothesis.timestamp["word"])
"""

from __future__ import annotations

from . import models
from ._config import MultiTaskTranscriptionConfig, TranscribeConfig
from ._hypothesis import Hypothesis
from ._settings import Config
from .errors import NotSupported
from .models import (
    ASRModel,
    EncDecCTCModel,
    EncDecCTCModelBPE,
    EncDecHybridRNNTCTCBPEModel,
    EncDecHybridRNNTCTCModel,
    EncDecMultiTaskModel,
    EncDecRNNTBPEModel,
    EncDecRNNTModel,
)

__all__ = [
    "ASRModel",
    "Config",
    "EncDecCTCModel",
    "EncDecCTCModelBPE",
    "EncDecHybridRNNTCTCBPEModel",
    "EncDecHybridRNNTCTCModel",
    "EncDecMultiTaskModel",
    "EncDecRNNTBPEModel",
    "EncDecRNNTModel",
    "Hypothesis",
    "MultiTaskTranscriptionConfig",
    "NotSupported",
    "TranscribeConfig",
    "models",
]
