# SPDX-License-Identifier: MIT
"""What NeMo's transcribe() returns: one Hypothesis per recording, its fields and the dictionaries of times in it.

Where NeMo has a tensor there is a numpy array: no torch is needed to read it, and .tolist(), len() and indices work alike.

Source: NeMo nemo/collections/asr/parts/utils/{rnnt_utils,timestamp_utils}.py
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

import numpy as np

from ..errors import Error
from ..result import Result, Token, Word
from ._confidence import frame_confidence
from ._settings import Settings


@dataclass
class Hypothesis:
    """NeMo's Hypothesis. `result`, `error` and `langs` are ours.

    score            NeMo's, see docs/MODEL.md; Canary: 0.0
    y_sequence       int64 (n_tokens,): ids; CTC with return_hypotheses: float32 (frames, vocabulary + 1), log-probabilities
    text             what was said; "" with an error
    timestamp        [] ; transducers with return_hypotheses: int64 (n_tokens,), frames; with timestamps: a dict of "timestep",
                     "char", "word" and "segment" (Canary: as NeMo for the model)
    alignments       CTC with return_hypotheses: as y_sequence
    frame_confidence, token_confidence, word_confidence    when asked for by confidence_cfg
    length           encoder frames
    tokens           pieces, with compute_hypothesis_token_set
    token_duration   TDT with return_hypotheses: frames of each token
    langs            with compute_langs: the language, where the tokenizer tells
    result           the whole ctrlspeak.Result, None with an error
    error            why this recording has no text (transcribe(errors="return"))

    The others are NeMo's names for what the engine does not keep: None.
    """

    score: float
    y_sequence: Any
    text: Optional[str] = None
    dec_out: Optional[Any] = None
    dec_state: Optional[Any] = None
    timestamp: Any = field(default_factory=list)
    alignments: Optional[Any] = None
    frame_confidence: Optional[Any] = None
    token_confidence: Optional[list[float]] = None
    word_confidence: Optional[list[float]] = None
    length: int = 0
    y: Optional[Any] = None
    lm_state: Optional[Any] = None
    lm_scores: Optional[Any] = None
    ngram_lm_state: Optional[Any] = None
    tokens: Optional[list[str]] = None
    last_token: Optional[Any] = None
    token_duration: Optional[list[int]] = None
    last_frame: Optional[int] = None
    biasing_cfg: Optional[Any] = None
    non_blank_step_confidence_precomputed: Optional[list[float]] = None
    xatt_scores: Optional[Any] = None
    langs: Optional[str] = None
    result: Optional[Result] = field(default=None, repr=False)
    error: Optional[Error] = None

    @property
    def non_blank_frame_confidence(self) -> list[float]:
        """Confidence of the frames at which tokens were emitted."""
        if self.non_blank_step_confidence_precomputed is not None:
            return self.non_blank_step_confidence_precomputed
        frames = self.timestamp["timestep"] if isinstance(self.timestamp, dict) else self.timestamp
        if self.frame_confidence is None or len(frames) == 0:
            return []
        return [self.frame_confidence[frame] for frame in frames]

    @property
    def words(self) -> list[str]:
        return [] if self.text is None else self.text.split()


def failed(error: Error) -> Hypothesis:
    """A recording that could not be transcribed, in its place."""
    return Hypothesis(score=0.0, y_sequence=np.empty(0, np.int64), text="", error=error)


def made(result: Result, settings: Settings, *, full: bool, timed: bool, scores: Optional[Any] = None) -> Hypothesis:
    """A result as NeMo's Hypothesis.

    full     return_hypotheses, or timestamps
    timed    timestamp is a dict
    scores   CTC with `full`: its log-probabilities
    """
    aed = result.head == "aed"
    h = Hypothesis(
        score=0.0 if aed else result.score,
        y_sequence=np.array([token.id for token in result.tokens], np.int64),
        text=result.text,
        length=result.n_frames,
        result=result,
    )
    if settings.compute_langs and result.language:
        h.langs = result.language
    if settings.token_set:
        h.tokens = [token.piece for token in result.tokens]
    if timed:
        h.timestamp = timestamps(result, settings)
        if aed:  # NeMo strips it where it looks for times
            h.text = result.text.strip()
    if not full:
        return h
    if result.head == "ctc":
        h.y_sequence = h.alignments = scores
    elif result.head == "tdt":
        h.token_duration = [token.duration for token in result.tokens]
    if result.head in ("rnnt", "tdt") and not timed:
        h.timestamp = np.array([token.frame for token in result.tokens], np.int64)
    confidences(h, result, settings, scores)
    return h


def lines_of(best: Hypothesis) -> list[Hypothesis]:
    """The lines of a beam search, in NeMo's order."""
    result = best.result
    if result is None or not result.alternatives:
        return [best]
    return [
        Hypothesis(score=line.score, y_sequence=np.array(line.ids, np.int64), text=line.text, length=best.length)
        for line in result.alternatives
    ]


def confidences(h: Hypothesis, result: Result, settings: Settings, scores: Optional[Any]) -> None:
    """The three kinds, as confidence_cfg asks: words imply tokens, tokens imply frames."""
    asked = settings.confidence
    if not asked.frame:
        return
    tokens = [token.confidence for token in result.tokens]
    if result.head == "ctc":
        h.frame_confidence = frame_confidence(scores, asked.measure, asked.alpha).tolist()
    elif result.head == "aed":
        h.frame_confidence = np.array(tokens, np.float32)
    else:
        h.non_blank_step_confidence_precomputed = list(tokens)
    if asked.token:
        h.token_confidence = tokens
    if asked.word:
        h.word_confidence = word_confidence(result, asked.aggregate)


_FOLDS: dict[str, Callable[[Sequence[float]], float]] = {
    "min": min,
    "max": max,
    "mean": lambda values: sum(values) / len(values),
    "prod": math.prod,
}


def word_confidence(result: Result, aggregate: str) -> list[float]:
    """One per white-space separated word of the text, as NeMo pairs them; where the tokens cannot be paired so, which NeMo refuses
    with an error, one per word of timestamp["word"]."""
    groups: list[float] = []
    first = 0
    last = ""
    tokens = result.tokens
    for i, token in enumerate(tokens):
        if i > first and (piece_text(token.piece) != token.piece or last == "<unk>"):
            if last != "▁":
                groups.append(_FOLDS[aggregate]([t.confidence for t in tokens[first:i]]))
            first = i
        last = token.piece
    if tokens and last != "▁":
        groups.append(_FOLDS[aggregate]([t.confidence for t in tokens[first:]]))
    text = result.text
    if result.head == "ctc":  # NeMo: before the spaces in front of punctuation are gone
        text = b"".join(_piece_bytes(token.piece) for token in tokens).decode("utf-8", "replace")
    if any("▁" in token.piece for token in tokens) and len(groups) == len(text.split()):
        return groups
    return [word.confidence for word in result.words]


def timestamps(result: Result, settings: Settings) -> dict[str, Any]:
    """Hypothesis.timestamp. Entries have start_offset and end_offset (encoder frames), start and end (seconds)."""
    found: dict[str, Any] = {}
    kind = settings.timestamp_type
    if result.head == "aed":  # its tokens have no times; NeMo has the key for models that write time tokens
        if not settings.aligner:
            found["char"] = []
    else:
        found["timestep"] = [token.frame for token in result.tokens]
        if kind in ("char", "all"):
            found["char"] = [_char(token, result, settings) for token in result.tokens]
    if kind in ("word", "all"):
        found["word"] = [_entry("word", word.text, word.start_offset, word.end_offset, word.start, word.end) for word in _words(result)]
    if kind in ("segment", "all"):
        found["segment"] = _segments(result, settings)
    return found


@dataclass
class _Span:
    text: str
    start_offset: int
    end_offset: int
    start: float
    end: float


def _words(result: Result) -> list[_Span]:
    return [_span(word) for word in result.words] if result.has_times else []


def _span(word: Word) -> _Span:
    return _Span(word.text, word.start_frame, word.end_frame, word.start_seconds, word.end_seconds)


def _entry(name: str, what: Any, start_offset: int, end_offset: int, start: float, end: float) -> dict[str, Any]:
    return {name: what, "start_offset": start_offset, "end_offset": end_offset, "start": start, "end": end}


def _piece_bytes(piece: str) -> bytes:
    """Its share of a text."""
    if piece.startswith("<0x") and piece.endswith(">") and len(piece) == 6:
        return bytes([int(piece[3:5], 16)])
    return piece.replace("▁", " ").encode()


def piece_text(piece: str) -> str:
    """The text of one piece decoded by itself: "▁the" is "the", "▁" is ""."""
    if piece.startswith("<0x"):
        return _piece_bytes(piece).decode("utf-8", "replace")
    if piece == "<unk>":
        return "⁇"
    text = piece.replace("▁", " ")
    return text[1:] if piece.startswith("▁") else text


def _char(token: Token, result: Result, settings: Settings) -> dict[str, Any]:
    text = piece_text(token.piece)
    start, end = (round(seconds / settings.frame_seconds) for seconds in (token.start_seconds, token.end_seconds))
    return _entry("char", text if result.head == "ctc" else [text], start, end, token.start_seconds, token.end_seconds)


def _segments(result: Result, settings: Settings) -> list[dict[str, Any]]:
    """The library's, by the file's own rules; by other rules where change_decoding_strategy() gave some."""
    if not result.has_times:
        return []
    if settings.separators is None and settings.gap is None:
        return [_entry("segment", s.text, s.start_frame, s.end_frame, s.start_seconds, s.end_seconds) for s in result.segments]
    separators = (".", "!", "?") if settings.separators is None else settings.separators
    return segments_of(_words(result), separators, settings.gap)


def segments_of(words: Sequence[_Span], separators: Sequence[str], gap: Optional[int]) -> list[dict[str, Any]]:
    """NeMo's get_segment_offsets(): a segment ends at a word that ends in a separator, or, where gap is not None and the segment has
    words already, before a word that starts so many frames after the last one's end."""
    segments: list[dict[str, Any]] = []
    open_words: list[_Span] = []

    def close() -> None:
        first, last = open_words[0], open_words[-1]
        text = " ".join(word.text for word in open_words)
        segments.append(_entry("segment", text, first.start_offset, last.end_offset, first.start, last.end))
        open_words.clear()

    for i, word in enumerate(words):
        if gap is not None and open_words:
            if word.start_offset - words[i - 1].end_offset >= gap:
                close()
        elif word.text and (word.text[-1] in separators or word.text in separators):
            open_words.append(word)
            close()
            continue
        open_words.append(word)
    if open_words:
        close()
    return segments
