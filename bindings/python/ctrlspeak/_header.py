# SPDX-License-Identifier: MIT
"""ctrlspeak.h in ctypes: every enumeration, struct and function, in the header's order and with its names.

tests/python/test_header.py compiles the header and compares names, sizes, offsets, values and parameters with what is
here, so a change there that is not made here fails a test. What each thing means is said in the header alone.
"""

from __future__ import annotations

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_void_p,
)
from typing import Any

# Enumerations, a word for each value: as keyword arguments and attributes spell them.
ERR = {"ok": 0, "einval": -1, "enomem": -2, "eio": -3, "emodel": -4, "eunsupported": -5, "eaudio": -6, "ecancelled": -7, "esystem": -8}
LOG_LEVEL = {"error": 0, "warning": 1, "info": 2, "debug": 3}
PRECISION = {"auto": 0, "f32": 1, "int8": 2, "bf16": 3}
HEAD = {"auto": 0, "ctc": 1, "rnnt": 2, "tdt": 3, "aed": 4}
CHANNEL = {"average": -1, "each": -2}
CONFIDENCE = {
    "max_prob": 0,
    "gibbs_lin": 1,
    "gibbs_exp": 2,
    "tsallis_lin": 3,
    "tsallis_exp": 4,
    "renyi_lin": 5,
    "renyi_exp": 6,
}
AGGREGATE = {"min": 0, "mean": 1, "max": 2, "prod": 3}
CHOICE = {"default": 0, "no": 1, "yes": 2}
SEARCH = {"auto": 0, "greedy": 1, "beam": 2}
FORMAT = {"txt": 0, "json": 1, "jsonl": 2, "srt": 3, "vtt": 4, "ctm": 5, "tsv": 6}
TIMESTAMPS = {"word": 0, "segment": 1, "none": 2}

LogFn = CFUNCTYPE(None, c_void_p, c_int, c_char_p, c_char_p)
ProgressFn = CFUNCTYPE(c_int, c_void_p, c_double, c_double)
TensorFn = CFUNCTYPE(None, c_void_p, c_char_p, c_int32, POINTER(c_int64), POINTER(c_float))
StageFn = CFUNCTYPE(None, c_void_p, c_char_p, c_double)
SinkFn = CFUNCTYPE(c_int, c_void_p, POINTER(c_char), c_size_t)


def _struct(name: str, /, **fields: Any) -> Any:
    return type(name, (Structure,), {"_fields_": list(fields.items())})


cs_error = _struct("cs_error", code=c_int, where=c_int64, message=c_char * 480)
cs_allocator = _struct("cs_allocator", alloc=c_void_p, release=c_void_p, user=c_void_p)
cs_model_options = _struct(
    "cs_model_options",
    struct_size=c_size_t,
    precision=c_int,
    threads=c_int32,
    cpu_path=c_char_p,
    allocator=POINTER(cs_allocator),
    log=LogFn,
    log_user=c_void_p,
    cache_folder=c_char_p,
    cache_max_bytes=c_int64,
    cache_min_bytes=c_int64,
)
cs_model_info = _struct(
    "cs_model_info",
    name=c_char_p,
    family=c_char_p,
    nemo_class=c_char_p,
    nemo_version=c_char_p,
    precision=c_char_p,
    cpu_path=c_char_p,
    heads=c_uint32,
    sample_rate_hz=c_int32,
    n_mels=c_int32,
    n_layers=c_int32,
    d_model=c_int32,
    n_heads=c_int32,
    conv_kernel=c_int32,
    subsampling_factor=c_int32,
    frame_seconds=c_double,
    vocab_size=c_int32,
    n_durations=c_int32,
    prediction_layers=c_int32,
    attention=c_char_p,
    languages=POINTER(c_char_p),
    n_languages=c_int32,
    n_parameters=c_int64,
    file_bytes=c_int64,
    weight_bytes=c_int64,
    session_bytes_per_minute=c_int64,
    threads=c_int32,
    precision_reason=c_char_p,
    opened=c_char_p,
    times=c_char_p,
    prompt_format=c_char_p,
    decoder_layers=c_int32,
    decoder_d_model=c_int32,
    max_positions=c_int32,
)
cs_tensor_info = _struct("cs_tensor_info", name=c_char_p, dtype=c_char_p, n_dims=c_int32, dims=c_int64 * 8)
cs_cache_entry = _struct("cs_cache_entry", file=c_char_p, model=c_char_p, precision=c_char_p, bytes=c_int64, used_seconds=c_int64)
cs_audio_options = _struct(
    "cs_audio_options", struct_size=c_size_t, rate_hz=c_int32, channel=c_int32, raw=c_char_p, allocator=POINTER(cs_allocator)
)
cs_audio = _struct(
    "cs_audio",
    channels=POINTER(POINTER(c_float)),
    n_channels=c_int32,
    n_samples=c_size_t,
    rate_hz=c_int32,
    source_rate_hz=c_int32,
    source_channels=c_int32,
    warning=c_char_p,
)
cs_transcribe_options = _struct(
    "cs_transcribe_options",
    struct_size=c_size_t,
    head=c_int,
    threads=c_int32,
    confidence=c_int,
    confidence_alpha=c_double,
    confidence_aggregate=c_int,
    max_symbols=c_int32,
    att_left=c_int32,
    att_chunk=c_int32,
    att_right=c_int32,
    raw_punctuation_spacing=c_int32,
    natural_ctc_times=c_int32,
    progress=ProgressFn,
    progress_user=c_void_p,
    tensor=TensorFn,
    tensor_user=c_void_p,
    stage=StageFn,
    stage_user=c_void_p,
    language=c_char_p,
    target_language=c_char_p,
    punctuation=c_int,
    timestamps=c_int,
    context=c_char_p,
    emotion=c_char_p,
    itn=c_int,
    diarize=c_int,
    translate=c_int,
    search=c_int,
    beams=c_int32,
    n_best=c_int32,
    length_penalty=c_double,
    max_generation_delta=c_int32,
    repeat_guard=c_int32,
    chunking=c_int,
    vad=c_int,
)
cs_token = _struct(
    "cs_token",
    id=c_int32,
    piece=c_char_p,
    frame=c_int64,
    duration=c_int32,
    start_seconds=c_double,
    end_seconds=c_double,
    logprob=c_float,
    confidence=c_float,
)
cs_word = _struct(
    "cs_word",
    text=c_char_p,
    start_seconds=c_double,
    end_seconds=c_double,
    start_frame=c_int64,
    end_frame=c_int64,
    confidence=c_float,
    first_token=c_int32,
    n_tokens=c_int32,
)
cs_segment = _struct(
    "cs_segment",
    text=c_char_p,
    start_seconds=c_double,
    end_seconds=c_double,
    start_frame=c_int64,
    end_frame=c_int64,
    first_word=c_int32,
    n_words=c_int32,
)
cs_alternative = _struct("cs_alternative", text=c_char_p, score=c_double, ids=POINTER(c_int32), n_ids=c_int32)
cs_result = _struct(
    "cs_result",
    text=c_char_p,
    model=c_char_p,
    head=c_int,
    precision=c_int,
    language=c_char_p,
    duration_seconds=c_double,
    score=c_double,
    tokens=POINTER(cs_token),
    n_tokens=c_int32,
    words=POINTER(cs_word),
    n_words=c_int32,
    segments=POINTER(cs_segment),
    n_segments=c_int32,
    n_frames=c_int64,
    mel_ms=c_double,
    encoder_ms=c_double,
    decode_ms=c_double,
    n_steps=c_int64,
    has_times=c_int32,
    looped=c_int32,
    n_chunks=c_int32,
    target_language=c_char_p,
    warning=c_char_p,
    alternatives=POINTER(cs_alternative),
    n_alternatives=c_int32,
)
cs_write_options = _struct(
    "cs_write_options",
    struct_size=c_size_t,
    file=c_char_p,
    timestamps=c_int,
    channel=c_int32,
    max_line_chars=c_int32,
    max_lines=c_int32,
)

STRUCTS = (
    cs_error,
    cs_allocator,
    cs_model_options,
    cs_model_info,
    cs_tensor_info,
    cs_cache_entry,
    cs_audio_options,
    cs_audio,
    cs_transcribe_options,
    cs_token,
    cs_word,
    cs_segment,
    cs_alternative,
    cs_result,
    cs_write_options,
)

# name: (what it returns, its parameters). A cs_model or cs_session is a void *.
_error = POINTER(cs_error)
_out = POINTER(c_void_p)
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "cs_version": (c_char_p, []),
    "cs_err_text": (c_char_p, [c_int]),
    "cs_model_options_init": (None, [POINTER(cs_model_options)]),
    "cs_model_open": (c_int, [c_char_p, POINTER(cs_model_options), _out, _error]),
    "cs_model_retain": (c_void_p, [c_void_p]),
    "cs_model_close": (None, [c_void_p]),
    "cs_model_get_info": (POINTER(cs_model_info), [c_void_p]),
    "cs_model_get_tensor": (c_int, [c_void_p, c_size_t, POINTER(cs_tensor_info)]),
    "cs_model_encode_text": (c_int, [c_void_p, c_char_p, POINTER(c_int32), c_size_t, POINTER(c_size_t), _error]),
    "cs_cache_list": (c_int, [c_char_p, POINTER(POINTER(cs_cache_entry)), POINTER(c_size_t), _error]),
    "cs_cache_list_free": (None, [POINTER(cs_cache_entry)]),
    "cs_cache_remove": (c_int, [c_char_p, c_char_p, _error]),
    "cs_audio_options_init": (None, [POINTER(cs_audio_options)]),
    "cs_audio_read_file": (c_int, [c_char_p, POINTER(cs_audio_options), POINTER(POINTER(cs_audio)), _error]),
    "cs_audio_read_memory": (c_int, [c_char_p, c_void_p, c_size_t, POINTER(cs_audio_options), POINTER(POINTER(cs_audio)), _error]),
    "cs_audio_free": (None, [POINTER(cs_audio)]),
    "cs_transcribe_options_init": (None, [POINTER(cs_transcribe_options)]),
    "cs_transcribe": (c_int, [c_void_p, c_void_p, c_size_t, POINTER(cs_transcribe_options), POINTER(POINTER(cs_result)), _error]),
    "cs_transcribe_file": (
        c_int,
        [c_void_p, c_char_p, POINTER(cs_audio_options), POINTER(cs_transcribe_options), POINTER(POINTER(cs_result)), _error],
    ),
    "cs_result_free": (None, [POINTER(cs_result)]),
    "cs_session_create": (c_int, [c_void_p, _out, _error]),
    "cs_session_free": (None, [c_void_p]),
    "cs_session_transcribe": (
        c_int,
        [c_void_p, c_void_p, c_size_t, POINTER(cs_transcribe_options), POINTER(POINTER(cs_result)), _error],
    ),
    "cs_session_transcribe_batch": (
        c_int,
        [
            c_void_p,
            c_size_t,
            POINTER(c_void_p),
            POINTER(c_size_t),
            POINTER(cs_transcribe_options),
            POINTER(POINTER(cs_result)),
            POINTER(cs_error),
            _error,
        ],
    ),
    "cs_session_cancel": (None, [c_void_p]),
    "cs_write_options_init": (None, [POINTER(cs_write_options)]),
    "cs_result_write": (c_int, [POINTER(cs_result), c_int, POINTER(cs_write_options), SinkFn, c_void_p, _error]),
}
