# SPDX-License-Identifier: MIT
"""tdt_loss.py: the token-and-duration transducer loss on a CPU, vectorised over anti-diagonals.

NeMo's own TDT loss needs CUDA. Let n = t + u. A blank with duration d >= 1 comes from (t - d, u), on diagonal n - d; a label
with duration d >= 0 from (t - d, u - 1), on diagonal n - d - 1. Skewed to [batch, n, u], one logsumexp over at most nine
shifted rows gives a diagonal, and autograd does the backward pass. Impossible is -1e4, not -inf, which makes NaN gradients.
"""
import torch

NEVER = -1e4


def skew(x):
    """[B, T, U] -> [B, T + U - 1, U] with out[:, t + u, u] = x[:, t, u]."""
    b, t, u = x.shape
    padded = torch.nn.functional.pad(x.transpose(1, 2), (0, u), value=NEVER)           # [B, U, T + U]
    flat = padded.reshape(b, u * (t + u))[:, :u * (t + u - 1)]
    return flat.reshape(b, u, t + u - 1).transpose(1, 2)


def tdt_loss(joint, labels, t_len, u_len, durations, sigma=0.02):
    """joint: [B, T, U + 1, V + 1 + D] raw scores; labels: [B, U]. Returns the negative log-likelihood of each item."""
    b, t, u1, _ = joint.shape
    nd = len(durations)
    tokens, dur = joint.split([joint.shape[-1] - nd, nd], -1)
    tokens, dur = tokens.log_softmax(-1) - sigma, dur.log_softmax(-1)
    blank = tokens[..., -1]
    label = tokens[:, :, :-1, :].gather(3, labels[:, None, :, None].expand(b, t, u1 - 1, 1))[..., 0]
    label = torch.nn.functional.pad(label, (0, 1), value=NEVER)
    steps = []                                          # (diagonals back, labels emitted, scores of each diagonal)
    for i, d in enumerate(durations):
        if d:
            steps.append((d, 0, skew(blank + dur[..., i]).unbind(1)))
        steps.append((d + 1, 1, skew(label + dur[..., i]).unbind(1)))
    # alpha on t may run past T - 1 inside the rectangle of the skew; those cells never reach an end that is read below,
    # because skew() filled them with NEVER
    impossible = joint.new_full((b, u1), NEVER)
    first = impossible.clone()
    first[:, 0] = 0.0
    alphas = [first]
    for n in range(1, t + u1 - 1):
        rows = []
        for back, emits, scores in steps:
            if back > n:
                continue
            row = alphas[n - back] + scores[n - back]
            if emits:
                row = torch.cat([impossible[:, :1], row[:, :-1]], 1)
            rows.append(row)
        alphas.append(torch.logsumexp(torch.stack(rows), 0) if rows else impossible)
    alpha = torch.stack(alphas, 1)                      # [B, N, U + 1]
    item = torch.arange(b)
    ends = []
    for i, d in enumerate(durations):
        if d:
            at = t_len - d
            ok = at >= 0
            at = at.clamp(min=0)
            end = alpha[item, at + u_len, u_len] + blank[item, at, u_len] + dur[item, at, u_len, i]
            ends.append(torch.where(ok, end, torch.full_like(end, NEVER)))
    return -torch.logsumexp(torch.stack(ends), 0)
