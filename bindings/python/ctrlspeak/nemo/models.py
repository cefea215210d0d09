# SPDX-License-Identifier: MIT
"""NeMo's classes of models, where NeMo has them: `import ctrlspeak.nemo as nemo_asr; nemo_asr.models.ASRModel`."""

from ._model import (
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
    "EncDecCTCModel",
    "EncDecCTCModelBPE",
    "EncDecHybridRNNTCTCBPEModel",
    "EncDecHybridRNNTCTCModel",
    "EncDecMultiTaskModel",
    "EncDecRNNTBPEModel",
    "EncDecRNNTModel",
]
