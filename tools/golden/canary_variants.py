# SPDX-License-Identifier: MIT
"""The golden Canary models: one entry of differences each, and the NeMo configuration made from it.

canary        as canary-1b: prompt format canary, aggregate tokenizer, no times, square projection-free decoder
canary-flash  as canary-1b-flash and canary-180m-flash: canary2, aggregate, time tokens, encoder and decoder of different width
canary-v2     as canary-1b-v2: canary2, one SentencePiece tokenizer, a CTC aligner inside the archive
canary-post   what the configuration allows and no release has: post-norm, gelu, learned positions, a transformer encoder
              between, other prompt defaults; in the file the head's storage is not the embedding's
"""
from variants import BASE, ctc_head, encoder, preprocessor

LANGUAGES = ("en", "de", "es", "fr")
CANARY1_SPECIAL = (["<pad>", "<|endoftext|>", "<|startoftranscript|>", "<|transcribe|>", "<|translate|>", "<|pnc|>", "<|nopnc|>",
                    "<|nospeech|>"] + [f"<|{c}|>" for c in LANGUAGES] + [f"<|spltoken{i}|>" for i in range(18)])


def canary2_special(codes, times):
    """In the order of NeMo's build_special_tokenizer: its own six first, then the given list."""
    return (["<|nospeech|>", "<pad>", "<|endoftext|>", "<|startoftranscript|>", "<|pnc|>", "<|nopnc|>", "<|startofcontext|>",
             "<|itn|>", "<|noitn|>", "<|timestamp|>", "<|notimestamp|>", "<|diarize|>", "<|nodiarize|>", "<|spkchange|>",
             "<|audioseparator|>", "<|emo:undefined|>", "<|emo:neutral|>", "<|emo:happy|>", "<|emo:sad|>", "<|emo:angry|>", "<|unklang|>"]
            + [f"<|{c}|>" for c in codes] + [f"<|{i}|>" for i in range(times)] + ["<|spk0|>", "<|spk1|>", "<|spltoken0|>"])


COMMON = dict(BASE, kind="aed", mels=80, d=32, heads=4, layers=2, ff=2, xscaling=False, case="mixed", inner=64, delta=50,
              prompt="canary2", post=False, seed=9100)
CANARIES = {
    "canary": dict(prompt="canary", mels=128, width=32, dheads=4, max_seq=192, special=CANARY1_SPECIAL, seed=9110),
    "canary-flash": dict(width=40, dheads=5, inner=72, max_seq=256, special=canary2_special(("en", "de", "es", "fr", "it", "pt", "uk"), 150), seed=9120),
    "canary-v2": dict(mels=80, width=32, dheads=4, max_seq=256, single=canary2_special(("en", "de", "es", "fr", "uk"), 4), vocab=130,
                      aligner=dict(BASE, kind="ctc", d=24, ff=2, mels=80, xscaling=True), seed=9130),
    "canary-post": dict(d=24, width=36, dheads=2, max_seq=160, special=canary2_special(("en", "de", "es", "fr"), 100), post=True,
                        act="gelu", weights="strided", learned=True, types=2, between=1, delta=20, seed=9140,
                        defaults=dict(source_lang="<|de|>", target_lang="<|fr|>", pnc="<|nopnc|>", emotion="<|emo:sad|>", itn="<|itn|>")),
}


def canary(name):
    return {**COMMON, **CANARIES[name]}


def decoder_sections(v):
    width = v["width"]
    body = dict(num_layers=v.get("dlayers", 2), num_attention_heads=v["dheads"], inner_size=v["inner"], ffn_dropout=0.1, attn_score_dropout=0.1,
                attn_layer_dropout=0.1, hidden_act=v.get("act", "relu"), pre_ln=not v["post"], pre_ln_final_layer_norm=True)
    made = dict(
        model_defaults=dict(asr_enc_hidden=v["d"], lm_enc_hidden=width, lm_dec_hidden=width),
        transf_encoder=dict(_target_="nemo.collections.asr.modules.transformer.transformer_encoders.TransformerEncoder",
                            **{**body, "num_layers": v.get("between", 0)}, hidden_size=width, mask_future=False),
        transf_decoder=dict(_target_="nemo.collections.asr.modules.transformer.get_nemo_transformer", model_name=None, pretrained=False,
                            encoder=None, pre_ln_final_layer_norm=True,
                            config_dict=dict(body, max_sequence_length=v["max_seq"], num_token_types=v.get("types", 0), embedding_dropout=0.1,
                                             learn_positional_encodings=v.get("learned", False), hidden_size=width, vocab_size="None")),
        head=dict(_target_="nemo.collections.asr.parts.submodules.token_classifier.TokenClassifier", num_layers=1, activation="relu",
                  log_softmax=True, hidden_size=width, num_classes="None", dropout=0.0, use_transformer_init=True),
        decoding=dict(strategy="beam", return_best_hypothesis=True,
                      beam=dict(beam_size=1, len_pen=0.0, max_generation_delta=v["delta"])),
        loss=dict(_target_="nemo.collections.common.losses.smoothed_cross_entropy.SmoothedCrossEntropyLoss", label_smoothing=0.0, pad_id=None))
    return made


def prompt_defaults(v):
    slots = dict(decodercontext="", source_lang="<|en|>", target_lang="<|en|>", emotion="<|emo:undefined|>", pnc="<|pnc|>",
                 itn="<|noitn|>", timestamp="<|notimestamp|>", diarize="<|nodiarize|>", **{})
    slots.update(v.get("defaults", {}))
    return [dict(role="user", slots=slots), dict(role="user_partial", slots=dict(decodercontext=""))]


def canary_config(v, tokenizer):
    made = dict(sample_rate=16000, label_smoothing=0.0, log_prediction=True, prompt_format=v["prompt"], tokenizer=tokenizer,
                preprocessor=preprocessor(v), encoder=encoder(v),
                spec_augment=dict(_target_="nemo.collections.asr.modules.SpectrogramAugmentation", freq_masks=2, time_masks=10,
                                  freq_width=27, time_width=0.05), **decoder_sections(v))
    if v["prompt"] == "canary2":
        made["prompt_defaults"] = prompt_defaults(v)
    return made


def aligner_config(v, tokenizer):
    return dict(sample_rate=16000, log_prediction=True, skip_nan_grad=False, preprocessor=preprocessor(v), encoder=encoder(v),
                tokenizer=tokenizer, ctc_reduction="mean_batch", decoder=ctc_head([]), decoding=dict(strategy="greedy_batch"),
                spec_augment=dict(_target_="nemo.collections.asr.modules.SpectrogramAugmentation", freq_masks=2, time_masks=10,
                                  freq_width=27, time_width=0.05),
                interctc=dict(loss_weights=[], apply_at_layers=[]))
