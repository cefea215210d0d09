# SPDX-License-Identifier: MIT
"""The 0.6B encoder in numbers: sizes, frames, arithmetic and weights. docs/MODEL.md has the network in words."""
MELS, CHANNELS, WIDTH, HEADS, INNER, KERNEL, LAYERS = 128, 256, 1024, 8, 4096, 9, 24


def mel_frames(seconds):
    return round(seconds * 16000) // 160 + 1


def encoder_frames(seconds):
    frames = mel_frames(seconds) - 1  # NeMo's length: the last, half-filled frame is not counted
    for _ in range(3):
        frames = (frames - 1) // 2 + 1
    return frames


def weights():
    """Of all dense layers and pointwise convolutions, sub-sampling included: what a pass reads at the least."""
    return LAYERS * (4 * WIDTH * INNER + 7 * WIDTH * WIDTH) + CHANNELS * MELS // 8 * WIDTH + 2 * CHANNELS * CHANNELS


def gflop(seconds):
    """Multiplications and additions of one pass, positions kept, in 1e9: products and convolutions, nothing else."""
    t, mel = encoder_frames(seconds), mel_frames(seconds) - 1
    layers = LAYERS * t * (4 * WIDTH * INNER + 7 * WIDTH * WIDTH + KERNEL * WIDTH)
    attention = LAYERS * 2 * t * t * WIDTH + LAYERS * t * (2 * t - 1) * WIDTH
    subsampling, rows, bins = 0, mel, MELS
    for stage in range(3):
        rows, bins = (rows - 1) // 2 + 1, bins // 2
        subsampling += rows * bins * CHANNELS * (9 if stage == 0 else 9 + CHANNELS)
    subsampling += t * (CHANNELS * MELS // 8) * WIDTH
    return 2e-9 * (layers + attention + subsampling)
