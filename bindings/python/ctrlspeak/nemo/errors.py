# SPDX-License-Identifier: MIT
"""What NeMo has and the engine has not."""

from __future__ import annotations

from typing import Any

from ..errors import UnsupportedError


class NotSupported(UnsupportedError, NotImplementedError):
    """An argument asks for what the engine cannot do. `argument` names it."""


def refuse(argument: str, value: Any, instead: str) -> NotSupported:
    """To be raised: what was asked for, and what there is."""
    shown = repr(value)
    return NotSupported(f"{shown if len(shown) <= 60 else type(value).__name__} is not supported: {instead}", argument=argument)


def must_be_none(**arguments: Any) -> None:
    """Refuse every argument that is given."""
    for name, value in arguments.items():
        if value is not None:
            raise refuse(name, value, f"{_WHY.get(name, 'it has no counterpart here')}, expected None")


_WHY = {
    "augmentor": "the audio is transcribed as it is",
    "partial_hypothesis": "a recording is transcribed from its start",
    "override_config_path": "the file's own configuration is used",
    "save_restore_connector": "the engine reads .nemo archives itself",
    "trainer": "nothing is trained here",
}
