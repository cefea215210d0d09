# SPDX-License-Identifier: MIT
"""Models with NeMo's calls, over Model and Session.

Options belong to the call: timestamps=True of one call changes no other, in this thread or another. What change_decoding_strategy()
and change_attention_model() set stays until the next change, as in NeMo.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

import numpy as np

from .._progress import Progress, shown
from ..errors import ArgumentError, FileError
from ..model import Model, ModelInfo
from ._config import TranscribeConfig, checked_batch_size, overridden
from ._hear import Call, hear, raise_failed
from ._inputs import is_manifest, items_of
from ._prompt import choice
from ._settings import Config, Settings, default_config, read_settings
from .errors import must_be_none, refuse

if TYPE_CHECKING:
    from typing_extensions import Self

# models.py fills them: NeMo's class by name; one for each family of an archive whose class is another
CLASSES: dict[str, type[ASRModel]] = {}
BY_FAMILY: dict[str, type[ASRModel]] = {}


class _Encoder:
    def __init__(self, model: ASRModel) -> None:
        self._model = model

    def set_default_att_context_size(self, att_context_size: Any) -> None:
        self._model.change_attention_model(att_context_size=att_context_size)


class ASRModel:
    """A model that is open: restore_from() or from_pretrained()."""

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
        kind = CLASSES.get(model.info.nemo_class) or BY_FAMILY[model.info.family]
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

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r} here: docs/FROM-NEMO.md has what there is of NeMo")

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
        """Another attention context: [left, right], or [left, chunk, right].

        self_attention_model   "rel_pos_local_attn": a band, of models with full or local attention (memory of long recordings is
                               then limited); "rel_pos": the file's own, or no limit of one with local attention; None: as it is
        """
        kept = self._model.info.attention
        banded = kept.startswith(("full", "limited", "local"))
        if self_attention_model not in (None, "rel_pos", *(["rel_pos_local_attn"] if banded else [])):
            expected = "rel_pos, rel_pos_local_attn or None" if banded else "rel_pos or None"
            raise refuse("self_attention_model", self_attention_model, f"the model's attention is {kept}; expected {expected}")
        if att_context_size is None and self_attention_model == "rel_pos":
            att_context_size = (-1, -1) if kept.startswith("local") else None
            self._attention = None
        if att_context_size is None:
            return
        wanted: Any = tuple(att_context_size)
        if self_attention_model == "rel_pos_local_attn" and max(wanted, default=0) <= 0:
            raise ArgumentError(f"{list(wanted)}, expected a band of at least one frame", argument="att_context_size")
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
        return self._run(audio, overridden(config, override_config), progress, errors)

    def transcribe_generator(self, audio: Any, override_config: Any = None) -> Iterator[list[Any]]:
        """transcribe(), a list of batch_size results at a time; BatchError at the end when some have failed."""
        config = overridden(self.get_transcribe_config(), override_config)
        items = items_of(audio, config.channel_selector)
        found: list[Any] = []
        size, call = checked_batch_size(config), self._call(config)
        for at in range(0, len(items), size):
            bar = shown(None, config.verbose)
            try:
                batch = hear(self._model, call, items[at : at + size], bar, first=at)
            finally:
                if bar is not None:
                    bar.close()
            found += batch
            yield batch
        raise_failed(found)

    @classmethod
    def get_transcribe_config(cls) -> TranscribeConfig:
        return TranscribeConfig()

    def _run(self, audio: Any, config: TranscribeConfig, progress: Progress, errors: str) -> list[Any]:
        if errors not in ("raise", "return"):
            raise ArgumentError(f'{errors!r}, expected "raise" or "return"', argument="errors")
        checked_batch_size(config)
        call, items = self._call(config), items_of(audio, config.channel_selector)
        bar = shown(progress, config.verbose)
        try:
            found = hear(self._model, call, items, bar, single=not isinstance(audio, (list, tuple)) and not is_manifest(audio))
        finally:
            if bar is not None:
                bar.close()
        if errors == "raise":
            raise_failed(found)
        return found

    def _call(self, config: TranscribeConfig) -> Call:
        must_be_none(augmentor=config.augmentor or None, partial_hypothesis=config.partial_hypothesis)
        settings = self._settings
        times = config.timestamps
        if times is not None and not isinstance(times, bool):
            times = choice("timestamp", times)
        options: dict[str, Any] = {"head": self._head(), **settings.options}
        if self._attention is not None:
            options["att_context"] = self._attention
        full = bool(times) or config.return_hypotheses
        return Call(settings, options, full, times, "", {})


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
