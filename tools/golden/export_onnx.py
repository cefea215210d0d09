#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""NeMo's own ONNX export of a model's encoder, for bench/peers.py --nemo-onnx.

usage: export_onnx.py MODEL.nemo OUT.onnx     (weights are written beside OUT.onnx)
"""
import os
import sys

os.environ.update(CUDA_VISIBLE_DEVICES="", HF_HUB_OFFLINE="1")
import torch  # noqa: E402
from nemo.collections.asr.models import ASRModel  # noqa: E402

if len(sys.argv) != 3:
    sys.exit(__doc__)
model = ASRModel.restore_from(sys.argv[1], map_location="cpu").eval()
model.encoder.eval()
with torch.inference_mode():
    model.encoder.export(sys.argv[2], onnx_opset_version=17)
