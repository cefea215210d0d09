# SPDX-License-Identifier: MIT
"""Many recordings on many machines with Spark: docs/MANY.md says when that is worth it. Needs pyspark with pandas and pyarrow.

from ctrlspeak.spark import transcribe_dataframe

files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load("/recordings")
transcribe_dataframe(files.select("path"), "parakeet-tdt-0.6b-v3.nemo").write.parquet("texts")

A Python worker opens the model once and keeps it. Workers of a host share its weights: they map the same file. Spark does again what a
worker had in hand that died; a recording that cannot be heard is a row with its error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable, Optional

from ._table import BYTES, Stage

Frames = Callable[[Iterator[Any]], Iterator[Any]]

RESULT_TYPES = {
    "text": "string",
    "language": "string",
    "duration_seconds": "double",
    "words": "array<struct<text:string,start_seconds:double,end_seconds:double,confidence:double>>",
    "segments": "array<struct<text:string,start_seconds:double,end_seconds:double>>",
    "warning": "string",
    "error": "string",
    "error_code": "int",
}


def transcriber(model: Any, *, column: Optional[str] = None, prefix: str = "", **options: Any) -> Frames:
    """A function for DataFrame.mapInPandas(); its schema is result_schema()'s.

    model     path of the .nemo file, on every host
    column    that is heard: paths, or bytes of files; None: the first there is of bytes, content, path and audio
    prefix    of the new columns: text, language, duration_seconds, words, segments, warning, error, error_code
    options   those of Model.open(), of which `threads` is 1 by default, and of Model.transcribe()

    The rows come in their order with the columns that they had, but for `bytes` or `content` if that was heard. One that could not be
    heard has its `error` and its `error_code`, and None in the rest. A model that cannot be opened, or refuses an option, ends the job.
    """
    stage = Stage(model, column, prefix, **options)

    def transcribe(frames: Iterator[Any]) -> Iterator[Any]:
        stage.try_options()
        for frame in frames:
            yield _frame(stage, frame)

    return transcribe


def _frame(stage: Stage, frame: Any) -> Any:
    import pandas

    heard = stage.heard(list(frame.columns))
    values = [None if item is pandas.NA or isinstance(item, float) else item for item in frame[heard]]  # NaN: pandas' nothing
    found = stage.transcribe(values)
    if heard in BYTES:
        frame = frame.drop(columns=[heard])
    return frame.assign(**{name: pandas.Series(column, index=frame.index, dtype=object) for name, column in found.items()})


def result_schema(dataframe: Any, *, column: Optional[str] = None, prefix: str = "") -> str:
    """The schema that transcriber() gives for a DataFrame, as mapInPandas() wants it."""
    heard = Stage("", column, prefix).heard(dataframe.columns)
    kinds = {field.name: field.dataType.simpleString() for field in dataframe.schema.fields}
    if heard in BYTES:
        del kinds[heard]
    kinds.update({prefix + name: kind for name, kind in RESULT_TYPES.items()})
    return ", ".join(f"`{name.replace('`', '``')}` {kind}" for name, kind in kinds.items())


def transcribe_dataframe(dataframe: Any, model: Any, *, column: Optional[str] = None, prefix: str = "", **options: Any) -> Any:
    """The DataFrame with the text of every recording, in its order; arguments as of transcriber(). Lazy, as all that Spark does."""
    schema = result_schema(dataframe, column=column, prefix=prefix)
    return dataframe.mapInPandas(transcriber(model, column=column, prefix=prefix, **options), schema)
