# SPDX-License-Identifier: MIT
"""The FastConformer encoder in plain PyTorch, random weights: what the peers run in bench/peers.py.

Same work as the 0.6B models: 8-fold depthwise-strided subsampling of 128 mels, 24 layers of width 1024, 8 heads,
feed-forward 4096, convolution kernel 9, no biases. What an inference engine may do once is done once here too, for the
peers' benefit: batch norm is folded into the depthwise convolution, queries, keys and values are one product, and the
projections of the relative positions are kept for all lengths up to 300 s (740 MB in f32). docs/MODEL.md has the network
in words.

    python encoder_torch.py OUT.onnx     export it for ONNX Runtime (weights beside it, length left open)
"""
import sys

import torch
from torch import nn
from torch.nn import functional as F

from shape import CHANNELS, HEADS, INNER, KERNEL, LAYERS, MELS, WIDTH, encoder_frames, gflop, mel_frames

LONGEST = 3760  # encoder frames whose positions are kept: 300 s


class Subsampling(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [nn.Conv2d(1, CHANNELS, 3, 2, 1), nn.ReLU()]
        for _ in range(2):
            layers += [nn.Conv2d(CHANNELS, CHANNELS, 3, 2, 1, groups=CHANNELS), nn.Conv2d(CHANNELS, CHANNELS, 1), nn.ReLU()]
        self.conv = nn.Sequential(*layers)
        self.out = nn.Linear(CHANNELS * MELS // 8, WIDTH)

    def forward(self, mel):  # (1, mel bins, mel frames)
        x = self.conv(mel.transpose(1, 2).unsqueeze(1))  # (1, C, T, F)
        return self.out(x.transpose(1, 2).flatten(2))  # (1, T, D)


class Attention(nn.Module):
    def __init__(self, width=WIDTH, heads=HEADS):
        super().__init__()
        self.heads, self.head_width = heads, width // heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.linear_pos = nn.Linear(width, width, bias=False)
        self.bias_u = nn.Parameter(torch.randn(heads, 1, self.head_width) * 0.02)
        self.bias_v = nn.Parameter(torch.randn(heads, 1, self.head_width) * 0.02)
        self.register_buffer("kept", torch.zeros(heads, self.head_width, 2 * LONGEST - 1), persistent=False)

    def keep_positions(self, table):  # (2 LONGEST - 1, D), position +(LONGEST - 1) first
        rows = self.linear_pos(table).view(-1, self.heads, self.head_width)
        self.kept.copy_(rows.permute(1, 2, 0))

    def forward(self, x):
        t = x.size(1)
        qkv = self.qkv(x).view(t, 3, self.heads, self.head_width).permute(1, 2, 0, 3)  # (3, H, T, K)
        q, k, v = qkv[0], qkv[1], qkv[2]
        positions = self.kept[:, :, LONGEST - t : LONGEST + t - 1]  # (H, K, 2T - 1)
        by_position = torch.matmul(q + self.bias_v, positions)  # (H, T, 2T - 1)
        shifted = F.pad(by_position, (1, 0)).view(self.heads, 2 * t, t)[:, 1:].reshape(self.heads, t, 2 * t - 1)[:, :, :t]
        scores = (torch.matmul(q + self.bias_u, k.transpose(1, 2)) + shifted) * self.head_width**-0.5
        mixed = torch.matmul(torch.softmax(scores, dim=-1), v)  # (H, T, K)
        return self.out(mixed.transpose(0, 1).reshape(1, t, -1))


class Convolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.pointwise1 = nn.Linear(WIDTH, 2 * WIDTH, bias=False)
        self.depthwise = nn.Conv1d(WIDTH, WIDTH, KERNEL, padding=KERNEL // 2, groups=WIDTH)  # batch norm folded in
        self.pointwise2 = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x):
        x = F.glu(self.pointwise1(x), dim=-1)
        x = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        return self.pointwise2(F.silu(x))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm_ff1, self.norm_att, self.norm_conv, self.norm_ff2, self.norm_out = (nn.LayerNorm(WIDTH) for _ in range(5))
        self.ff1 = nn.Sequential(nn.Linear(WIDTH, INNER, bias=False), nn.SiLU(), nn.Linear(INNER, WIDTH, bias=False))
        self.ff2 = nn.Sequential(nn.Linear(WIDTH, INNER, bias=False), nn.SiLU(), nn.Linear(INNER, WIDTH, bias=False))
        self.attention = Attention()
        self.convolution = Convolution()

    def forward(self, x):
        x = x + 0.5 * self.ff1(self.norm_ff1(x))
        x = x + self.attention(self.norm_att(x))
        x = x + self.convolution(self.norm_conv(x))
        x = x + 0.5 * self.ff2(self.norm_ff2(x))
        return self.norm_out(x)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.subsampling = Subsampling()
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        positions = torch.arange(LONGEST - 1, -LONGEST, -1, dtype=torch.float32)[:, None]
        rates = torch.exp(torch.arange(0, WIDTH, 2, dtype=torch.float32) * (-torch.log(torch.tensor(10000.0)) / WIDTH))
        table = torch.stack([torch.sin(positions * rates), torch.cos(positions * rates)], dim=-1).flatten(1)
        with torch.no_grad():
            for layer in self.layers:
                layer.attention.keep_positions(table)

    def forward(self, mel):
        x = self.subsampling(mel)
        for layer in self.layers:
            x = layer(x)
        return x


def build():
    torch.manual_seed(1)
    return Encoder().eval()


def parameters(encoder):
    """As NeMo counts them: batch norm's weight and bias apart from the depthwise convolution, which has no bias."""
    return sum(p.numel() for p in encoder.parameters()) + LAYERS * WIDTH


def export(path):
    encoder = build()
    mel = torch.randn(1, MELS, mel_frames(3))
    torch.onnx.export(encoder, (mel,), path, input_names=["mel"], output_names=["encoder"], opset_version=17,
                      dynamic_axes={"mel": {2: "mel_frames"}, "encoder": {1: "frames"}}, dynamo=False)


if __name__ == "__main__":
    with torch.inference_mode():
        print(f"{parameters(build()) / 1e6:.1f} M parameters, {gflop(11):.1f} GFLOP for 11 s ({encoder_frames(11)} frames)")
        if len(sys.argv) > 1:
            export(sys.argv[1])
