# SPDX-License-Identifier: MIT
"""What NeMo does with Canary's results outside the network, as inputs and outputs: the beam search over made-up distributions, cuts of
long audio, merging of chunks and hours, times from text, alignment. No model is needed for write(); aligner_sections() asks the
tokenizer of a model with an aligner.
"""
import json
import os
import random
from contextlib import contextmanager
from types import SimpleNamespace

import torch
from nemo.collections.asr.data.audio_to_text_lhotse_prompted import PromptedAudioToTextLhotseDataset
from nemo.collections.asr.modules.transformer.transformer_generators import BeamSearchSequenceGenerator, GreedySequenceGenerator
from nemo.collections.asr.parts.utils.chunking_utils import merge_hypotheses_of_same_audio, merge_parallel_chunks
from nemo.collections.asr.parts.utils.rnnt_utils import Hypothesis
from nemo.collections.asr.parts.utils.streaming_utils import lcs_alignment_merge_buffer
from nemo.collections.asr.parts.utils.timestamp_utils import get_forced_aligned_timestamps_with_external_model, process_aed_timestamp_outputs

import tensor_file
from reference import plain

# ---------------------------------------------------------------- searches

PAD, EOS, CLASSES, ROWS, PROMPT = 2, 3, 10, 24, [4, 5, 6]


class Table:
    """Stands for embedding, decoder and head: the distribution after a token depends on it and its position alone."""

    def __init__(self, scores):
        self.scores = scores  # (position, token, next token) log-probabilities
        self.mlp = SimpleNamespace(layers=1, layer0=SimpleNamespace(out_features=CLASSES))

    def forward(self, *arguments, start_pos=None, hidden_states=None, return_mems=None):
        if start_pos is not None:  # the embedding
            ids = arguments[0]
            at = torch.arange(start_pos, start_pos + ids.shape[1])[None].expand(ids.shape)
            return torch.stack([at, ids], dim=-1).float()
        if hidden_states is not None:  # the head
            at, ids = hidden_states[..., 0].long(), hidden_states[..., 1].long()
            return self.scores[at, ids]
        states, _, _, _, memory = arguments  # the decoder
        return [states if memory is None else torch.cat([memory[0], states], dim=1)], None

    @contextmanager
    def with_log_softmax_enabled(self, _):
        yield self

    def parameters(self):
        yield torch.zeros(1)


def table(seed):
    """Ever likelier to end; with an odd seed the first token after the prompt may be the end already."""
    g = torch.Generator().manual_seed(seed)
    logits = 1.2 * torch.randn(ROWS, CLASSES, CLASSES, generator=g)
    logits[:, :, PAD] -= 3
    logits[:, :, EOS] += torch.arange(ROWS)[:, None] * 0.25 - 2.5
    if seed % 2:
        logits[2, :, EOS] += 4
    return torch.log_softmax(logits, -1)


def search_rows(tensors):
    rows = []
    states, mask = torch.zeros(1, 8, 2), torch.ones(1, 8)
    for seed in range(6):
        scores = table(seed)
        tensors[f"table_{seed}/scores"] = scores.numpy()
        part = Table(scores)
        common = dict(pad=PAD, bos=4, eos=EOS, max_sequence_length=ROWS)
        for delta in (-1, 0, 4):
            greedy = GreedySequenceGenerator(part, part, part, max_delta_length=delta, **common)
            out = greedy(decoder_input_ids=torch.tensor([PROMPT]), encoder_hidden_states=states, encoder_input_mask=mask)[0]
            rows.append(dict(table=seed, strategy="greedy", delta=delta, out=plain(out[0])))
            for size in (1, 2, 3, 5):
                for penalty in (0.0, 0.6, 1.0, 3.0):
                    beam = BeamSearchSequenceGenerator(part, part, part, beam_size=size, len_pen=penalty, max_delta_length=delta, **common)
                    all_ids, all_scores, best, _ = beam(decoder_input_ids=torch.tensor([PROMPT]), encoder_hidden_states=states,
                                                        encoder_input_mask=mask, return_beam_scores=True)
                    rows.append(dict(table=seed, strategy="beam", beam=size, length_penalty=penalty, delta=delta, beams=plain(all_ids[0]),
                                     scores=plain(all_scores[0]), best=plain(best[0])))
    return rows


# ---------------------------------------------------------------- long audio


def plan_rows():
    rng = random.Random(5)
    dataset = PromptedAudioToTextLhotseDataset
    cutter = SimpleNamespace(_find_optimal_chunk_size=lambda *a, **k: dataset._find_optimal_chunk_size(None, *a, **k))
    totals = [16000, 639999, 640000, 640001, 656000, 928000, 944000, 944001, 57600000, 57599999] + [rng.randrange(640000, 9000000) for _ in range(30)]
    rows = []
    for total in totals:
        chunks, lengths = dataset._chunk_waveform(cutter, torch.zeros(total, dtype=torch.int8))
        rows.append(dict(total=total, chunk=len(chunks[0]), lengths=lengths))
    return rows


# Overlaps that differ in the middle, where a common run short of the end is widened over what differs.
WIDENED = [
    ([0, 1, 7, 11, 7, 5, 4, 8], [7, 11, 7, 12, 4, 8, 5]), ([3, 3, 3, 1, 0, 2, 1, 1], [3, 3, 1, 0, 6, 2, 1]), ([1, 2, 2, 0, 5, 0, 4, 4], [6, 0, 5, 0, 6, 4, 4]),
    ([1, 1, 1, 5, 3, 2, 2, 3, 1, 0, 5, 1, 5, 5, 2, 0, 0, 1, 3, 2, 3, 0, 1, 0], [6, 3, 2, 3, 0, 6, 0]), ([0, 1, 1, 1, 1, 0, 0, 1, 0, 1], [0, 2, 2, 0, 0, 1, 0]),
    ([8, 10, 8, 0, 5, 8, 6, 8, 3, 11, 8, 6, 10, 1, 11, 4, 11, 9, 11, 1, 4, 2, 1, 2, 0, 3, 6, 0, 0, 10], [6, 0, 12, 10, 8]),
    ([2, 0, 3, 1, 2, 0, 2, 1, 0, 2, 2, 0, 2, 0, 3, 0, 0, 0, 1, 3, 0, 1, 2, 0, 1, 3, 1, 3, 0, 2], [1, 2, 1, 0, 1, 0, 3]), ([0, 0, 2, 1, 1, 0, 0, 0, 0, 2], [3, 1, 0, 3, 2, 1, 2]),
]


def merge_row(buffer, data):
    merged = lcs_alignment_merge_buffer(buffer=list(buffer), data=list(data[:7]), delay=12, model=None, max_steps_per_timestep=2, min_lcs_length=1,
                                        parallel_chunking=True)
    return dict(buffer=buffer, data=data[:7], merged=merged)


def merge_rows():
    rng = random.Random(6)
    rows = []
    for i in range(120):
        alphabet = rng.choice([3, 5, 12, 60])
        buffer = [rng.randrange(alphabet) for _ in range(rng.choice([0, 1, 3, 10, 24, 30, 50]))]
        data = [rng.randrange(alphabet) for _ in range(rng.randrange(8))]
        if i % 3 and buffer and data:  # a real overlap, now and then with one wrong, one missing or one more
            cut = rng.randrange(1, 8)
            data = (buffer[-cut:] + data)[:7]
            change = rng.randrange(4)
            at = rng.randrange(len(data))
            if change == 1:
                data[at] = alphabet
            elif change == 2:
                del data[at]
            elif change == 3:
                data.insert(at, alphabet)
        rows.append(merge_row(buffer, data))
    return rows + [merge_row(*case) for case in WIDENED]


def hour_rows():
    def piece(text, words):
        h = Hypothesis(score=0.0, y_sequence=torch.tensor([1]), text=text)
        stamp = [dict(word=w, start_offset=a, end_offset=b, start=a * 0.08, end=b * 0.08) for w, a, b in words]
        h.timestamp = dict(word=stamp, segment=[])
        return h

    pieces = [[(" One two ", [("One", 3, 5), ("two", 6, 9)]), ("", []), (" three", [("three", 0, 4)])], [("Alone. ", [("Alone.", 2, 8)])]]
    rows = []
    for group in pieces:
        merged = merge_hypotheses_of_same_audio([piece(*p) for p in group], True, 8)
        rows.append(dict(pieces=[dict(text=t, words=w) for t, w in group], text=merged.text,
                         words=plain([[w[k] for k in ("word", "start_offset", "end_offset", "start", "end")] for w in merged.timestamp["word"]])))
    return rows


# ---------------------------------------------------------------- times

TIMED = [
    " <|3|>The<|5|> <|6|>harbour.<|9|> <|10|>Why?<|12|>", "no times at all", "", " <|3|>", "<|3|><|5|>", "<|3|> <|5|><|6|>word<|9|>",
    "lost <|3|>kept<|5|> lost again <|7|>kept too<|9|> lost", "<|1|><|2|>x<|3|>", "<|1|>a<|2|>b<|3|>c<|4|>", "<|1|>a<|en|>b<|4|>", "<|007|>spy<|0010|>",
    "<|9|>backwards<|2|>", "<|1|>line\nbreak<|2|><|3|>ok<|4|>", "<|1|>!<|2|><|3|>word<|4|><|5|>.<|6|>", "<|1|> padded <|2|>", "<|1|>unclosed <|2|>word<|3|><|4|>end",
    "<|0|>Zero<|0|>", "<|899|>last.<|899|>", "<|1|>Dr.<|2|><|3|>Who?!<|4|><|5|>x<|6|>", "<| 1|>no<|2|>", "<|1|>größer<|2|>",
]


def timed_rows():
    rows = []
    for text in TIMED:
        h = process_aed_timestamp_outputs([Hypothesis(score=0.0, y_sequence=[], text=text, timestamp=[])], 8, 0.01)[0]
        made = dict(input=text, text=h.text)
        for kind in ("word", "segment"):
            made[kind + "s"] = plain([[e[k] for k in (kind, "start_offset", "end_offset", "start", "end")] for e in h.timestamp[kind]])
        rows.append(made)
    return rows


ALIGNED = [
    ("Nobody knew.", 30), ("The train left at 7:30. Where did it go? Nobody knew!", 44), ("at a.m. or p.m. and 7.30", 30), ("quiet ⁇ bridge", 30),
    ("quiet☃bridge ☃", 24), ("  The   bridge \n is fine. ", 24), ("knew keeeper aa bb nn", 34), ("The river is bigger.", 5), ("", 12), (", quiet . and ! ?", 26),
    ("wait... what? No.", 26), ("The train", 0), ("Nobody, nobody, nobody!", 28), ("⁇", 9), ("?!", 9),
]


def aligner_sections(model, tensors):
    aligner = model.timestamps_asr_model
    classes = aligner.decoder.num_classes_with_blank
    g = torch.Generator().manual_seed(8)
    alignments = []
    for i, (text, frames) in enumerate(ALIGNED):
        frames = frames or len(aligner.tokenizer.text_to_ids(text))
        scores = torch.log_softmax(1.5 * torch.randn(frames, classes, generator=g), -1)
        tensors[f"align_{i}/scores"] = scores.numpy()
        made = dict(text=text, scores=f"align_{i}/scores")
        for kinds in (["word", "segment"], "char"):
            h = Hypothesis(score=0.0, y_sequence=[], text=text, timestamp=[])
            given = Hypothesis(score=0.0, y_sequence=scores, text="")
            try:
                found = get_forced_aligned_timestamps_with_external_model(audio=[given], external_ctc_model=aligner, main_model_predictions=[h], batch_size=1,
                                                                          timestamp_type=kinds, has_hypotheses=True, verbose=False)[0].timestamp
            except Exception as error:
                made["nemo_error"] = f"{type(error).__name__}: {error}"[:160]
                continue
            for kind, entries in found.items():
                keys = ("token_id" if kind == "char" else kind, "start_offset", "end_offset", "start", "end")
                made[kind + "s"] = plain([[e[k] for k in keys] for e in entries])
        alignments.append(made)
    return dict(alignments=alignments, merges=merged_chunks(model))


CHUNKED = [
    ["The harbour was quiet. Nobody knew.", "Nobody knew. The train left.", "left. Where did it go?"], ["The train left at 7:30.", "Where did it go?"],
    ["Nobody asked!", "", "asked! We'll wait."], ["", "The bridge is fine."], ["The bridge is fine, but the river is bigger.", "the river is bigger. Nobody left."],
    ["quiet, too quiet, and", "too quiet, and the train left."], ["Nobody knew; nobody asked! Nobody", "nobody asked! Nobody left the bridge"],
    ["go? go? go?", "go? go? We'll wait."], ["the", "the the the"],
]


def merged_chunks(model):
    """merge_parallel_chunks with the times that an aligner would give: one entry per token, frames that never run backwards."""
    rng = random.Random(9)
    tokenizer = model.tokenizer
    rows = []
    for texts in CHUNKED:
        hypotheses, chunks, encoded = [], [], []
        for text in texts:
            ids = tokenizer.text_to_ids(text) if text else []
            at, entries = rng.randrange(3), []
            for i in ids:
                end = at + rng.randrange(1, 4)
                punctuation = tokenizer.ids_to_tokens([i])[0] in {",", ".", "!", "?"}
                start = entries[-1]["end_offset"] if punctuation and entries else at
                entries.append(dict(char=tokenizer.ids_to_text([i]), token_id=i, token=tokenizer.ids_to_tokens([i])[0], start_offset=start,
                                    end_offset=start if punctuation else end, start=start * 0.08, end=end * 0.08))
                at = end + rng.randrange(2)
            h = Hypothesis(score=0.0, y_sequence=torch.tensor(ids, dtype=torch.long), text=text)
            h.timestamp = dict(char=entries)
            hypotheses.append(h)
            encoded.append(375 if len(encoded) + 1 < len(texts) else 200)
            chunks.append([[e["token_id"], e["start_offset"], e["end_offset"]] for e in entries])
        made = dict(texts=texts, chunks=chunks, encoded=encoded)
        for name, stamped in (("plain", False), ("timed", True)):
            try:
                h = merge_parallel_chunks(hypotheses=hypotheses, encoded_len=torch.tensor(encoded), model=None, timestamps=stamped, subsampling_factor=8,
                                          window_stride=0.01, decoding=model.decoding)
            except Exception as error:
                made[name + "_error"] = f"{type(error).__name__}: {error}"[:160]
                continue
            made[name] = h.text
            if stamped:
                for kind in ("word", "segment"):
                    keys = [k for k in (kind, "start_offset", "end_offset", "start", "end")]
                    made[kind + "s"] = plain([[e.get(k) for k in keys] for e in h.timestamp[kind]])
        rows.append(made)
    return rows


def write(folder):
    os.makedirs(folder, exist_ok=True)
    tensors = {}
    sections = dict(cases=[], searches=search_rows(tensors), plans=plan_rows(), merges=merge_rows(), hours=hour_rows(), timed=timed_rows())
    with open(os.path.join(folder, "expected.json"), "w") as out:
        out.write(f'{{\n"pad": {PAD}, "eos": {EOS}, "classes": {CLASSES}, "rows": {ROWS}, "frames": 8, "prompt": {PROMPT},\n')
        for name, rows in sections.items():
            out.write(f'"{name}": [\n' + ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows) + "\n],\n")
        out.write('"end": true\n}\n')
    tensor_file.write(os.path.join(folder, "tensors.bin"), tensors)
    print(f"canary-functions: {', '.join(f'{len(rows)} {name}' for name, rows in sections.items() if rows)}", flush=True)
