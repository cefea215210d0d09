# SPDX-License-Identifier: MIT
"""model.py: the network as NeMo's own class, EncDecHybridRNNTCTCBPEModel with durations (TDT) and an auxiliary CTC head."""
import os

SIZE = dict(d=112, layers=6, heads=4, stem=32, kernel=9, pred=128, joint=128)
DURATIONS = [0, 1, 2, 3, 4]


def config(tokenizer_dir, size=SIZE):
    encoder = dict(
        _target_="nemo.collections.asr.modules.ConformerEncoder", feat_in=80, feat_out=-1, n_layers=size["layers"],
        d_model=size["d"], subsampling="dw_striding", subsampling_factor=8, subsampling_conv_channels=size["stem"],
        causal_downsampling=False, reduction=None, reduction_position=None, reduction_factor=1, ff_expansion_factor=4,
        self_attention_model="rel_pos", n_heads=size["heads"], att_context_size=[-1, -1], att_context_style="regular",
        xscaling=False, untie_biases=True, pos_emb_max_len=5000, conv_kernel_size=size["kernel"], conv_norm_type="batch_norm",
        conv_context_size=None, use_bias=True, dropout=0.05, dropout_pre_encoder=0.05, dropout_emb=0.0, dropout_att=0.05,
        stochastic_depth_drop_prob=0.0, stochastic_depth_mode="linear", stochastic_depth_start_layer=1)
    return dict(
        sample_rate=16000, log_prediction=False, skip_nan_grad=False, compute_eval_loss=False,
        tokenizer=dict(dir=os.path.abspath(tokenizer_dir), type="bpe"),
        model_defaults=dict(enc_hidden=size["d"], pred_hidden=size["pred"], joint_hidden=size["joint"],
                            tdt_durations=DURATIONS, num_tdt_durations=len(DURATIONS)),
        preprocessor=dict(_target_="nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor", sample_rate=16000,
                          normalize="per_feature", window_size=0.025, window_stride=0.01, window="hann", features=80, n_fft=512,
                          log=True, frame_splicing=1, dither=1e-5, pad_to=0, pad_value=0.0),
        spec_augment=dict(_target_="nemo.collections.asr.modules.SpectrogramAugmentation", freq_masks=2, time_masks=2,
                          freq_width=18, time_width=0.05),
        encoder=encoder,
        decoder=dict(_target_="nemo.collections.asr.modules.RNNTDecoder", normalization_mode=None, random_state_sampling=False,
                     blank_as_pad=True, prednet=dict(pred_hidden=size["pred"], pred_rnn_layers=1, t_max=None, dropout=0.1)),
        joint=dict(_target_="nemo.collections.asr.modules.RNNTJoint", log_softmax=None, preserve_memory=False, fuse_loss_wer=False,
                   fused_batch_size=4, num_extra_outputs=len(DURATIONS),
                   jointnet=dict(joint_hidden=size["joint"], activation="relu", dropout=0.1)),
        decoding=dict(strategy="greedy_batch", model_type="tdt", durations=DURATIONS, greedy=dict(max_symbols=10),
                      beam=dict(beam_size=2, return_best_hypothesis=False, score_norm=True, tsd_max_sym_exp=50,
                                alsd_max_target_len=2.0)),
        loss=dict(loss_name="tdt", tdt_kwargs=dict(fastemit_lambda=0.0, clamp=-1.0, durations=DURATIONS, sigma=0.02, omega=0.1)),
        interctc=dict(loss_weights=[], apply_at_layers=[]),
        aux_ctc=dict(ctc_loss_weight=0.3, use_cer=False, ctc_reduction="mean_batch",
                     decoder=dict(_target_="nemo.collections.asr.modules.ConvASRDecoder", feat_in=None, num_classes=-1, vocabulary=[]),
                     decoding=dict(strategy="greedy_batch")))


def build(tokenizer_dir, size=SIZE):
    import logging
    from nemo.utils import logging as nemo_logging
    nemo_logging.setLevel(logging.ERROR)
    from nemo.collections.asr.models import EncDecHybridRNNTCTCBPEModel
    from omegaconf import OmegaConf
    return EncDecHybridRNNTCTCBPEModel(cfg=OmegaConf.create(config(tokenizer_dir, size)))
