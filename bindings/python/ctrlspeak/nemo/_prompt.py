# SPDX-License-Identifier: MIT
"""Canary's prompt slots as the library's options.

Slots come from keyword arguments (source_lang="de"), from role and slots, from turns, and from the fields of a manifest's line, which
win over the arguments, as in NeMo. A yes or no that is neither is an error here; NeMo takes it for a no.

Source: NeMo nemo/collections/asr/models/aed_multitask_models.py: parse_multitask_prompt, _may_be_make_dict_and_fix_paths
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ..errors import ArgumentError
from .errors import refuse

_LANGUAGES = {"source_lang": "language", "target_lang": "target_language"}
_CHOICES = {"pnc": "punctuation", "itn": "itn", "diarize": "diarize", "timestamp": "timestamps"}
_TASKS = {
    "asr": False,
    "transcribe": False,
    "<|transcribe|>": False,
    "ast": True,
    "translate": True,
    "s2t_translation": True,
    "<|translate|>": True,
}
SLOTS = (*_LANGUAGES, *_CHOICES, "task", "taskname", "decodercontext", "context", "emotion", "prompt_language")
_YES, _NO = ("yes", "1", "true"), ("no", "0", "false")


def choice(name: str, value: Any) -> Optional[bool]:
    """yes, 1, true, the slot's own name or token, and their opposites; None and "": not said."""
    if value is None or value == "" or isinstance(value, bool):
        return None if value == "" else value
    said = str(value).lower()
    if said in (*_YES, name, f"<|{name}|>"):
        return True
    if said in (*_NO, f"no{name}", f"<|no{name}|>"):
        return False
    raise ArgumentError(f"{value!r}, expected yes or no", argument=name)


def slots_of(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """The slots of transcribe()'s keyword arguments, in any of the three forms that NeMo takes."""
    if "turns" in prompt:
        turns = prompt["turns"]
        if len(prompt) > 1 or not isinstance(turns, list) or not turns or not all(isinstance(turn, Mapping) for turn in turns):
            raise ArgumentError("expected a list of dicts with role and slots, and no other key beside it", argument="turns")
        if len(turns) > 1:
            raise refuse("turns", turns, "one turn of the role user is what there is")
        prompt = turns[0]
    slots = dict(prompt)
    role = slots.pop("role", "user")
    if role != "user":
        raise refuse("role", role, "expected user")
    inner = slots.pop("slots", None)
    if inner is not None:
        if not isinstance(inner, Mapping):
            raise ArgumentError(f"a {type(inner).__name__}, expected a dict", argument="slots")
        slots.update(inner)
    for name in slots:
        if name not in SLOTS:
            raise ArgumentError(f"no such slot, expected one of {', '.join(SLOTS)}", argument=name)
    return slots


def options_of(slots: Mapping[str, Any], prompt_format: str) -> dict[str, Any]:
    """The library's options. Nothing said about languages: as the file's defaults say; one of the two said: the other is en, as in
    NeMo, and the task is asr where none is said."""
    options: dict[str, Any] = {}
    for name, option in _LANGUAGES.items():
        value = slots.get(name)
        if value is not None:
            options[option] = value[2:-2] if isinstance(value, str) and value.startswith("<|") and value.endswith("|>") else value
    if options:
        options = {option: options.get(option, "en") for option in _LANGUAGES.values()}
        if prompt_format == "canary":
            options["translate"] = False
    for name, option in _CHOICES.items():
        value = choice(name, slots.get(name))
        if value is not None:
            options[option] = value
    task = slots.get("task") if slots.get("task") is not None else slots.get("taskname")
    if task is not None:
        if task not in _TASKS:
            raise ArgumentError(f"{task!r}, expected one of {', '.join(_TASKS)}", argument="task")
        if prompt_format == "canary":  # elsewhere the languages tell
            options["translate"] = _TASKS[task]
    context = slots.get("decodercontext") or slots.get("context")
    if context:
        options["context"] = context
    if slots.get("emotion"):
        emotion = str(slots["emotion"])
        options["emotion"] = emotion if emotion.startswith("<|") else f"<|emo:{emotion}|>"
    if prompt_format == "canary":  # has no such slots: a no is no harm
        for option in ("itn", "diarize", "timestamps"):
            if options.get(option) is False:
                del options[option]
    return options
