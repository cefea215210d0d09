#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_tdt_loss.py: tdt_loss.py against NeMo's slow reference, value and gradient, on a small ragged batch."""
import torch
from nemo.collections.asr.losses.rnnt_pytorch import TDTLossPytorch

from tdt_loss import tdt_loss

torch.manual_seed(0)
B, T, U, V, DUR = 3, 9, 4, 12, [0, 1, 2, 3, 4]
torch.Tensor.cuda = lambda self, *a, **k: self          # the reference asks for a GPU and does not need one
joint = torch.randn(B, T, U + 1, V + 1 + len(DUR), requires_grad=True)
labels = torch.randint(0, V, (B, U))
t_len, u_len = torch.tensor([9, 7, 8]), torch.tensor([4, 2, 3])
ours = tdt_loss(joint, labels, t_len, u_len, DUR).sum()
g_ours, = torch.autograd.grad(ours, joint)
theirs = TDTLossPytorch(blank=V, durations=DUR, reduction="sum", sigma=0.02)(acts=joint, labels=labels, act_lens=t_len, label_lens=u_len)
g_theirs, = torch.autograd.grad(theirs.sum(), joint)
print(f"ours {ours.item():.6f} NeMo {theirs.sum().item():.6f}; largest gradient difference {(g_ours - g_theirs).abs().max():.1e}")
assert abs(ours.item() - theirs.sum().item()) < 1e-3 and (g_ours - g_theirs).abs().max() < 1e-5
