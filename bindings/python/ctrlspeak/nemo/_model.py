# SPDX-License-Identifier: MIT
"""Models with NeMo's calls, over Model and Session.

Options belong to the call: timestamps=True of one call changes no other, in this thread or another. What change_decoding_strategy()
and change_attention_model() set stays until the next change, as in NeMo.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

import numpy as np

from .._batch import WINDOW_ITEMS
from .._progress import Progress, shown
from ..errors import ArgumentError, BatchError, Error, FileError, UnsupportedError
from ..model import Model, ModelInfo, Session
from ._hypothesis import Hypothesis, failed, made
from ._inputs import Item, ItemIntake, frames_hook, items_of
from ._prompt import SLOTS, choice, options_of, slots_of
from ._settings import Config, Settings, default_config, read_settings
from .errors import must_be_none, refuse

if TYPE_CHECKING:
    from typing_extensions import Self

Found = Union[Hypothesis, list[Hypothesis]]


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


@dataclass(frozen=True)
class _Call:
    """One call: its settings, and what is the same for all its recordings."""

    settings: Settings
    options: dict[str, Any]
    full: bool
    timestamps: Optional[bool]
    prompt_format: str
    slots: dict[str, Any]

    def options_for(self, item: Item) -> dict[str, Any]:
        if not self.prompt_format:
            return self.options
        line = {name: value for name, value in item.line.items() if name in _LINE_SLOTS and value is not None}
        slots = {**self.slots, **line}
        if self.timestamps is not None:
            slots["timestamp"] = self.timestamps
        return {**self.options, **options_of(slots, self.prompt_format)}


_LINE_SLOTS = tuple(name for name in SLOTS if name != "prompt_language")


class _Parts:
    """Progress over several calls of the library as one."""

    def __init__(self, bar: Any, n_items: int) -> None:
        self.bar, self.n_items, self.n_done, self.n_now = bar, n_items, 0, 0
        self.before = self.last = 0.0

    def begin(self, n: int) -> None:
        self.before, self.last = self.before + self.last, 0.0
        self.n_done, self.n_now = self.n_done + self.n_now, n

    def __call__(self, done: float, total: float) -> None:
        self.last = total
        known = self.before + total
        self.bar(self.before + done, known * self.n_items / max(self.n_done + self.n_now, 1))


class _Encoder:
    def __init__(self, model: ASRModel) -> None:
        self._model = model

    def set_default_att_context_size(self, att_context_size: Any) -> None:
        self._model.change_attention_model(att_context_size=att_context_size)


class ASRModel:
    """A model that is open: restore_from() or from_pretrained()."""

    _takes_partial = False

    def __init__(self, model: Model) -> None:
        self._model = model
        info = model.info
        self._settings = Settings(frame_seconds=info.frame_seconds, aligner=info.times == "aligner")
        self._attention: Optional[tuple[int, ...]] = None
        decoding = default_config(self._head())
        self.cfg = Config(
            target=info.nemo_class,
            sample_rate=info.sample_rate_hz,
            preprocessor=Config(sample_rate=info.sample_rate_hz, window_stride=info.frame_seconds / info.subsampling_factor),
            encoder=Config(d_model=info.d_model, n_layers=info.n_layers, subsampling_factor=info.subsampling_factor),
            decoding=decoding,
        )
        if len(info.heads) > 1:
            self.cfg.aux_ctc = Config(decoding=default_config("ctc"))
            self.cur_decoder = "rnnt"

    # ------------------------------------------------------------ opening

    @classmethod
    def restore_from(
        cls,
        restore_path: Union[str, os.PathLike[str]],
        override_config_path: Any = None,
        map_location: Any = None,
        strict: bool = True,
        return_config: bool = False,
        save_restore_connector: Any = None,
        trainer: Any = None,
        validate_access_integrity: bool = True,
        *,
        precision: str = "f32",
        **options: Any,
    ) -> ASRModel:
        """Open a .nemo file, as the class of model that it holds.

        map_location   None or the CPU
        strict, validate_access_integrity    the file is always checked whole
        precision      "f32" gives NeMo's results; "auto", "int8", "bf16" are faster: ctrlspeak.Model
        options        the others of ctrlspeak.Model: threads, cpu, cache, log
        """
        must_be_none(override_config_path=override_config_path, save_restore_connector=save_restore_connector, trainer=trainer)
        if return_config:
            raise refuse("return_config", return_config, "model.cfg has what is known of it")
        _check_device("map_location", map_location)
        model = Model(restore_path, precision=precision, **options)
        kind = _CLASSES.get(model.info.nemo_class) or _BY_FAMILY[model.info.family]
        if not issubclass(kind, cls):
            name = model.info.nemo_class
            model.close()
            raise ArgumentError(
                f"{os.fspath(restore_path)} holds a model of the class {name}, expected {cls.__name__}", argument="restore_path"
            )
        return kind(model)

    @classmethod
    def from_pretrained(
        cls,
        model_name: str,
        refresh_cache: bool = False,
        override_config_path: Any = None,
        map_location: Any = None,
        strict: bool = True,
        return_config: bool = False,
        trainer: Any = None,
        save_restore_connector: Any = None,
        return_model_file: bool = False,
        **options: Any,
    ) -> Any:
        """Open a model of the models folder by name: "parakeet-tdt-0.6b-v3", with or without "nvidia/" in front. Nothing is fetched."""
        if refresh_cache:
            raise refuse("refresh_cache", refresh_cache, "nothing is fetched here: ctrlspeak models get")
        path = find_model(model_name)
        if return_model_file:
            return str(path)
        return cls.restore_from(path, override_config_path, map_location, strict, return_config, save_restore_connector, trainer, **options)

    # ------------------------------------------------------------ what it is

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    @property
    def model(self) -> Model:
        """The model of the plain API."""
        return self._model

    @property
    def encoder(self) -> _Encoder:
        """What programs change of NeMo's encoder."""
        return _Encoder(self)

    @property
    def device(self) -> str:
        return "cpu"

    @property
    def training(self) -> bool:
        return False

    def _head(self) -> str:
        """The head that is current: "ctc", "rnnt", "tdt" or "aed"."""
        heads = self._model.info.heads
        if len(heads) > 1:
            return "ctc" if getattr(self, "cur_decoder", "rnnt") == "ctc" else next(head for head in heads if head != "ctc")
        return heads[0]

    def close(self) -> None:
        self._model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ctrlspeak.nemo.{type(self).__name__} {self.info.name}>"

    # ------------------------------------------------------------ torch's habits

    def eval(self) -> Self:
        """A model is always ready to transcribe."""
        return self

    def train(self, mode: bool = True) -> Self:
        if mode:
            raise refuse("mode", mode, "nothing is trained here")
        return self

    def freeze(self) -> None:
        """Weights never change."""

    def cpu(self) -> Self:
        return self

    def to(self, device: Any = None, *_: Any, **more: Any) -> Self:
        """The CPU is where a model is. A dtype is chosen when it is opened: precision."""
        if _ or more:
            raise refuse("dtype", _ or more, "precision= of restore_from() chooses one")
        _check_device("device", device)
        return self

    def cuda(self, device: Any = None) -> Self:
        raise refuse("device", device or "cuda", "expected the CPU")

    # ------------------------------------------------------------ decoding

    def change_decoding_strategy(self, decoding_cfg: Any = None, verbose: bool = True) -> None:
        """Decode otherwise from now on. decoding_cfg: a dict, OmegaConf's, a dataclass; None: as the file says. Keys: docs/FROM-NEMO.md.

        verbose   taken; nothing is logged
        """
        self._decode(decoding_cfg, self.cfg)

    def _decode(self, decoding_cfg: Any, holder: Config) -> None:
        head = self._head()
        base = Settings(frame_seconds=self.info.frame_seconds, aligner=self.info.times == "aligner")
        config = default_config(head) if decoding_cfg is None else decoding_cfg
        self._settings = read_settings(config, base, head)
        holder.decoding = config

    def change_attention_model(
        self, self_attention_model: Optional[str] = None, att_context_size: Any = None, update_config: bool = True
    ) -> None:
        """Another attention context, of those that the model was trained for: [left, right], or [left, chunk, right].

        self_attention_model   None or "rel_pos": the kind stays the file's
        """
        kept = self._model.info.attention
        same = "rel_pos_local_attn" if kept.startswith("local") else "rel_pos"
        if self_attention_model not in (None, same):
            raise refuse("self_attention_model", self_attention_model, f"the kind is the file's, {kept}; expected {same} or None")
        if att_context_size is None:
            return
        wanted: Any = tuple(att_context_size)
        self._model.transcribe(np.empty(0, np.float32), att_context=wanted, progress=False)  # the library knows which it has
        self._attention = wanted

    def change_subsampling_conv_chunking_factor(self, subsampling_conv_chunking_factor: int) -> None:
        """Any: the engine's memory does not depend on it."""

    # ------------------------------------------------------------ transcribing

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
    ) -> list[Any]:
        """One Hypothesis per recording, in their order.

        audio               a path, an array, a manifest, or a list of these: ctrlspeak.nemo._inputs says which
        batch_size          how many transcribe_generator() yields at a time; which are heard together is the engine's choice and
                            changes no result
        return_hypotheses   with scores of frames, times of tokens, confidences
        num_workers         taken: files are decoded by the call itself, no process is started
        use_lhotse          taken: there is one loader
        channel_selector    of files: a number, "average" (and None), or the name of a field of the manifest
        verbose             False: no bar
        timestamps          True: Hypothesis.timestamp has times, of this call alone; None: as change_decoding_strategy() says
        override_config     a TranscribeConfig: its fields win; of timestamps either
        progress            as in Model.transcribe(): a function, tqdm.tqdm, False
        errors              "raise": when all is done, BatchError with every result; "return": a Hypothesis with an empty text and
                            the Error as its .error
        """
        config = TranscribeConfig(use_lhotse, batch_size, return_hypotheses, num_workers, channel_selector, augmentor, timestamps, verbose)
        return self._run(audio, _overridden(config, override_config), progress, errors)

    def transcribe_generator(self, audio: Any, override_config: Any = None) -> Iterator[list[Any]]:
        """transcribe(), a list of batch_size results at a time; BatchError at the end when some have failed."""
        config = _overridden(self.get_transcribe_config(), override_config)
        items = items_of(audio, config.channel_selector)
        found: list[Any] = []
        for at in range(0, len(items), config.batch_size):
            batch = self._hear(items[at : at + config.batch_size], config, None, first=at)
            found += batch
            yield batch
        _raise_failed(found)

    @classmethod
    def get_transcribe_config(cls) -> TranscribeConfig:
        return TranscribeConfig()

    def _run(self, audio: Any, config: TranscribeConfig, progress: Progress, errors: str) -> list[Any]:
        if errors not in ("raise", "return"):
            raise ArgumentError(f'{errors!r}, expected "raise" or "return"', argument="errors")
        single = not isinstance(audio, (list, tuple)) and not (isinstance(audio, str) and audio.endswith((".json", ".jsonl")))
        found = self._hear(items_of(audio, config.channel_selector), config, progress, single=single)
        if errors == "raise":
            _raise_failed(found)
        return found

    def _call(self, config: TranscribeConfig) -> _Call:
        must_be_none(augmentor=config.augmentor or None, partial_hypothesis=config.partial_hypothesis)
        settings = self._settings
        times = config.timestamps
        if times is not None and not isinstance(times, bool):
            times = choice("timestamp", times)
        options: dict[str, Any] = {"head": self._head(), **settings.options}
        if self._attention is not None:
            options["att_context"] = self._attention
        full = bool(times) or config.return_hypotheses
        return _Call(settings, options, full, times, "", {})

    def _is_timed(self, call: _Call, options: dict[str, Any]) -> bool:
        """Is Hypothesis.timestamp a dict?"""
        if call.prompt_format:
            return bool(options.get("timestamps"))
        asked = call.settings.compute_timestamps or (call.settings.confidence.frame and call.options["head"] == "ctc")
        return bool(call.timestamps) or (call.timestamps is None and call.full and asked)

    def _hear(self, items: list[Item], config: TranscribeConfig, progress: Progress, *, single: bool = False, first: int = 0) -> list[Any]:
        """A Hypothesis per item, those that failed included. first: the position of the first item in the caller's list."""
        if isinstance(config.batch_size, bool) or not isinstance(config.batch_size, int) or config.batch_size < 1:
            raise ArgumentError(f"{config.batch_size!r}, expected 1 or more", argument="batch_size")
        call = self._call(config)
        found: list[Any] = [None] * len(items)
        groups: dict[str, tuple[dict[str, Any], list[int]]] = {}
        for i, item in enumerate(items):  # recordings with the same options are heard together
            try:
                options = call.options_for(item)
            except Error as failure:
                if not item.line:
                    raise
                failure.message, failure.position = f"{failure.argument}: {failure.message}", first + i
                failure.argument = "audio"
                found[i] = failed(failure)
                continue
            groups.setdefault(repr(sorted(options.items())), (options, []))[1].append(i)
        bar = shown(progress, config.verbose)
        parts = _Parts(bar, sum(len(members) for _, members in groups.values())) if bar is not None else None
        try:
            with Session(self._model) as session:
                for options, members in groups.values():
                    if parts is not None:
                        parts.begin(len(members))
                    try:
                        self._hear_group(session, call, options, items, members, found, parts, single, first)
                    except (ArgumentError, UnsupportedError) as failure:  # of options: of a line's, where it has some
                        if not any(items[i].line for i in members):
                            raise
                        _fail_rest(found, members, failure, first)
        finally:
            if bar is not None:
                bar.close()
        return found

    def _hear_group(
        self,
        session: Session,
        call: _Call,
        options: dict[str, Any],
        items: list[Item],
        members: list[int],
        found: list[Any],
        parts: Optional[_Parts],
        single: bool,
        first: int,
    ) -> None:
        scores: list[Any] = []
        wants_scores = call.full and call.options["head"] == "ctc"
        given = {**options, "tensor": frames_hook(scores)} if wants_scores else options
        timed = self._is_timed(call, options)

        def keep(k: int, outcome: Any) -> None:
            i = members[k]
            if isinstance(outcome, Error):
                if not single:
                    outcome.position = first + i
                found[i] = failed(outcome)
                return
            own = scores.pop() if scores else np.empty((0, self._model.info.vocab_size + 1), np.float32)
            h = made(outcome, call.settings, full=call.full, timed=timed, scores=own)
            found[i] = _lines(h) if call.settings.n_best else h

        intake = ItemIntake(self._model.info.sample_rate_hz, None, None, None)
        session._transcribe(
            [items[i] for i in members],
            intake,
            given,
            parts if parts is not None else False,
            single=single,
            on_item=keep,
            window_items=1 if wants_scores else WINDOW_ITEMS,
        )


def _fail_rest(found: list[Any], members: list[int], failure: Error, first: int) -> None:
    for i in members:
        if found[i] is None:
            own = copy.copy(failure)
            own.argument, own.position = "audio", first + i
            found[i] = failed(own)


def _lines(best: Hypothesis) -> list[Hypothesis]:
    """The lines of a beam search, in NeMo's order."""
    result = best.result
    if result is None or not result.alternatives:
        return [best]
    return [
        Hypothesis(score=line.score, y_sequence=np.array(line.ids, np.int64), text=line.text, length=best.length)
        for line in result.alternatives
    ]


def _overridden(config: TranscribeConfig, override: Any) -> TranscribeConfig:
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


def _raise_failed(found: list[Any]) -> None:
    wrong = [h.error for h in found if isinstance(h, Hypothesis) and h.error is not None]
    if not wrong:
        return
    if len(found) == 1 and wrong[0].position is None:
        raise wrong[0]
    rest = f", and {len(wrong) - 1} more failed" if len(wrong) > 1 else ""
    results: list[Any] = [h.error if isinstance(h, Hypothesis) and h.error is not None else h for h in found]
    raise BatchError(f"{wrong[0]}{rest}, of {len(found)} recordings", results) from wrong[0]


def _check_device(argument: str, device: Any) -> None:
    if device is not None and not str(device).startswith("cpu"):
        raise refuse(argument, device, "expected the CPU or None")


def find_model(name: str) -> Path:
    """A model's file in the models folder. FileError when there is none."""
    if not isinstance(name, str) or not name:
        raise ArgumentError(f"{name!r}, expected the name of a model", argument="model_name")
    home = os.environ.get("XDG_DATA_HOME", "")
    if not os.path.isabs(home):
        home = os.path.join(os.path.expanduser("~"), ".local", "share")
    folder = Path(home, "ctrlspeak", "models")
    plain_name = name.rsplit("/", 1)[-1]
    file = plain_name if plain_name.endswith(".nemo") else f"{plain_name}.nemo"
    path = folder / file
    if not path.is_file():
        raise FileError(f"no model {name!r}: expected {path}, which 'ctrlspeak models get' or a copy puts there", argument="model_name")
    return path


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
        return self._run(audio, _overridden(config, override_config), progress, errors)


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
        config = _overridden(
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

    def _call(self, config: TranscribeConfig) -> _Call:
        call = super()._call(config)
        prompt = getattr(config, "prompt", None) or {}
        slots = slots_of(prompt if isinstance(prompt, dict) else {"turns": list(prompt)})
        options = {**call.options, "repeat_guard": 0, "raw_punctuation_spacing": True}
        chunking = getattr(config, "chunking", None)
        if chunking is None:
            chunking = call.settings.aligner and getattr(config, "enable_chunking", True)
        options["chunking"] = bool(chunking)
        return replace(call, options=options, prompt_format=self.info.prompt_format, slots=slots)


_CLASSES: dict[str, type[ASRModel]] = {
    kind.__name__: kind
    for kind in (
        EncDecCTCModel,
        EncDecCTCModelBPE,
        EncDecRNNTModel,
        EncDecRNNTBPEModel,
        EncDecHybridRNNTCTCModel,
        EncDecHybridRNNTCTCBPEModel,
        EncDecMultiTaskModel,
    )
}
_BY_FAMILY: dict[str, type[ASRModel]] = {
    "ctc": EncDecCTCModel,
    "rnnt": EncDecRNNTModel,
    "tdt": EncDecRNNTModel,
    "rnnt_ctc": EncDecHybridRNNTCTCModel,
    "tdt_ctc": EncDecHybridRNNTCTCModel,
    "aed": EncDecMultiTaskModel,
}
