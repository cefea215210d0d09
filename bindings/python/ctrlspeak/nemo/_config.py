# SPDX-License-Identifier: MIT
"""The arguments of transcribe() as one object.

Source: NeMo nemo/collections/asr/parts/mixins/transcription.py, nemo/collections/asr/models/aed_multitask_models.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Optional

from ..errors import ArgumentError


@dataclass
class TranscribeConfig:
    """NeMo's: the arguments of transcribe() as one object, for override_config."""

    use_lhotse: bool = True
    batch_size: int = 4
    return_hypotheses: bool = False
    num_workers: Optional[int] = None
    channel_selector: Any = None
    augmentor: Any = None
    timestamps: Optional[bool] = None
    verbose: bool = True
    partial_hypothesis: Optional[list[Any]] = None
    _internal: Any = None


@dataclass
class MultiTaskTranscriptionConfig(TranscribeConfig):
    """NeMo's, for Canary. prompt: a dict of slots or a list of one turn; enable_chunking False: in one pass, however long."""

    prompt: Any = None
    text_field: str = "answer"
    lang_field: str = "target_lang"
    enable_chunking: bool = True
    chunking: Optional[bool] = None  # ours: of EncDecMultiTaskModel.transcribe()


def overridden(config: TranscribeConfig, override: Any) -> TranscribeConfig:
    """override_config's fields win, whoever's class it is; timestamps are taken from either."""
    if override is None:
        return config
    if not hasattr(override, "_internal"):
        raise ArgumentError(f"a {type(override).__name__}, expected a TranscribeConfig", argument="override_config")
    kind = (
        MultiTaskTranscriptionConfig
        if hasattr(override, "prompt") or isinstance(config, MultiTaskTranscriptionConfig)
        else TranscribeConfig
    )
    fields = {name: getattr(override, name) for name in kind.__dataclass_fields__ if hasattr(override, name)}
    made_of = kind(**fields)
    return replace(made_of, timestamps=config.timestamps if config.timestamps is not None else made_of.timestamps)


def checked_batch_size(config: TranscribeConfig) -> int:
    size = config.batch_size
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ArgumentError(f"{size!r}, expected 1 or more", argument="batch_size")
    return size
