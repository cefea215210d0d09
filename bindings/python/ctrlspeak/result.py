# SPDX-License-Identifier: MIT
"""Results: plain Python data, copied out of the library's memory at the end of a call, so nothing is left to free, and a
result can be kept, compared, pickled and sent to another process."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Optional

from . import _header as h
from ._library import c_text, check, lib, text
from ._options import integer, word

_HEADS = {number: name for name, number in h.HEAD.items()}
_PRECISIONS = {number: name for name, number in h.PRECISION.items()}


class Token(NamedTuple):
    """A token. Without times (an encoder-decoder) its frame is -1 and its seconds are NaN."""

    id: int
    piece: str
    frame: int
    duration: int
    start_seconds: float
    end_seconds: float
    logprob: float
    confidence: float


class Word(NamedTuple):
    """A word. Its tokens are tokens[first_token : first_token + n_tokens]."""

    text: str
    start_seconds: float
    end_seconds: float
    start_frame: int
    end_frame: int
    confidence: float
    first_token: int
    n_tokens: int


class Segment(NamedTuple):
    """A sentence, or what comes nearest. Its words are words[first_word : first_word + n_words]."""

    text: str
    start_seconds: float
    end_seconds: float
    start_frame: int
    end_frame: int
    first_word: int
    n_words: int


class Alternative(NamedTuple):
    """One line of a beam search."""

    text: str
    score: float
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Result:
    """What was heard. The names and their meanings are those of cs_result in ctrlspeak.h; str() is the text."""

    text: str
    words: list[Word]
    segments: list[Segment]
    tokens: list[Token]
    alternatives: list[Alternative]
    language: str
    target_language: str
    model: str
    head: str
    precision: str
    duration_seconds: float
    score: float
    n_frames: int
    has_times: bool
    looped: bool
    n_chunks: int
    warning: Optional[str]
    n_steps: int
    mel_ms: float = field(compare=False)
    encoder_ms: float = field(compare=False)
    decode_ms: float = field(compare=False)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """From a pickle: what was equal is equal again, NaN or not."""
        for name in ("words", "segments", "tokens"):
            state[name] = [type(part)(*(_plain(x) if isinstance(x, float) else x for x in part)) for part in state[name]]
        self.__dict__.update(state)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        shown = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        return f"Result({shown!r}, {self.duration_seconds:.2f} s, {len(self.words)} words)"

    def write(
        self,
        format: str,
        *,
        file: str = "",
        timestamps: str = "word",
        channel: int = 1,
        max_line_chars: int = 42,
        max_lines: int = 2,
    ) -> str:
        """The result in a format: txt, json, jsonl, srt, vtt, ctm or tsv (docs/FORMAT.md).

        file            JSON's key "file", CTM's recording name
        timestamps      of JSON: word, segment or none
        channel         CTM's
        max_line_chars, max_lines    of subtitles

        ArgumentError when the result has no times and the format needs them.
        """
        options = h.cs_write_options()
        lib().cs_write_options_init(options)
        options.file = c_text("file", file)
        options.timestamps = word("timestamps", timestamps, h.TIMESTAMPS)
        options.channel = integer("channel", channel)
        options.max_line_chars = integer("max_line_chars", max_line_chars)
        options.max_lines = integer("max_lines", max_lines)
        pieces: list[bytes] = []

        def sink(_user: Any, data: Any, size: int) -> int:
            try:
                pieces.append(ctypes.string_at(data, size))
                return 0
            except BaseException:  # memory
                return 1

        error = h.cs_error()
        check(lib().cs_result_write(self._c(), word("format", format, h.FORMAT), options, h.SinkFn(sink), None, error), error)
        return b"".join(pieces).decode()

    def to_txt(self) -> str:
        return self.write("txt")

    def to_json(self, **options: Any) -> str:
        return self.write("json", **options)

    def to_jsonl(self, **options: Any) -> str:
        return self.write("jsonl", **options)

    def to_srt(self, **options: Any) -> str:
        return self.write("srt", **options)

    def to_vtt(self, **options: Any) -> str:
        return self.write("vtt", **options)

    def to_ctm(self, **options: Any) -> str:
        return self.write("ctm", **options)

    def to_tsv(self, **options: Any) -> str:
        return self.write("tsv", **options)

    def _c(self) -> Any:
        """A cs_result again, for the writers; it keeps what it points to."""
        tokens = [h.cs_token(t.id, t.piece.encode(), *t[2:]) for t in self.tokens]
        words = [h.cs_word(w.text.encode(), *w[1:]) for w in self.words]
        segments = [h.cs_segment(s.text.encode(), *s[1:]) for s in self.segments]
        others = [h.cs_alternative(a.text.encode(), a.score, (ctypes.c_int32 * len(a.ids))(*a.ids), len(a.ids)) for a in self.alternatives]
        return h.cs_result(
            text=self.text.encode(),
            model=self.model.encode(),
            head=h.HEAD[self.head],
            precision=h.PRECISION[self.precision],
            language=self.language.encode(),
            duration_seconds=self.duration_seconds,
            score=self.score,
            tokens=(h.cs_token * len(tokens))(*tokens),
            n_tokens=len(tokens),
            words=(h.cs_word * len(words))(*words),
            n_words=len(words),
            segments=(h.cs_segment * len(segments))(*segments),
            n_segments=len(segments),
            n_frames=self.n_frames,
            mel_ms=self.mel_ms,
            encoder_ms=self.encoder_ms,
            decode_ms=self.decode_ms,
            n_steps=self.n_steps,
            has_times=self.has_times,
            looped=self.looped,
            n_chunks=self.n_chunks,
            target_language=self.target_language.encode(),
            warning=None if self.warning is None else self.warning.encode(),
            alternatives=(h.cs_alternative * len(others))(*others),
            n_alternatives=len(others),
        )


def _plain(number: float) -> float:
    """NaN is always the same object, so that results without times can be equal."""
    return number if number == number else math.nan


def take(pointer: Any, warning: Optional[str] = None) -> Result:
    """Copy a cs_result and free it. warning: what the decoder of the file said."""
    try:
        c = pointer.contents
        said = text(c.warning)
        return Result(
            text=text(c.text),
            words=[
                Word(
                    text(w.text),
                    _plain(w.start_seconds),
                    _plain(w.end_seconds),
                    w.start_frame,
                    w.end_frame,
                    _plain(w.confidence),
                    w.first_token,
                    w.n_tokens,
                )
                for w in c.words[: c.n_words]
            ],
            segments=[
                Segment(text(s.text), _plain(s.start_seconds), _plain(s.end_seconds), s.start_frame, s.end_frame, s.first_word, s.n_words)
                for s in c.segments[: c.n_segments]
            ],
            tokens=[
                Token(
                    t.id,
                    text(t.piece),
                    t.frame,
                    t.duration,
                    _plain(t.start_seconds),
                    _plain(t.end_seconds),
                    _plain(t.logprob),
                    _plain(t.confidence),
                )
                for t in c.tokens[: c.n_tokens]
            ],
            alternatives=[Alternative(text(a.text), a.score, tuple(a.ids[: a.n_ids])) for a in c.alternatives[: c.n_alternatives]],
            language=text(c.language),
            target_language=text(c.target_language),
            model=text(c.model),
            head=_HEADS[c.head],
            precision=_PRECISIONS[c.precision],
            duration_seconds=c.duration_seconds,
            score=_plain(c.score),
            n_frames=c.n_frames,
            has_times=bool(c.has_times),
            looped=bool(c.looped),
            n_chunks=c.n_chunks,
            warning="; ".join(part for part in (warning, said) if part) or None,
            n_steps=c.n_steps,
            mel_ms=c.mel_ms,
            encoder_ms=c.encoder_ms,
            decode_ms=c.decode_ms,
        )
    finally:
        lib().cs_result_free(pointer)
