# SPDX-License-Identifier: MIT
"""NeMo's classes of models, each with the arguments that it has there, in their order.

`import ctrlspeak.nemo as nemo_asr` has them where NeMo has: `nemo_asr.models.ASRModel`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, Optional

from .._progress import Progress
from ..errors import ArgumentError
from ._config import MultiTaskTranscriptionConfig, TranscribeConfig, overridden
from ._hear import Call
from ._model import BY_FAMILY, CLASSES, ASRModel
from ._prompt import slots_of

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


class EncDecCTCModel(ASRModel):
    """CTC."""


class EncDecCTCModelBPE(EncDecCTCModel):
    """CTC over pieces of words."""


class EncDecRNNTModel(ASRModel):
    """RNN-T and TDT."""

    def transcribe(  # type: ignore[override]
        self,
        audio: Any,
        use_lhotse: bool = True,
        batch_size: int = 4,
        return_hypotheses: bool = False,
        partial_hypothesis: Optional[list[Any]] = None,
        num_workers: int = 0,
        channel_selector: Any = None,
        augmentor: Any = None,
        verbose: bool = True,
        timestamps: Optional[bool] = None,
        override_config: Any = None,
        *,
        progress: Progress = None,
        errors: Literal["raise", "return"] = "raise",
    ) -> list[Any]:
        """As ASRModel.transcribe(). partial_hypothesis: None."""
        config = TranscribeConfig(
            use_lhotse,
            batch_size,
            return_hypotheses,
            num_workers,
            channel_selector,
            augmentor,
            timestamps,
            verbose,
            partial_hypothesis,
        )
        return self._run(audio, overridden(config, override_config), progress, errors)


class EncDecRNNTBPEModel(EncDecRNNTModel):
    """RNN-T and TDT over pieces of words."""


class EncDecHybridRNNTCTCModel(EncDecRNNTModel):
    """RNN-T or TDT, and CTC."""

    def transcribe(  # type: ignore[override]
        self,
        audio: Any,
        batch_size: int = 4,
        return_hypotheses: bool = False,
        partial_hypothesis: Optional[list[Any]] = None,
        num_workers: int = 0,
        channel_selector: Any = None,
        augmentor: Any = None,
        verbose: bool = True,
        timestamps: Optional[bool] = None,
        override_config: Any = None,
        *,
        use_lhotse: bool = True,
        progress: Progress = None,
        errors: Literal["raise", "return"] = "raise",
    ) -> list[Any]:
        """As ASRModel.transcribe(). partial_hypothesis: None."""
        return super().transcribe(
            audio,
            use_lhotse,
            batch_size,
            return_hypotheses,
            partial_hypothesis,
            num_workers,
            channel_selector,
            augmentor,
            verbose,
            timestamps,
            override_config,
            progress=progress,
            errors=errors,
        )

    def change_decoding_strategy(  # type: ignore[override]
        self, decoding_cfg: Any = None, decoder_type: Optional[str] = None, verbose: bool = True
    ) -> None:
        """As ASRModel's. decoder_type: "rnnt" (the transducer, TDT too; also None) or "ctc": the head from now on."""
        if decoder_type not in (None, "rnnt", "ctc"):
            raise ArgumentError(f"{decoder_type!r}, expected rnnt or ctc", argument="decoder_type")
        kept = self.cur_decoder
        self.cur_decoder = "ctc" if decoder_type == "ctc" else "rnnt"
        try:
            self._decode(decoding_cfg, self.cfg.aux_ctc if decoder_type == "ctc" else self.cfg)
        except Exception:
            self.cur_decoder = kept
            raise


class EncDecHybridRNNTCTCBPEModel(EncDecHybridRNNTCTCModel):
    """RNN-T or TDT, and CTC, over pieces of words."""


class EncDecMultiTaskModel(ASRModel):
    """Canary."""

    def transcribe(
        self,
        audio: Any,
        batch_size: int = 4,
        return_hypotheses: bool = False,
        num_workers: int = 0,
        channel_selector: Any = None,
        augmentor: Any = None,
        verbose: bool = True,
        timestamps: Optional[bool] = None,
        override_config: Any = None,
        *,
        use_lhotse: bool = True,
        progress: Progress = None,
        errors: Literal["raise", "return"] = "raise",
        chunking: Optional[bool] = None,
        **prompt: Any,
    ) -> list[Any]:
        """As ASRModel.transcribe(), and:

        prompt     slots: source_lang, target_lang, task, pnc, itn, timestamp, diarize, decodercontext, emotion; or role and slots;
                   or turns. The fields of a manifest's line win
        chunking   recordings of 40 s and more in overlapping chunks. None: as NeMo, models with an aligner alone, but of every
                   recording of a batch; True: every model; False: none
        """
        config = overridden(
            MultiTaskTranscriptionConfig(
                use_lhotse, batch_size, return_hypotheses, num_workers, channel_selector, augmentor, timestamps, verbose, prompt=prompt
            ),
            override_config,
        )
        if chunking is not None and isinstance(config, MultiTaskTranscriptionConfig):
            config.chunking = chunking
        return self._run(audio, config, progress, errors)

    @classmethod
    def get_transcribe_config(cls) -> MultiTaskTranscriptionConfig:
        return MultiTaskTranscriptionConfig()

    def _call(self, config: TranscribeConfig) -> Call:
        call = super()._call(config)
        if call.timestamps is None and call.settings.compute_timestamps:
            call = replace(call, timestamps=True)
        prompt = getattr(config, "prompt", None) or {}
        slots = slots_of(prompt if isinstance(prompt, dict) else {"turns": list(prompt)})
        options = {**call.options, "repeat_guard": 0, "raw_punctuation_spacing": True}
        chunking = getattr(config, "chunking", None)
        if chunking is None:
            chunking = call.settings.aligner and getattr(config, "enable_chunking", True)
        options["chunking"] = bool(chunking)
        return replace(call, options=options, prompt_format=self.info.prompt_format, slots=slots)


CLASSES.update(
    (kind.__name__, kind)
    for kind in (
        EncDecCTCModel,
        EncDecCTCModelBPE,
        EncDecRNNTModel,
        EncDecRNNTBPEModel,
        EncDecHybridRNNTCTCModel,
        EncDecHybridRNNTCTCBPEModel,
        EncDecMultiTaskModel,
    )
)
BY_FAMILY.update(
    ctc=EncDecCTCModel,
    rnnt=EncDecRNNTModel,
    tdt=EncDecRNNTModel,
    rnnt_ctc=EncDecHybridRNNTCTCModel,
    tdt_ctc=EncDecHybridRNNTCTCModel,
    aed=EncDecMultiTaskModel,
)
