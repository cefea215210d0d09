# SPDX-License-Identifier: MIT
"""Decoding configurations: NeMo's keys, each either done, harmless, or refused by name.

Settings are immutable: change_decoding_strategy() puts new ones in their place, and a call that runs keeps its own.

Source: NeMo nemo/collections/asr/parts/submodules/{rnnt,ctc,multitask}_decoding.py and parts/utils/asr_confidence_utils.py
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Callable, Optional

from .. import _header as h
from .._options import integer
from ..errors import ArgumentError
from .errors import refuse


class Config(dict[str, Any]):
    """A dict whose keys are attributes, as OmegaConf's; a key that is not there is None, and means: as the model's file says."""

    def __init__(self, **values: Any) -> None:
        super().__init__({name: Config(**value) if isinstance(value, dict) else value for name, value in values.items()})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __deepcopy__(self, _memo: Any) -> Config:
        return Config(**self)


@dataclasses.dataclass(frozen=True)
class Confidence:
    """confidence_cfg. measure, alpha and aggregate are the library's options."""

    frame: bool = False
    token: bool = False
    word: bool = False
    measure: str = "tsallis_exp"
    alpha: float = 0.33
    aggregate: str = "min"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a decoding configuration asks for. head: "" for the model's own."""

    head: str = ""
    frame_seconds: float = 0.08
    aligner: bool = False
    compute_timestamps: bool = False
    timestamp_type: str = "all"
    compute_langs: bool = True
    token_set: bool = False
    separators: Optional[tuple[str, ...]] = None
    gap: Optional[int] = None
    confidence: Confidence = Confidence()
    n_best: bool = False
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # of the library, from the configuration


def plain(value: Any) -> Any:
    """A configuration (a dict, OmegaConf's, a dataclass, NeMo's own) as dicts and values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(value[name]) for name in value}
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return value
    return [plain(part) for part in value]


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _argument(key: str) -> str:
    return f"decoding_cfg.{key}"


def _truth(key: str, value: Any) -> bool:
    if value is None or isinstance(value, (bool, int)):
        return bool(value)
    raise ArgumentError(f"a {type(value).__name__}, expected True, False or None", argument=_argument(key))


def _one_of(key: str, value: Any, words: Any) -> str:
    if isinstance(value, str) and value in words:
        return value
    raise ArgumentError(f"{value!r}, expected one of {', '.join(words)}", argument=_argument(key))


_ANY = object()

# Keys that change nothing here whatever they say: how NeMo does what it does, or what the archive alone can say.
_HARMLESS = {
    "model_type", "durations", "big_blank_durations", "fused_batch_size", "batch_dim_index", "tdt_include_token_duration",
    "greedy.loop_labels", "greedy.use_cuda_graph_decoder", "greedy.preserve_alignments", "greedy.preserve_frame_confidence",
    "greedy.preserve_token_confidence", "greedy.compute_timestamps", "greedy.tdt_include_token_duration",
    "greedy.confidence_method_cfg.temperature", "confidence_cfg.method_cfg.temperature",
    "greedy.allow_cuda_graphs",
    "beam.len_pen",  # NeMo's dataclass has it, 1.0, and nothing there reads it
}  # fmt: skip
# Keys of which one value is harmless.
_ONLY = {
    "word_seperator": " ",
    "word_separator": " ",
    "temperature": 1.0,
    "confidence_cfg.exclude_blank": True,
    "confidence_cfg.tdt_include_duration": False,
    "greedy.tdt_include_duration_confidence": False,
    "return_xattn_scores": False,
    "greedy.n_samples": 1,
    "beam.search_type": "default",
    "return_best_hypothesis": True,
    "strip_lang_tags": False,
}
_INSTEAD = {
    "strategy": "greedy search is what there is for this model, expected greedy or greedy_batch",
    "preserve_alignments": "alignments are kept of CTC models alone; times need none",
    "confidence_cfg.exclude_blank": "confidences of tokens are those of the tokens' own frames, expected True",
    "confidence_cfg.tdt_include_duration": "confidences are those of tokens, expected False",
    "temperature": "expected 1.0",
    "return_best_hypothesis": "it belongs into the section beam",
}


class _Reader:
    """One configuration, key by key."""

    def __init__(self, base: Settings, head: str) -> None:
        self.head = head
        self.made: dict[str, Any] = {}
        self.confidence: dict[str, Any] = {}
        self.method: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        self.base = base

    def read(self, config: Mapping[str, Any]) -> Settings:
        flat = dict(_flat(config))
        self._search(flat)
        for key, value in flat.items():
            self._key(key, value)
        c = self.confidence
        token = c.get("token", False) or c.get("word", False)
        asked = Confidence(
            frame=c.get("frame", False) or token,
            token=token,
            word=c.get("word", False),
            measure=self._measure(),
            alpha=self.method.get("alpha", 0.33),
            aggregate=c.get("aggregate", "min"),
        )
        if asked.frame:
            self.options.update(confidence=asked.measure, confidence_alpha=asked.alpha, confidence_aggregate=asked.aggregate)
        return dataclasses.replace(self.base, **self.made, confidence=asked, options=self.options)

    def _measure(self) -> str:
        if self.method.get("name", "entropy") == "max_prob":
            return "max_prob"
        return f"{self.method.get('entropy_type', 'tsallis')}_{self.method.get('entropy_norm', 'exp')}"

    def _search(self, flat: dict[str, Any]) -> None:
        """strategy, and the sections greedy and beam, of which only the chosen one's keys count."""
        strategy = flat.pop("strategy", None)
        if self.head != "aed":
            if strategy not in (None, "greedy", "greedy_batch"):
                raise refuse("decoding_cfg.strategy", strategy, _INSTEAD["strategy"])
            for key in [key for key in flat if key.startswith(("beam.", "wfst.")) or key in ("beam", "wfst")]:
                del flat[key]
            if self.head != "ctc":
                self._max_symbols(flat)
            return
        if strategy not in (None, "greedy", "greedy_batch", "beam"):
            raise refuse("decoding_cfg.strategy", strategy, "expected greedy, greedy_batch or beam")
        if strategy is not None:
            self.options["search"] = "beam" if strategy == "beam" else "greedy"
        chosen = "greedy." if strategy in ("greedy", "greedy_batch") else "beam."
        delta = flat.pop(f"{chosen}max_generation_delta", None)
        if delta is not None:
            self.options["max_generation_delta"] = integer(_argument(f"{chosen}max_generation_delta"), delta)
        if chosen == "beam.":
            self._beam(flat)
        for key in [key for key in flat if key.startswith("beam.") and chosen != "beam." or key.endswith(".max_generation_delta")]:
            del flat[key]

    def _beam(self, flat: dict[str, Any]) -> None:
        beams, penalty = flat.pop("beam.beam_size", None), flat.pop("beam.length_penalty", None)
        if beams is not None:
            self.options["beams"] = integer(_argument("beam.beam_size"), beams)
        if penalty is not None:
            self.options["length_penalty"] = penalty
        if flat.pop("beam.return_best_hypothesis", None) is False:
            self.made["n_best"] = True
            self.options["n_best"] = self.options.get("beams") or 1

    def _max_symbols(self, flat: dict[str, Any]) -> None:
        """NeMo: max_symbols, else max_symbols_per_step; None is no limit, but 10 where CUDA graphs are allowed."""
        keys = [key for key in ("greedy.max_symbols", "greedy.max_symbols_per_step") if key in flat]
        values = [flat.pop(key) for key in keys]
        limit = next((value for value in values if value), None)
        if limit is not None:
            self.options["max_symbols"] = integer(_argument(keys[0]), limit)
        elif keys:
            self.options["max_symbols"] = 0 if flat.get("greedy.use_cuda_graph_decoder") is False else 10

    def _key(self, key: str, value: Any) -> None:
        do = _KEYS.get(key)
        if do is not None:
            do(self, key, value)
        elif key in _ONLY:
            if value is not None and value != _ONLY[key]:
                raise refuse(_argument(key), value, _INSTEAD.get(key, f"expected {_ONLY[key]!r}"))
        elif key in _HARMLESS or key.startswith("greedy.confidence_method_cfg."):
            pass
        elif value not in (None, False, 0, "", [], {}) and not (
            key.startswith(("greedy.boosting_tree.", "beam.boosting_tree.")) and _is_default(key, value)
        ):
            raise refuse(_argument(key), value, _INSTEAD.get(key, "the engine has nothing of the kind"))

    def alignments(self, key: str, value: Any) -> None:
        """NeMo's own recipe for times asks for alignments too."""
        self.made["compute_timestamps"] = self.made.get("compute_timestamps", self.base.compute_timestamps)
        if value and self.head != "ctc" and not self.asks_times:
            raise refuse(_argument(key), value, _INSTEAD[key])

    asks_times = False


def _is_default(key: str, value: Any) -> bool:
    """Of NeMo's BoostingTreeModelConfig, which asks for nothing without phrases."""
    return not key.endswith(("model_path", "key_phrases_file", "key_phrases_list", "key_phrase_items_list"))


def _put(name: str, check: Callable[[str, Any], Any], where: str = "made") -> Callable[[_Reader, str, Any], None]:
    def do(reader: _Reader, key: str, value: Any) -> None:
        if value is not None:
            getattr(reader, where)[name] = check(key, value)

    return do


def _alpha(key: str, value: Any) -> float:
    if isinstance(value, (int, float)) and value > 0:
        return float(value)
    raise ArgumentError(f"{value!r}, expected a number above 0", argument=_argument(key))


def _texts(key: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(value)
    raise ArgumentError(f"{value!r}, expected a list of str", argument=_argument(key))


_TYPES = ("char", "word", "segment", "all")
_KEYS: dict[str, Callable[[_Reader, str, Any], None]] = {
    "compute_timestamps": _put("compute_timestamps", _truth),
    "rnnt_timestamp_type": _put("timestamp_type", lambda key, value: _one_of(key, value, _TYPES)),
    "ctc_timestamp_type": _put("timestamp_type", lambda key, value: _one_of(key, value, _TYPES)),
    "compute_langs": _put("compute_langs", _truth),
    "compute_hypothesis_token_set": _put("token_set", _truth),
    "segment_seperators": _put("separators", _texts),
    "segment_separators": _put("separators", _texts),
    "segment_gap_threshold": _put("gap", lambda key, value: integer(_argument(key), value)),
    "preserve_alignments": _Reader.alignments,
    "confidence_cfg.preserve_frame_confidence": _put("frame", _truth, "confidence"),
    "confidence_cfg.preserve_token_confidence": _put("token", _truth, "confidence"),
    "confidence_cfg.preserve_word_confidence": _put("word", _truth, "confidence"),
    "confidence_cfg.aggregation": _put("aggregate", lambda key, value: _one_of(key, value, h.AGGREGATE), "confidence"),
    "confidence_cfg.method_cfg.name": _put("name", lambda key, value: _one_of(key, value, ("entropy", "max_prob")), "method"),
    "confidence_cfg.method_cfg.entropy_type": _put(
        "entropy_type", lambda key, value: _one_of(key, value, ("gibbs", "tsallis", "renyi")), "method"
    ),
    "confidence_cfg.method_cfg.entropy_norm": _put("entropy_norm", lambda key, value: _one_of(key, value, ("lin", "exp")), "method"),
    "confidence_cfg.method_cfg.alpha": _put("alpha", _alpha, "method"),
}


def read_settings(config: Any, base: Settings, head: str) -> Settings:
    """The settings of a decoding configuration for a head: "ctc", "rnnt", "tdt" or "aed". NotSupported, ArgumentError."""
    plained = plain(config)
    if not isinstance(plained, dict):
        raise ArgumentError(f"a {type(config).__name__}, expected a configuration", argument="decoding_cfg")
    reader = _Reader(base, head)
    reader.asks_times = bool(plained.get("compute_timestamps"))
    return reader.read(plained)


def default_config(head: str) -> Config:
    """What `model.cfg.decoding` starts as; keys that are not there are as the file says."""
    confidence = Config(
        preserve_frame_confidence=False,
        preserve_token_confidence=False,
        preserve_word_confidence=False,
        exclude_blank=True,
        aggregation="min",
        method_cfg=Config(name="entropy", entropy_type="tsallis", alpha=0.33, entropy_norm="exp"),
    )
    config = Config(compute_timestamps=None, preserve_alignments=None, confidence_cfg=confidence, greedy=Config(), beam=Config())
    if head != "aed":
        config.strategy = "greedy_batch"
    return config
