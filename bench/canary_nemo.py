# SPDX-License-Identifier: MIT
"""NeMo in a process of its own, for bench/canary.py: canary_nemo.py KIND THREADS MODEL.nemo CLIP.wav [DECODER.onnx].

KIND is torch, torch-bf16 (decoder, head and states in bf16), both with NeMo's own search (model.decoding, as the archive sets it), or ort,
ort-int8: ONNX Runtime with NeMo's decoder and head, exported to DECODER.onnx when that is not there (int8: weights of products, dynamic),
and a greedy search around it.
Opens the model, says {"ready": ...} and answers each line "run REPEATS" with

    {"decoder_ms": [of each pass, from the encoder's states to token ids], "whole_ms": [transcribe() of the file],
     "steps": evaluations of the head in a pass, "ids": what the answer is, "rss_bytes": at the most so far}

A first pass of each is not counted. Between its turns it waits and computes nothing.
"""
import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")


def timed(run, repeats, warm=1):
    times = []
    for i in range(repeats + warm):
        started = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - started))
    return times[warm:]


class Torch:
    """NeMo's decoder and search, and its transcribe()."""

    def __init__(self, threads, model, clip, dtype="float32"):
        import soundfile
        import torch
        from nemo.collections.asr.models import ASRModel
        from nemo.utils import logging

        logging.setLevel(logging.ERROR)
        torch.set_num_threads(threads)
        self.torch, self.clip, self.dtype = torch, clip, getattr(torch, dtype)
        self.model = m = ASRModel.restore_from(model, map_location="cpu").eval()
        m.preprocessor.featurizer.dither = 0.0
        samples = torch.tensor(soundfile.read(clip, dtype="float32")[0])[None]
        with torch.inference_mode():
            _, _, self.states, self.mask = m(input_signal=samples, input_signal_length=torch.tensor([samples.shape[1]]))
        slots = dict(source_lang="en", target_lang="en", pnc="yes", decodercontext="", emotion="<|emo:undefined|>", itn="no", timestamp="no",
                     diarize="no", prompt_language="spl_tokens")
        self.prompt = m.prompt.encode_dialog(turns=[dict(role="user", slots=slots)])["context_ids"][None]
        self.states = self.states.to(self.dtype)
        for part in (m.transf_decoder, m.log_softmax):
            part.to(self.dtype)
        self.steps = 0
        hook = m.log_softmax.mlp.register_forward_hook(lambda *_: setattr(self, "steps", self.steps + 1))
        self.ids = self.decode()
        hook.remove()

    def decode(self):
        with self.torch.inference_mode():
            found = self.model.decoding.decoding(encoder_hidden_states=self.states, encoder_input_mask=self.mask, decoder_input_ids=self.prompt)
        return found[0][0].y_sequence.tolist()

    def whole(self):
        with self.torch.inference_mode():
            self.model.transcribe([self.clip], batch_size=1, verbose=False)

    def run(self, repeats):
        whole = timed(self.whole, repeats) if self.dtype == self.torch.float32 else []
        return {"decoder_ms": timed(self.decode, repeats), "whole_ms": whole, "steps": self.steps, "ids": self.ids}


class Ort:
    """One step of NeMo's decoder and head in ONNX Runtime. It keeps each layer's inputs, as NeMo does."""

    def __init__(self, threads, model, clip, path, int8=False):
        import numpy
        import onnxruntime
        from onnxruntime.quantization import QuantType, quantize_dynamic

        nemo = Torch(threads, model, clip)
        if not Path(path).exists():
            self.export(nemo, path)
        if int8:
            whole, path = path, str(Path(path).with_suffix(".int8.onnx"))
            if not Path(path).exists():
                quantize_dynamic(whole, path, op_types_to_quantize=["MatMul", "Gemm"], per_channel=True, weight_type=QuantType.QInt8)
        self.numpy, self.states = numpy, nemo.states.clone().numpy()
        self.mask, self.prompt = nemo.mask.clone().to(nemo.torch.float32).numpy(), nemo.prompt.numpy()
        self.end, self.depth = nemo.model.tokenizer.eos_id, nemo.model.transf_decoder.num_states
        self.limit = nemo.model.transf_decoder.max_sequence_length
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.steps, self.ids = 0, []
        del nemo
        self.decode()

    @staticmethod
    def export(nemo, path):
        torch, model = nemo.torch, nemo.model

        class Step(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.embedding, self.decoder, self.head = model.transf_decoder.embedding, model.transf_decoder.decoder, model.log_softmax.mlp

            def forward(self, ids, start, states, mask, mems):
                hidden = self.embedding.token_embedding(ids) + self.embedding.position_embedding.pos_enc[start]
                hidden = self.embedding.layer_norm(hidden)
                kept, _ = self.decoder(hidden, torch.ones_like(ids, dtype=torch.float32), states, mask, list(mems.unbind(0)), return_mems=True)
                return self.head(kept[-1][:, -1:]), torch.stack(kept)

        mems = torch.zeros(model.transf_decoder.num_states, 1, 0, nemo.states.shape[2])
        start = torch.arange(nemo.prompt.shape[1])[None]
        model.requires_grad_(False)
        with torch.no_grad():
            torch.onnx.export(Step().eval(), (nemo.prompt, start, nemo.states.clone(), nemo.mask.float(), mems), path, opset_version=17,
                              input_names=["ids", "start", "states", "mask", "mems"], output_names=["logits", "kept"], dynamo=False,
                              dynamic_axes={"ids": {1: "n"}, "start": {1: "n"}, "states": {1: "t"}, "mask": {1: "t"}, "mems": {2: "past"}})

    def decode(self):
        np = self.numpy
        ids, found, at = self.prompt, [], 0
        mems = np.zeros((self.depth, 1, 0, self.states.shape[2]), np.float32)
        while at < self.limit:
            start = np.arange(at, at + ids.shape[1])[None]
            logits, mems = self.session.run(None, dict(ids=ids, start=start, states=self.states, mask=self.mask, mems=mems))
            at += ids.shape[1]
            token = int(logits[0, -1].argmax())
            found.append(token)
            if token == self.end:
                break
            ids = np.array([[token]])
        self.steps, self.ids = len(found), found[:-1]

    def run(self, repeats):
        return {"decoder_ms": timed(self.decode, repeats), "whole_ms": [], "steps": self.steps, "ids": self.ids}


OPENERS = {"torch": Torch, "torch-bf16": lambda *a: Torch(*a, "bfloat16"), "ort": Ort,
           "ort-int8": lambda *a: Ort(*a, int8=True)}


def main():
    kind, threads, arguments = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer

    def say(what):
        print(json.dumps(what), file=out, flush=True)

    try:
        opened = OPENERS[kind](threads, *arguments)
        say({"ready": kind})
    except Exception as error:  # whatever the library raises: the table says it
        say({"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]})
        return
    for line in sys.stdin:
        try:
            said = opened.run(int(line.split()[1]))
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
        say(said | {"rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024})


if __name__ == "__main__":
    main()
