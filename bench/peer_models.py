# SPDX-License-Identifier: MIT
"""The ONNX files that bench/peers.py compares with, made once and kept: peer_models.py FOLDER NAME MEL.npy

    f32         bench/encoder_torch.py as PyTorch exports it
    dynamic     products in int8, activations quantised as they come: the faster of the recipes in use (weights s8, a scale
                per output)
    published   the recipe of the int8 files that are in circulation: products and convolutions, weights u8, one scale each
    static      products in int8 between QuantizeLinear and DequantizeLinear: weights s8 with a scale per output, activations u8
                with ranges from MEL.npy (128, N), the features of real speech; their results stay f32

Products are those with weights: attention's two stay f32 everywhere, and so does the sub-sampling but for `published`.
Each file is FOLDER/NAME/encoder.onnx with its weights beside it; it appears whole or not at all.
"""
import shutil
import sys
from pathlib import Path

NAMES = ("f32", "dynamic", "published", "static")


def path_of(folder, name):
    return Path(folder) / name / "encoder.onnx"


def make_f32(source, out, mel):
    import torch

    import encoder_torch

    with torch.inference_mode():
        encoder_torch.export(str(out))


def make_dynamic(source, out, mel):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, out, op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8, per_channel=True,
                     use_external_data_format=True, extra_options={"MatMulConstBOnly": True})


def make_published(source, out, mel):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, out, op_types_to_quantize=["MatMul", "Conv"], weight_type=QuantType.QUInt8,
                     use_external_data_format=True)


def make_static(source, out, mel):
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Clip(CalibrationDataReader):
        def __init__(self):
            self.left = [{"mel": mel[None]}]

        def get_next(self):
            return self.left.pop() if self.left else None

    quantize_static(source, out, Clip(), quant_format=QuantFormat.QDQ, op_types_to_quantize=["MatMul"], per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, use_external_data_format=True,
                    extra_options={"MatMulConstBOnly": True, "OpTypesToExcludeOutputQuantization": ["MatMul"]})


def make(folder, name, mel):
    target, part = Path(folder) / name, Path(folder) / (name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    {"f32": make_f32, "dynamic": make_dynamic, "published": make_published,
     "static": make_static}[name](str(path_of(folder, "f32")), str(part / "encoder.onnx"), mel)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)


if __name__ == "__main__":
    import numpy

    make(sys.argv[1], sys.argv[2], numpy.load(sys.argv[3]))
