# SPDX-License-Identifier: MIT
"""recombine.py: new prompts out of the training prompts: a word goes on as it does after the same two words somewhere in them.

Where two words have one continuation only, a prompt would be said again as it is; so in a third of the steps the last word alone
decides. Seeded. What comes out is often no sense and always the prompts' words in the prompts' manner.
"""
import collections


def recombine(rng, prompts, count, longest=14):
    """`count` different word sequences of 2 to `longest` words, none of them a prompt."""
    after = {1: collections.defaultdict(list), 2: collections.defaultdict(list)}
    for prompt in prompts:
        words = ["", ""] + prompt.split() + [""]
        for i in range(2, len(words)):
            after[2][words[i - 2], words[i - 1]].append(words[i])
            after[1][words[i - 1]].append(words[i])
    known, made = set(prompts), {}
    starts = [p.split()[0] for p in prompts if " " in p]
    while len(made) < count:
        words = ["", rng.choice(starts)]
        while words[-1] and len(words) <= longest + 1:
            last = after[1][words[-1]] if rng.random() < 0.33 else after[2][words[-2], words[-1]]
            words.append(rng.choice(last))
        text = " ".join(words).strip()
        if not words[-1] and " " in text and text not in known:
            made[text] = None
    return list(made)
