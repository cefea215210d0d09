# SPDX-License-Identifier: MIT
"""Many recordings on many machines with Ray Data: docs/MANY.md says when that is worth it. Needs `pip install ".[ray]"`.

import ctrlspeak.ray

results = ctrlspeak.ray.transcribe_dataset("recordings/", "parakeet-tdt-0.6b-v3.nemo", concurrency=8)
results.write_parquet("texts/")

A worker is a process with one model. Workers of a host share its weights: they map the same file. A worker that dies is started again
by Ray and what it had in hand is done again; a recording that cannot be heard is a row with its error.
"""

from __future__ import annotations

import os
from typing import Any, Optional, Union

import pyarrow as pa
import ray

from ._table import BYTES, Stage
from .errors import ArgumentError

_ENDINGS = tuple(
    ".wav .wave .w64 .rf64 .flac .ogg .oga .opus .mp3 .m4a .m4b .mp4 .aac .aif .aiff .aifc .caf .au .snd .webm .mkv .mka .mov .wma "
    ".wv .amr .3gp .avi .flv .mpg .mpeg .ape .tta".split()
)  # of the command, which looks into folders in the same way

_SEGMENT = [("text", pa.string()), ("start_seconds", pa.float64()), ("end_seconds", pa.float64())]
RESULT_TYPES = {
    "text": pa.string(),
    "language": pa.string(),
    "duration_seconds": pa.float64(),
    "words": pa.list_(pa.struct([*_SEGMENT, ("confidence", pa.float64())])),
    "segments": pa.list_(pa.struct(_SEGMENT)),
    "warning": pa.string(),
    "error": pa.string(),
    "error_code": pa.int32(),
}


class Transcriber:
    """The stage, for Dataset.map_batches() with batch_format="pyarrow":

        dataset.map_batches(
            Transcriber,
            fn_constructor_kwargs={"model": "parakeet-tdt-0.6b-v3.nemo"},
            batch_format="pyarrow",
            batch_size=16,
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=8),  # or concurrency=8
        )

    model     path of the .nemo file, on every host
    column    that is heard: paths, or bytes of files; None: the first there is of bytes, content, path and audio
    prefix    of the new columns: text, language, duration_seconds, words, segments, warning, error, error_code
    options   those of Model.open(), of which `threads` is 1 by default, and of Model.transcribe()

    A row that could not be heard has its `error` and its `error_code`, and None in the rest. A column `bytes` or `content` that was
    heard is not handed on.
    A model that cannot be opened, or refuses an option, ends the job.
    """

    def __init__(self, model: Any, *, column: Optional[str] = None, prefix: str = "", **options: Any) -> None:
        self._stage = Stage(model, column, prefix, **options)
        self._stage.try_options()

    def __call__(self, batch: Any) -> Any:
        if not isinstance(batch, pa.Table):
            raise ArgumentError(f'a {type(batch).__name__}, expected a table: batch_format="pyarrow"', argument="batch")
        heard = self._stage.heard(batch.column_names)
        found = self._stage.transcribe(batch.column(heard).to_pylist())
        if heard in BYTES:
            batch = batch.drop([heard])
        for (name, values), kind in zip(found.items(), RESULT_TYPES.values()):
            batch = batch.append_column(name, pa.array(values, kind))
        return batch


def transcribe_dataset(
    source: Any,
    model: Any,
    *,
    column: Optional[str] = None,
    prefix: str = "",
    concurrency: Union[int, tuple[int, int], None] = None,
    batch_size: int = 16,
    num_cpus: float = 1,
    map_options: Optional[dict[str, Any]] = None,
    **options: Any,
) -> Any:
    """A Dataset with the text of every recording of the source, in its order.

    source        a folder (all below it that looks like audio, sorted); a list of paths or of the bytes of files; a table of them
                  (pyarrow's or pandas'); a Dataset, as of ray.data.read_binary_files("s3://...", include_paths=True)
    concurrency   workers, or (least, most); None: from one to as many as the cluster has room for
    batch_size    rows that a worker is given at a time: they are heard together, and done again if it dies
    num_cpus      of a worker: also the threads of its model, unless `threads` says otherwise
    map_options   more of Dataset.map_batches(): {"memory": 2 << 30}
    model, column, prefix, options    as of Transcriber

    The columns of the source stay, but for one of bytes. What is not a Dataset gets a column `index` too, its rows from 0. Lazy, as all
    that Ray Data does. Results come in the order of the source, which Ray is told for this Dataset alone.
    """
    options.setdefault("threads", max(int(num_cpus), 1))
    stage = Stage(model, column, prefix, **options)
    dataset = source if isinstance(source, ray.data.Dataset) else _dataset(_table(source), stage, batch_size)
    if concurrency is None:
        concurrency = 1, max(int(ray.cluster_resources().get("CPU", 1) / max(num_cpus, 0.01)), 1)
    if isinstance(concurrency, int):
        concurrency = concurrency, concurrency
    least, most = concurrency
    mapped = dataset.map_batches(
        Transcriber,
        fn_constructor_kwargs={"model": stage.path, "column": column, "prefix": prefix, **options},
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=ray.data.ActorPoolStrategy(min_size=least, max_size=most),
        num_cpus=num_cpus,
        **(map_options or {}),
    )
    mapped.context.execution_options.preserve_order = True
    return mapped


def _dataset(table: Any, stage: Stage, batch_size: int) -> Any:
    """A block per batch, so that workers take turns and a dead one's loss is small."""
    if "index" not in table.column_names:
        table = table.add_column(0, "index", pa.array(range(table.num_rows), pa.int64()))
    stage.heard(table.column_names)
    return ray.data.from_arrow([table.slice(at, batch_size) for at in range(0, max(table.num_rows, 1), batch_size)])


def _table(source: Any) -> Any:
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, (str, os.PathLike)):
        source = audio_below(source)
    if isinstance(source, (list, tuple)):
        return _listed(source)
    if hasattr(source, "iloc"):
        return pa.Table.from_pandas(source, preserve_index=False)
    raise ArgumentError(f"a {type(source).__name__}, expected a folder, a list, a table or a Dataset", argument="source")


def _listed(items: Any) -> Any:
    """A table of one column. What is no path stays in it as nothing, and becomes a row with an error."""
    if any(isinstance(item, (bytes, bytearray, memoryview)) for item in items):
        for position, item in enumerate(items):
            if isinstance(item, (str, os.PathLike)):
                raise ArgumentError("a path in a list of bytes, expected one kind", argument="source", position=position)
        return pa.table({"bytes": pa.array([None if item is None else bytes(item) for item in items], pa.large_binary())})
    paths = [None if item is None else _readable(item, position) for position, item in enumerate(items)]
    return pa.table({"path": pa.array(paths, pa.string())})


def _readable(path: Any, position: int) -> str:
    """A name that is not UTF-8 cannot be in a table: it is written with backslashes there, and not found."""
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentError(f"a {type(path).__name__}, expected a path or the bytes of a file", argument="source", position=position)
    return os.fsencode(os.path.abspath(path)).decode("utf-8", "backslashreplace")


def audio_below(folder: Any) -> list[str]:
    """All below a folder that looks like audio by its ending, sorted, hidden files left out; a file is itself."""
    if os.path.isfile(folder):
        return [os.fspath(folder)]
    if not os.path.isdir(folder):
        raise ArgumentError(f"{os.fspath(folder)}: no such folder or file on this machine", argument="source")
    found: list[str] = []
    seen: set[tuple[int, int]] = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        state = os.stat(root)
        if (state.st_dev, state.st_ino) in seen:  # links in a circle
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [os.path.join(root, name) for name in files if name.lower().endswith(_ENDINGS) and not name.startswith(".")]
    if not found:
        raise ArgumentError(f"{os.fspath(folder)}: no audio in the folder", argument="source")
    return sorted(found)
