# SPDX-License-Identifier: MIT
"""Named f32 tensors with their tolerances in one file; tests/golden/README.md has the layout, tests/golden/tensor_file.h the reader."""
import struct

import numpy as np

# Largest and mean absolute difference allowed; log amplifies rounding where a mel band holds no energy.
TOLERANCES = {"mel": (1e-3, 1e-5), "ctc_logprobs": (2e-3, 1e-4), "scores": (2e-3, 1e-4), "aligner": (2e-3, 1e-4)}
DEFAULT_TOLERANCE = (2e-4, 2e-5)


def write(path, tensors):
    """tensors: name -> array; the part of the name after the last '/' is the stage."""
    with open(path, "wb") as file:
        file.write(b"CSGT" + struct.pack("<II", 1, len(tensors)))
        for name, array in tensors.items():
            array = np.ascontiguousarray(array, dtype="<f4")
            most, mean = TOLERANCES.get(name.rsplit("/", 1)[-1], DEFAULT_TOLERANCE)
            text = name.encode()
            file.write(struct.pack("<I", len(text)) + text + struct.pack("<I", array.ndim))
            file.write(struct.pack(f"<{array.ndim}q", *array.shape) + struct.pack("<ff", most, mean))
            file.write(array.tobytes())
