# SPDX-License-Identifier: MIT
"""Models and sessions.

    Model     weights, shared by any number of threads
    Session   buffers that are kept between calls, one call at a time, and cancel() from any thread

In a child that was forked, models and sessions open again when they are first used: threads do not survive a fork. A model that
is pickled, to be sent to another process, is opened there.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Callable, Literal, NamedTuple, Optional, Union, overload

from . import _header as h
from ._batch import WINDOW_ITEMS, OnItem, Outcome, transcribe_items
from ._calls import Job, run
from ._library import c_path, c_text, check, lib, text
from ._options import Options, c_options, integer, word
from ._progress import Progress, shown
from .audio import Audio, Channel, Intake
from .errors import ArgumentError, BatchError, Error
from .result import Result

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

Log = Callable[[str, str, str], object]  # level ("warning"), part ("model"), text; from any thread

_LEVELS = {number: name for name, number in h.LOG_LEVEL.items()}
_live: weakref.WeakSet[Any] = weakref.WeakSet()


def _after_fork() -> None:
    for held in list(_live):
        held._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class ModelInfo(NamedTuple):
    """cs_model_info of ctrlspeak.h, whose comments say what each is. heads: the names that the option `head` may have."""

    name: str
    family: str
    nemo_class: str
    nemo_version: str
    precision: str
    cpu_path: str
    heads: tuple[str, ...]
    sample_rate_hz: int
    n_mels: int
    n_layers: int
    d_model: int
    n_heads: int
    conv_kernel: int
    subsampling_factor: int
    frame_seconds: float
    vocab_size: int
    n_durations: int
    prediction_layers: int
    attention: str
    languages: tuple[str, ...]
    n_parameters: int
    file_bytes: int
    weight_bytes: int
    session_bytes_per_minute: int
    threads: int
    precision_reason: str
    opened: str
    times: str
    prompt_format: str
    decoder_layers: int
    decoder_d_model: int
    max_positions: int


class Tensor(NamedTuple):
    """A tensor of the model file, used or not."""

    name: str
    dtype: str
    shape: tuple[int, ...]


def _info(c: Any) -> ModelInfo:
    values: dict[str, Any] = {}
    for name in ModelInfo._fields:
        value = getattr(c, name)
        if name == "heads":
            value = tuple(head for head, number in h.HEAD.items() if value & (1 << number) and head != "auto")
        elif name == "languages":
            value = tuple(text(value[i]) for i in range(c.n_languages))
        values[name] = text(value) if isinstance(value, bytes) else value
    return ModelInfo(**values)


def _cache_folder(cache: Any) -> Optional[bytes]:
    """True: where the command keeps packed weights too."""
    if cache is None or cache is False:
        return None
    if cache is not True:
        return c_path("cache", cache)
    home = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(home):
        home = os.path.join(os.path.expanduser("~"), ".cache")
    return os.fsencode(os.path.join(home, "ctrlspeak", "packed")) if os.path.isabs(home) else None


class _Transcribes:
    """transcribe(), of models and sessions."""

    @overload
    def transcribe(
        self,
        audio: Union[list[Any], tuple[Any, ...]],
        *,
        errors: Literal["raise"] = "raise",
        progress: Progress = None,
        verbose: bool = True,
        sample_rate: Optional[int] = None,
        channel: Channel = None,
        raw: Optional[str] = None,
        **options: Unpack[Options],
    ) -> list[Result]: ...

    @overload
    def transcribe(
        self,
        audio: Union[list[Any], tuple[Any, ...]],
        *,
        errors: Literal["return"],
        progress: Progress = None,
        verbose: bool = True,
        sample_rate: Optional[int] = None,
        channel: Channel = None,
        raw: Optional[str] = None,
        **options: Unpack[Options],
    ) -> list[Outcome]: ...

    @overload
    def transcribe(
        self,
        audio: Audio,
        *,
        errors: Literal["raise", "return"] = "raise",
        progress: Progress = None,
        verbose: bool = True,
        sample_rate: Optional[int] = None,
        channel: Channel = None,
        raw: Optional[str] = None,
        **options: Unpack[Options],
    ) -> Result: ...

    def transcribe(
        self,
        audio: Any,
        *,
        errors: Literal["raise", "return"] = "raise",
        progress: Progress = None,
        verbose: bool = True,
        sample_rate: Optional[int] = None,
        channel: Channel = None,
        raw: Optional[str] = None,
        **options: Any,
    ) -> Any:
        """Transcribe a recording, or a list of them.

        audio         a path, the bytes of a file, an array of samples (ctrlspeak.audio); a list or tuple of these
        errors        of a list: "raise": when all is done, BatchError, which has every result; "return": the Error is in the
                      place of the result. The error of a single recording is always raised
        progress      None: a bar on stderr where that is a terminal; a function f(done_seconds, total_seconds); a class such as
                      tqdm.tqdm; False: nothing. What the function raises ends the call and is raised; it must not call this session
        verbose       False: no bar of any kind
        sample_rate   of arrays, where it is not the model's
        channel       of files: "average" (default) or a number from 0
        raw           of files without a header: "s16le:16000:1"
        options       of cs_transcribe_options (ctrlspeak.h): language, timestamps, head, beams ...: see Options

        Ctrl-C in the main thread ends the call within one layer of the encoder, with KeyboardInterrupt.
        """
        return self._hear(
            audio, errors=errors, progress=progress, verbose=verbose, sample_rate=sample_rate, channel=channel, raw=raw, **options
        )

    def _hear(self, audio: Any, **arguments: Any) -> Any:
        raise NotImplementedError


class Model(_Transcribes):
    """A model that is open.

    precision   "auto", "f32", "int8" or "bf16"
    threads     of the model's pool, 0: one per physical core that is allowed
    cpu         highest path to use: "c", "sse2", "avx2", "avx512", "neon"; None: the CPU's best
    cache       where int8 and bf16 weights are kept so that the next open maps them: True: in ~/.cache/ctrlspeak/packed (below
                XDG_CACHE_HOME), as the command; a folder; False: nowhere
    log         told what the library has to say, from any thread

    Any number of threads may use a model at once. close() lets it go; calls that run then go to their end. Closing twice,
    or never, is no mistake.
    """

    _handle: Optional[int] = None

    def __init__(
        self,
        path: Union[str, os.PathLike[str]],
        *,
        precision: str = "auto",
        threads: int = 0,
        cpu: Optional[str] = None,
        cache: Union[bool, str, os.PathLike[str], None] = True,
        cache_max_bytes: int = 0,
        cache_min_bytes: int = 0,
        log: Optional[Log] = None,
    ) -> None:
        self._path = os.path.abspath(os.fsdecode(c_path("path", path)))
        self._asked = {
            "precision": precision,
            "threads": threads,
            "cpu": cpu,
            "cache": cache,
            "cache_max_bytes": cache_max_bytes,
            "cache_min_bytes": cache_min_bytes,
            "log": log,
        }
        self._close = lib().cs_model_close
        self._log = _log_hook(log)
        self._lock = threading.RLock()
        self._closed = False
        with self._lock:
            self._open()
            self.info: ModelInfo = _info(lib().cs_model_get_info(self._handle).contents)
        _live.add(self)

    @classmethod
    def open(cls, path: Union[str, os.PathLike[str]], **options: Any) -> Self:
        """Open a .nemo file; the keyword arguments are those of the class."""
        return cls(path, **options)

    def _open(self) -> None:
        asked = self._asked
        options = h.cs_model_options()
        lib().cs_model_options_init(options)
        options.precision = word("precision", asked["precision"], h.PRECISION)
        options.threads = integer("threads", asked["threads"])
        options.cpu_path = None if asked["cpu"] is None else c_text("cpu", asked["cpu"])
        options.cache_folder = _cache_folder(asked["cache"])
        options.cache_max_bytes = asked["cache_max_bytes"]
        options.cache_min_bytes = asked["cache_min_bytes"]
        if self._log is not None:
            options.log = self._log
        handle, error = ctypes.c_void_p(), h.cs_error()
        check(lib().cs_model_open(os.fsencode(self._path), options, handle, error), error)
        self._handle = handle.value

    def _forget(self) -> None:
        """In a forked child: the parent's model is not ours."""
        self._handle = None
        self._lock = threading.RLock()

    def _with_handle(self, use: Callable[[Any], int]) -> int:
        """use(handle) while nobody can close it."""
        with self._lock:
            if self._closed:
                raise ArgumentError("the model is closed")
            if self._handle is None:
                self._open()
            return use(self._handle)

    def close(self) -> None:
        with self._lock:
            handle, self._handle, self._closed = self._handle, None, True
        if handle is not None:
            self._close(handle)

    def __del__(self) -> None:
        if self._handle is not None:
            self._close(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        i = self.info
        closed = ", closed" if self._closed else ""
        return f"<ctrlspeak.Model {i.name}: {i.family}, {i.n_parameters / 1e6:.1f} million parameters, {i.precision}{closed}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (type(self), self._path, self._asked)

    def session(self) -> Session:
        """A session of this model."""
        return Session(self)

    def encode(self, words: str) -> list[int]:
        """Token ids of a text, as the model's tokenizer cuts it."""
        encoded = c_text("words", words)
        ids = (ctypes.c_int32 * (len(encoded) * 4 + 16))()
        n, error = ctypes.c_size_t(), h.cs_error()
        check(self._with_handle(lambda handle: int(lib().cs_model_encode_text(handle, encoded, ids, len(ids), n, error))), error, "words")
        return list(ids[: n.value])

    def tensors(self) -> list[Tensor]:
        """The tensors of the file, in its order."""
        found: list[Tensor] = []

        def look(handle: Any) -> int:
            c = h.cs_tensor_info()
            while lib().cs_model_get_tensor(handle, len(found), c) == 0:
                found.append(Tensor(text(c.name), text(c.dtype), tuple(c.dims[: c.n_dims])))
            return 0

        self._with_handle(look)
        return found

    def _hear(self, audio: Any, **arguments: Any) -> Any:
        """On a session of its own."""
        with Session(self) as session:
            return session._hear(audio, **arguments)


def _reopen(kind: type[Model], path: str, asked: dict[str, Any]) -> Model:
    return kind(path, **asked)


def _log_hook(log: Optional[Log]) -> Any:
    if log is None:
        return None

    def hook(_user: Any, level: int, part: bytes, said: bytes) -> None:
        try:
            log(_LEVELS.get(level, "info"), text(part), text(said))
        except Exception:  # a log that fails is no reason to
            pass

    return h.LogFn(hook)


class Session(_Transcribes):
    """Buffers that are kept between calls. A second thread's call waits for the first one's end."""

    _handle: Optional[int] = None

    def __init__(self, model: Model) -> None:
        self._model = model
        self._free = lib().cs_session_free
        self._log = model._log  # the library's model may outlive the object
        self._closed = False
        self._busy = threading.Lock()  # held by the one call
        self._guard = threading.RLock()  # _handle; a signal handler may cancel()
        self._create()
        _live.add(self)

    def _create(self) -> None:
        handle, error = ctypes.c_void_p(), h.cs_error()
        check(self._model._with_handle(lambda model: int(lib().cs_session_create(model, handle, error))), error)
        with self._guard:
            self._handle = handle.value

    def _forget(self) -> None:
        self._handle = None
        self._busy = threading.Lock()
        self._guard = threading.RLock()

    def cancel(self) -> None:
        """Stop the running call, or the next one if none runs: it raises Cancelled. From any thread or signal handler."""
        with self._guard:
            if self._handle is not None:
                lib().cs_session_cancel(self._handle)

    def close(self) -> None:
        """Waits for a call that runs."""
        with self._busy:
            with self._guard:
                handle, self._handle, self._closed = self._handle, None, True
            if handle is not None:
                self._free(handle)

    def __del__(self) -> None:
        if self._handle is not None:
            self._free(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hear(
        self,
        audio: Any,
        *,
        errors: Literal["raise", "return"] = "raise",
        progress: Progress = None,
        verbose: bool = True,
        sample_rate: Optional[int] = None,
        channel: Channel = None,
        raw: Optional[str] = None,
        **options: Any,
    ) -> Any:
        single = not isinstance(audio, (list, tuple))
        if errors not in ("raise", "return"):
            raise ArgumentError(f'{errors!r}, expected "raise" or "return"', argument="errors")
        intake = Intake(self._model.info.sample_rate_hz, sample_rate, channel, raw)
        outcomes = self._transcribe([audio] if single else audio, intake, options, progress, verbose, single=single)
        if single:
            if isinstance(outcomes[0], Error):
                raise outcomes.pop()  # type: ignore[misc]  # and no name here for it: its traceback knows this frame
            return outcomes[0]
        failed = [outcome for outcome in outcomes if isinstance(outcome, Error)]
        if failed and errors == "raise":
            rest = f", and {len(failed) - 1} more failed" if len(failed) > 1 else ""
            raise BatchError(f"{failed[0]}{rest}, of {len(outcomes)} recordings", outcomes) from failed[0]
        return outcomes

    def _transcribe(
        self,
        items: Any,
        intake: Intake,
        options: dict[str, Any],
        progress: Progress = None,
        verbose: bool = False,
        *,
        single: bool = False,
        on_item: Optional[OnItem] = None,
        window_items: int = WINDOW_ITEMS,
    ) -> list[Outcome]:
        """What transcribe() and the other front ends are made of: a Result or an Error per item."""

        def work(job: Job) -> list[Outcome]:
            c = c_options(options, job.failed)
            job.hooked = job.hooked or bool(c.tensor or c.stage)
            with self._busy:
                if self._closed:
                    raise ArgumentError("the session is closed")
                if self._handle is None:
                    self._create()
                return transcribe_items(self._handle, intake, items, c, job, single=single, on_item=on_item, window_items=window_items)

        bar = shown(progress, verbose)
        try:
            return run(work, bar)
        finally:
            if bar is not None:
                bar.close()
