# SPDX-License-Identifier: MIT
"""The golden models: one line of differences each, and the NeMo configuration made from it.

Between them the models cover every variant of the Parakeet families. A key that is absent here is absent from, or at its
default in, the configuration. Sizes are as small as they can be while the text stays varied; several are deliberately
not multiples of 8, for the tails of vector loops.
"""

BASE = dict(kind="rnnt", mels=80, d=32, heads=4, layers=2, channels=16, factor=8, kernel=9, ff=2, xscaling=True, use_bias=True,
            vocab=64, case="lower", pred=32, joint=32, lstm=1, max_symbols=10)

# kind: ctc, rnnt, hybrid (RNN-T + CTC); with durations a transducer is TDT. style, ctx, local: attention.
VARIANTS = {
    # the shapes of the released families
    "ctc": dict(kind="ctc", ff=4, d=24),
    "rnnt": dict(d=24, ff=4, lstm=2, case="mixed", vocab=80),
    "tdt": dict(mels=128, d=24, ff=4, xscaling=False, use_bias=False, lstm=2, durations=[0, 1, 2, 3, 4], case="mixed", vocab=96),
    "tdt-ctc": dict(kind="hybrid", d=30, heads=5, layers=3, xscaling=False, durations=[0, 1, 2, 3, 4], case="mixed",
                    vocab=91, user=["<EOU>"]),
    # transducers
    "tdt-no-bias-key": dict(use_bias=None, xscaling=False, durations=[1, 2], act="tanh", joint_dropout=0.0, pred=24, joint=40,
                            lstm=2, max_symbols=None),
    "tdt-f16": dict(factor=4, durations=[0, 2, 4, 8], act="sigmoid", max_symbols=3, case="mixed", vocab=88, kernel=5, weights="float16",
                    burst=4, steps=800),
    "rnnt-max-symbols": dict(max_symbols=2, burst=4, act="tanh", pred=40, joint=24, case="mixed", vocab=72, archive="gzip",
                             nfkc=True, d=24, heads=2, steps=500),
    "rnnt-char": dict(chars=True, layers=1, heads=2, kernel=5, joint_dropout=0.0, ff=2),
    "rnnt-agg": dict(kind="hybrid", agg=True, case="mixed", vocab=56, layers=1, langs=True, max_symbols=None),
    # attention
    "tdt-ctc-local": dict(kind="hybrid", local=[8, 8], durations=[0, 1, 2, 3, 4], lstm=2, case="mixed", vocab=80, d=36, heads=3),
    "ctc-limited": dict(kind="ctc", mels=64, ctx=[[10, 4], [-1, 2], [6, -1]], factor=4, norm="layer_norm", conv_ctx=[6, 2], normalize="all_features",
                        use_bias=False, case="mixed", vocab=70),
    "rnnt-stream": dict(mels=128, normalize="NA", xscaling=False, use_bias=False, lstm=2, causal=True, norm="layer_norm",
                        conv_ctx="causal", style="chunked_limited", ctx=[[14, 6], [14, 1], [14, 0], [12, 3], [-1, 3]], case="mixed", vocab=96,
                        d=24),
    "rnnt-ctc-stream": dict(kind="hybrid", normalize="NA", causal=True, norm="layer_norm", conv_ctx="causal", kernel=5, act="sigmoid",
                            style="chunked_limited", ctx=[20, 3], layers=3, steps=700),
    "rnnt-unified": dict(mels=128, style="chunked_limited_with_rc", ctx=[-1, -1], att_chunk=[[70], [1, 2, 7], [0, 1, 2, 7]],
                         conv_style="dcc", lstm=2, case="mixed", vocab=80, d=24),
    # front end and subsampling
    "rnnt-causal4": dict(mels=45, factor=4, causal=True, window_size=0.016, window_stride=0.016, n_fft=None, kernel=5, ff=2, d=44,
                         preemph=0.9, channels=24),
    "ctc-front-end": dict(kind="ctc", mels=40, preemph=None, window="hamming", n_fft=1024, window_size=0.04, mag_power=1.0,
                          log_zero_guard_type="clamp", log_zero_guard_value=1e-5, lowfreq=20, highfreq=7600, normalize="None",
                          layers=1, norm="layer_norm"),
    "ctc-fixed": dict(kind="ctc", mels=32, normalize="fixed", exact_pad=True, layers=1, ff=2, heads=1, window_size=0.02),
    # vocabularies and containers
    "ctc-bf16": dict(kind="ctc", kernel=31, heads=2, layers=1, unigram=True, case="mixed", vocab=330, weights="bfloat16",
                     channels=20),
    "ctc-char": dict(kind="ctc", chars=True, layers=1, xscaling=False, mels=64),
    "tdt-strided": dict(durations=[0, 1, 2, 3, 4], untie=False, archive="gnu", weights="strided", d=24, case="mixed", vocab=75, max_symbols=None,
                        special=True),
}


def variant(name):
    return {**BASE, **VARIANTS[name]}


def preprocessor(v):
    made = dict(_target_="nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor", sample_rate=16000,
                normalize=v.get("normalize", "per_feature"), window_size=v.get("window_size", 0.025),
                window_stride=v.get("window_stride", 0.01), window=v.get("window", "hann"), features=v["mels"],
                n_fft=v.get("n_fft", 512), log=True, frame_splicing=1, dither=1e-5, pad_to=0, pad_value=0.0)
    for key in ("preemph", "mag_power", "log_zero_guard_type", "log_zero_guard_value", "lowfreq", "highfreq", "exact_pad"):
        if key in v:
            made[key] = v[key]
    if made["normalize"] == "fixed":
        made["normalize"] = dict(fixed_mean=[[-9.0 + 0.05 * i for i in range(v["mels"])]],
                                 fixed_std=[[2.5 + 0.03 * (i % 7) for i in range(v["mels"])]])
    return made


def encoder(v):
    made = dict(_target_="nemo.collections.asr.modules.ConformerEncoder", feat_in=v["mels"], feat_out=-1, n_layers=v["layers"],
                d_model=v["d"], subsampling="dw_striding", subsampling_factor=v["factor"],
                subsampling_conv_channels=v["channels"], causal_downsampling=v.get("causal", False), reduction=None,
                reduction_position=None, reduction_factor=1, ff_expansion_factor=v["ff"],
                self_attention_model="rel_pos_local_attn" if "local" in v else "rel_pos", n_heads=v["heads"],
                att_context_size=v.get("local", v.get("ctx", [-1, -1])), att_context_style=v.get("style", "regular"),
                xscaling=v["xscaling"], untie_biases=v.get("untie", True), pos_emb_max_len=5000, conv_kernel_size=v["kernel"],
                conv_norm_type=v.get("norm", "batch_norm"), conv_context_size=v.get("conv_ctx"), dropout=0.1,
                dropout_pre_encoder=0.1, dropout_emb=0.0, dropout_att=0.1, stochastic_depth_drop_prob=0.0,
                stochastic_depth_mode="linear", stochastic_depth_start_layer=1)
    if v["use_bias"] is not None:  # an absent key means true
        made["use_bias"] = v["use_bias"]
    if "att_chunk" in v:
        made["att_chunk_context_size"] = v["att_chunk"]
    if "conv_style" in v:
        made["conv_context_style"] = v["conv_style"]
    return made


def ctc_head(labels):
    return dict(_target_="nemo.collections.asr.modules.ConvASRDecoder", feat_in=None, num_classes=len(labels) or -1,
                vocabulary=labels)


def transducer(v):
    durations = v.get("durations")
    made = dict(
        compute_eval_loss=False,
        model_defaults=dict(enc_hidden=v["d"], pred_hidden=v["pred"], joint_hidden=v["joint"]),
        decoder=dict(_target_="nemo.collections.asr.modules.RNNTDecoder", normalization_mode=None, random_state_sampling=False,
                     blank_as_pad=True,
                     prednet=dict(pred_hidden=v["pred"], pred_rnn_layers=v["lstm"], t_max=None, dropout=0.2)),
        joint=dict(_target_="nemo.collections.asr.modules.RNNTJoint", log_softmax=None, preserve_memory=False, fuse_loss_wer=True,
                   fused_batch_size=4,
                   jointnet=dict(joint_hidden=v["joint"], activation=v.get("act", "relu"), dropout=v.get("joint_dropout", 0.2))),
        decoding=dict(strategy="greedy_batch", greedy=dict(max_symbols=v["max_symbols"]),
                      beam=dict(beam_size=2, return_best_hypothesis=False, score_norm=True)),
        loss=dict(loss_name="default", warprnnt_numba_kwargs=dict(fastemit_lambda=0.0, clamp=-1.0)))
    if v.get("langs"):
        made["decoding"]["compute_langs"] = True
    if durations:
        made["model_defaults"].update(tdt_durations=list(durations), num_tdt_durations=len(durations))
        made["joint"]["num_extra_outputs"] = len(durations)
        made["decoding"].update(model_type="tdt", durations=list(durations))
        made["loss"] = dict(loss_name="tdt", tdt_kwargs=dict(fastemit_lambda=0.0, clamp=-1.0, durations=list(durations), sigma=0.02,
                                                            omega=0.1))
    return made


def config(v, tokenizer, labels=()):
    """The model_config of a variant; tokenizer is NeMo's section, labels are for models of characters."""
    labels = list(labels)
    data = dict(manifest_filepath=None, sample_rate=16000, batch_size=16, num_workers=0, pin_memory=True)
    if labels:
        data["labels"] = labels
    made = dict(sample_rate=16000, log_prediction=True, skip_nan_grad=False, preprocessor=preprocessor(v), encoder=encoder(v),
                spec_augment=dict(_target_="nemo.collections.asr.modules.SpectrogramAugmentation", freq_masks=2, time_masks=10,
                                  freq_width=27, time_width=0.05),
                interctc=dict(loss_weights=[], apply_at_layers=[]))
    made.update({"labels": labels} if labels else {"tokenizer": tokenizer})
    if v["kind"] == "ctc":
        made.update(ctc_reduction="mean_batch", decoder=ctc_head(labels), decoding=dict(strategy="greedy_batch"))
    else:
        made.update(transducer(v))
    if v["kind"] == "hybrid":
        made["aux_ctc"] = dict(ctc_loss_weight=0.3, use_cer=False, ctc_reduction="mean_batch", decoder=ctc_head(labels),
                               decoding=dict(strategy="greedy_batch"))
    return made, dict(train_ds=dict(data, shuffle=True), validation_ds=dict(data, shuffle=False, use_start_end_token=False))
