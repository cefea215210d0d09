# SPDX-License-Identifier: MIT
"""Writes a .nemo archive again in another of the forms that NeMo reads.

form     None: as save_to() wrote it; "gzip": gzip'd tar (NeMo before 1.7); "gnu": GNU headers in place of PAX
weights  None; "float16", "bfloat16": every floating tensor in that type; "strided": transposed storages, several tensors
         in one storage, offsets that are not zero
"""
import os
import tarfile
import tempfile

import torch


def strided(state):
    """The same values, laid out so that a reader must heed strides, offsets and shared storages."""
    made, pool = type(state)(), []
    for i, (name, tensor) in enumerate(state.items()):
        if tensor.dim() == 2 and i % 3 == 0:
            tensor = tensor.T.contiguous().T
        elif tensor.dim() == 4:
            tensor = tensor.to(memory_format=torch.channels_last)
        elif tensor.dim() == 1 and tensor.dtype == torch.float32:
            pool.append((name, tensor))
        elif tensor.dim() == 2 and i % 3 == 1:
            wide = torch.zeros(tensor.shape[0], tensor.shape[1] + 3)
            wide[:, 2:-1] = tensor
            tensor = wide[:, 2:-1]
        made[name] = tensor
    shared = torch.cat([tensor for _, tensor in pool])
    at = 0
    for name, tensor in pool:
        made[name] = shared[at : at + len(tensor)]
        at += len(tensor)
    return made


def rewrite(path, weights=None, form=None):
    if not weights and not form:
        return
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(path) as tar:
            tar.extractall(folder)
        checkpoint = os.path.join(folder, "model_weights.ckpt")
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        if weights == "strided":
            state = strided(state)
        elif weights:
            dtype = getattr(torch, weights)
            state = type(state)((k, t.to(dtype) if t.is_floating_point() else t) for k, t in state.items())
        torch.save(state, checkpoint)
        with tarfile.open(path, "w:gz" if form == "gzip" else "w",
                          format=tarfile.GNU_FORMAT if form == "gnu" else tarfile.PAX_FORMAT) as tar:
            tar.add(folder, arcname=".")
