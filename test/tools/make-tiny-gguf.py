#!/usr/bin/env python3
"""Writes the tiny random GGUF files of test/models/ and their golden logits.

    make-tiny-gguf.py [OUT] [--only FAMILY/VARIANT]...     OUT: test/models by default

Needs gguf, torch, transformers and numpy. Every file mixes many tensor types; q, k and v of a layer have different ones. Beside
FAMILY/VARIANT.gguf lies the folder FAMILY/VARIANT with prompts.json and prompt-N.npy: what transformers computes in float32
from the dequantised weights. The script also reads the file with transformers' own GGUF reader, which must give the same weights.

The gguf package cannot quantise to the K types, so their blocks are random: all quantised values, scales of all sizes and signs.
"""
import argparse
import importlib.util
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import gguf
import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType as Type
from grok2_reference import Grok2


def load_script(name):
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), Path(__file__).resolve().parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tiny = load_script("make-tiny-model")

LEGACY = [Type.Q4_0, Type.F16, Type.Q8_0, Type.Q5_1, Type.BF16, Type.Q4_1, Type.F32, Type.Q5_0]
K_TYPES = [Type.Q4_K, Type.Q6_K, Type.Q5_K]


@dataclass
class Variant:
    name: str
    architecture: str  # as in general.architecture
    vocabulary: str  # "bpe" or "spm"
    config: dict  # as in config.json
    types: list  # dealt out to the matrices in turn, those that do not divide the rows passed over
    embedding: Type
    prompts: tuple = (3, 40)
    experts: list = None  # the same for experts' matrices; None: `types`
    predicting: bool = False  # a block after the layers that predicts a second token, as in some files
    fused: bool = False  # experts' gate and up in one tensor, as newer files have
    # Layers' types of one matrix of all heads' keys and values, their lengths under the plain names, as older files have.
    old: list = None
    split: int = 0  # written once more, in parts of so many tensors


VARIANTS = [
    # Rows of q and k permuted to the interleaved layout; llama3 scaling as rope_freqs; tied.
    Variant("llama/legacy-types", "llama", "bpe", tiny.sizes(96, 64, 3, 6, 2, 267, 16) | dict(
        model_type="llama", rms_norm_eps=1e-5, tie_word_embeddings=True,
        rope_parameters=tiny.LLAMA3 | dict(rope_theta=10000.0)), LEGACY, Type.Q8_0),
    # Linear scaling as a key; heads of another width than hidden / heads; a head of its own.
    Variant("llama/k-types", "llama", "bpe", tiny.sizes(256, 256, 2, 4, 1, 267, 24) | dict(
        model_type="llama", rms_norm_eps=1e-5, tie_word_embeddings=False,
        rope_parameters=dict(rope_type="linear", factor=2.0, rope_theta=5000.0)), K_TYPES + [Type.Q8_0], Type.Q4_K),
    # What a Mistral is in GGUF: a llama with a sentencepiece vocabulary.
    Variant("mistral/legacy-types", "llama", "spm", tiny.sizes(64, 64, 2, 4, 2, 320, 32) | dict(
        model_type="llama", rms_norm_eps=1e-5, tie_word_embeddings=False,
        rope_parameters=dict(rope_type="default", rope_theta=10000.0)), LEGACY[3:] + LEGACY[:3], Type.Q5_1),
    Variant("qwen3/mixed-types", "qwen3", "bpe", tiny.sizes(256, 64, 3, 4, 2, 267, 32) | dict(
        model_type="qwen3", rms_norm_eps=1e-6, tie_word_embeddings=True,
        rope_parameters=dict(rope_type="default", rope_theta=10000.0)), K_TYPES + LEGACY, Type.Q6_K),
    # Norms stored as 1 + w; five sliding layers to one full; the types of the real Q4_K_M files.
    Variant("gemma3/k-types", "gemma3", "spm", tiny.sizes(256, 64, 6, 2, 1, 320, 32) | dict(
        model_type="gemma3_text", rms_norm_eps=1e-6, tie_word_embeddings=True, sliding_window=6, query_pre_attn_scalar=32,
        layer_types=[tiny.S] * 5 + [tiny.F], rope_parameters={
            tiny.S: dict(rope_type="default", rope_theta=10000.0),
            tiny.F: dict(rope_type="linear", factor=2.0, rope_theta=100000.0)}),
        [Type.Q5_0, Type.Q4_K, Type.Q8_0, Type.Q6_K, Type.Q5_K], Type.Q8_0),
    Variant("gemma2/legacy-types", "gemma2", "spm", tiny.sizes(64, 64, 4, 2, 1, 320, 32) | dict(
        model_type="gemma2", rms_norm_eps=1e-6, tie_word_embeddings=True, sliding_window=6, query_pre_attn_scalar=32,
        attn_logit_softcapping=3.0, final_logit_softcapping=5.0,
        rope_parameters=dict(rope_type="default", rope_theta=10000.0)), LEGACY, Type.Q8_0),
    # Layer norms, learned positions, q, k and v in one matrix of one type.
    Variant("gpt2/legacy-types", "gpt2", "bpe", dict(
        model_type="gpt2", n_embd=64, n_layer=2, n_head=4, n_inner=128, n_positions=256, vocab_size=267,
        layer_norm_epsilon=1e-5, tie_word_embeddings=True), LEGACY, Type.Q8_0),
    Variant("granite/legacy-types", "granite", "bpe", tiny.sizes(64, 64, 2, 4, 2, 267) | dict(
        model_type="granite", rms_norm_eps=1e-5, tie_word_embeddings=True, embedding_multiplier=12.0,
        attention_multiplier=0.15, residual_multiplier=0.22, logits_scaling=8.0,
        rope_parameters=dict(rope_type="default", rope_theta=10000.0)), LEGACY, Type.Q8_0),
    # OLMo 2 and 3 are one architecture in GGUF.
    Variant("olmo2/legacy-types", "olmo2", "bpe", tiny.sizes(64, 64, 2, 4, 2, 267) | dict(
        model_type="olmo2", rms_norm_eps=1e-6, tie_word_embeddings=False,
        rope_parameters=dict(rope_type="default", rope_theta=10000.0)), LEGACY, Type.Q8_0),
    Variant("olmo3/legacy-types", "olmo2", "bpe", tiny.sizes(64, 64, 4, 4, 2, 267) | dict(
        model_type="olmo3", rms_norm_eps=1e-6, tie_word_embeddings=False, sliding_window=6,
        layer_types=[tiny.S] * 3 + [tiny.F], rope_parameters={
            tiny.S: dict(rope_type="default", rope_theta=1000.0),
            tiny.F: dict(rope_type="yarn", rope_theta=1000.0, factor=8.0, original_max_position_embeddings=32,
                         attention_factor=1.2079441541679836)}), LEGACY, Type.Q8_0),
    # Fused matrices; half of a head is rotated.
    Variant("phi3/legacy-types", "phi3", "spm", tiny.sizes(128, 64, 2, 4, 2, 320) | dict(
        model_type="phi3", rms_norm_eps=1e-5, tie_word_embeddings=False, partial_rotary_factor=0.5,
        rope_parameters=dict(rope_type="default", rope_theta=10000.0)), LEGACY, Type.Q8_0),
    # Factors are tensors, and the file names no scaling.
    Variant("phi3/longrope-legacy-types", "phi3", "spm", tiny.sizes(64, 64, 2, 4, 2, 320) | dict(
        model_type="phi3", rms_norm_eps=1e-5, tie_word_embeddings=False, partial_rotary_factor=0.75,
        rope_parameters=dict(rope_type="longrope", rope_theta=500.0, short_factor=tiny.SHORT_FACTORS,
                             long_factor=tiny.LONG_FACTORS), original_max_position_embeddings=32),
        LEGACY, Type.Q8_0, prompts=(33, 40)),
    Variant("qwen2/legacy-types", "qwen2", "bpe", tiny.sizes(64, 64, 2, 4, 2, 267) | dict(
        model_type="qwen2", rms_norm_eps=1e-6, tie_word_embeddings=True,
        rope_parameters=dict(rope_type="default", rope_theta=10000.0)), LEGACY, Type.Q8_0, split=10),
    # Experts' matrices of a role are one tensor, of one type.
    Variant("qwen2_moe/legacy-types", "qwen2moe", "bpe", tiny.sizes(64, 64, 2, 4, 2, 267) | dict(
        model_type="qwen2_moe", rms_norm_eps=1e-6, tie_word_embeddings=False, num_experts=4, num_experts_per_tok=2,
        moe_intermediate_size=32, shared_expert_intermediate_size=64, norm_topk_prob=False,
        rope_parameters=dict(rope_type="default", rope_theta=10000.0)), LEGACY, Type.Q8_0),
    Variant("qwen3_moe/legacy-types", "qwen3moe", "bpe", tiny.sizes(64, 64, 2, 4, 2, 267, 32) | dict(
        model_type="qwen3_moe", rms_norm_eps=1e-6, tie_word_embeddings=False, num_experts=6, num_experts_per_tok=3,
        moe_intermediate_size=32, norm_topk_prob=True,
        rope_parameters=dict(rope_type="default", rope_theta=10000.0)), LEGACY, Type.Q8_0),
    Variant("smollm3/legacy-types", "smollm3", "bpe", tiny.sizes(64, 64, 4, 4, 2, 267) | dict(
        model_type="smollm3", rms_norm_eps=1e-6, tie_word_embeddings=True,
        rope_parameters=dict(rope_type="default", rope_theta=10000.0)), LEGACY, Type.Q8_0),
]

VARIANTS += [
    # The block after the layers is counted with them and left out; experts after a dense layer.
    Variant("glm4_moe/legacy-types", "glm4moe", "bpe", tiny.sizes(32, 64, 3, 4, 2, 267, 16) | dict(
        model_type="glm4_moe", rms_norm_eps=1e-5, tie_word_embeddings=False, attention_bias=True, use_qk_norm=True,
        n_routed_experts=5, num_experts_per_tok=2, n_shared_experts=1, moe_intermediate_size=32, routed_scaling_factor=2.5,
        norm_topk_prob=True, first_k_dense_replace=1, n_group=1, topk_group=1,
        rope_parameters=dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5)), LEGACY, Type.Q8_0,
        predicting=True),
    # Experts of 4 bits, their values large enough for the limit of the gate, which has no key.
    Variant("gpt_oss/mxfp4-experts", "gpt-oss", "bpe", tiny.sizes(64, 32, 4, 4, 2, 267, 16) | dict(
        model_type="gpt_oss", rms_norm_eps=1e-5, tie_word_embeddings=False, attention_bias=True, sliding_window=5,
        layer_types=[tiny.S, tiny.F] * 2, num_local_experts=5, num_experts_per_tok=2, swiglu_limit=7.0,
        rope_parameters=dict(rope_type="yarn", rope_theta=1000.0, factor=8.0, beta_fast=8.0, beta_slow=1.0,
                             truncate=False, original_max_position_embeddings=256)), LEGACY, Type.Q8_0,
        experts=[Type.MXFP4]),
    # Queries from the stream, one group of experts.
    Variant("deepseek_v2/legacy-types", "deepseek2", "bpe", tiny.latent(
        32, 64, 3, 4, 267, q=None, kv=32, nope=32, rope=16, v=32) | dict(
        model_type="deepseek_v2", rms_norm_eps=1e-6, tie_word_embeddings=False, n_routed_experts=6, num_experts_per_tok=2,
        n_shared_experts=2, n_group=1, topk_group=1, topk_method="greedy", moe_intermediate_size=32,
        first_k_dense_replace=1, routed_scaling_factor=1.0, norm_topk_prob=False,
        rope_parameters=dict(rope_type="yarn", rope_theta=50.0, factor=8.0, beta_fast=7.0, beta_slow=1.0, mscale=0.707,
                             mscale_all_dim=0.707, original_max_position_embeddings=192)), LEGACY, Type.Q8_0),
    # The score of a group is that of its best expert; an older file.
    Variant("deepseek_v2/legacy-groups", "deepseek2", "bpe", tiny.latent(
        32, 64, 3, 2, 267, q=32, kv=32, nope=32, rope=8, v=32) | dict(
        model_type="deepseek_v2", rms_norm_eps=1e-6, tie_word_embeddings=False, n_routed_experts=8, num_experts_per_tok=3,
        n_shared_experts=1, n_group=4, topk_group=2, topk_method="group_limited_greedy", moe_intermediate_size=32,
        first_k_dense_replace=1, routed_scaling_factor=4.0, norm_topk_prob=False,
        rope_parameters=dict(rope_type="default", rope_theta=500.0)), LEGACY[3:] + LEGACY[:3], Type.Q5_1,
        old=[Type.F16] * 3),
    # Keys that are transposed, from quantised rows.
    Variant("deepseek_v2/quantised-heads", "deepseek2", "bpe", tiny.latent(
        32, 64, 3, 2, 267, q=32, kv=256, nope=32, rope=16, v=32) | dict(
        model_type="deepseek_v2", rms_norm_eps=1e-6, tie_word_embeddings=False, n_routed_experts=6, num_experts_per_tok=2,
        n_shared_experts=1, n_group=1, topk_group=1, topk_method="greedy", moe_intermediate_size=32,
        first_k_dense_replace=1, routed_scaling_factor=1.0, norm_topk_prob=False,
        rope_parameters=dict(rope_type="default", rope_theta=500.0)), LEGACY, Type.Q8_0,
        old=[Type.Q8_0, Type.Q4_K, Type.Q5_1]),
    Variant("deepseek_v3/legacy-types", "deepseek2", "bpe", tiny.latent(
        32, 64, 3, 2, 267, q=32, kv=32, nope=32, rope=8, v=32) | dict(
        model_type="deepseek_v3", rms_norm_eps=1e-6, tie_word_embeddings=False, n_routed_experts=8, num_experts_per_tok=3,
        n_shared_experts=1, n_group=4, topk_group=2, moe_intermediate_size=32, first_k_dense_replace=1,
        routed_scaling_factor=2.5, norm_topk_prob=True,
        rope_parameters=dict(rope_type="yarn", rope_theta=50.0, factor=8.0, beta_fast=7.0, beta_slow=1.0, mscale=1.0,
                             mscale_all_dim=1.0, original_max_position_embeddings=192)), LEGACY, Type.Q8_0),
    # Chunks and temperature as keys, which llama.cpp has as constants; every second layer has experts.
    Variant("llama4/legacy-types", "llama4", "bpe", tiny.sizes(32, 32, 8, 4, 2, 267, 16) | dict(
        model_type="llama4_text", intermediate_size_mlp=64, rms_norm_eps=0.01, use_qk_norm=True, num_local_experts=3,
        num_experts_per_tok=1, interleave_moe_layer_step=2, attention_chunk_size=5, floor_scale=8, attn_scale=0.5,
        no_rope_layers=[], tie_word_embeddings=False, attn_temperature_tuning=True,
        rope_parameters=dict(rope_type="llama3", rope_theta=100.0, factor=4.0, low_freq_factor=1.0, high_freq_factor=1.0,
                             original_max_position_embeddings=48)), LEGACY, Type.Q8_0),
    # Rows of a linear layer's matrices are not in groups, but those of its gates are.
    Variant("qwen3_next/legacy-types", "qwen3next", "bpe", tiny.sizes(32, 64, 4, 4, 2, 267, 16) | dict(
        model_type="qwen3_next", rms_norm_eps=1e-6, tie_word_embeddings=False, full_attention_interval=2,
        linear_conv_kernel_dim=4, linear_key_head_dim=16, linear_num_key_heads=2, linear_num_value_heads=4,
        linear_value_head_dim=16, num_experts=5, num_experts_per_tok=2, moe_intermediate_size=32,
        shared_expert_intermediate_size=32, norm_topk_prob=True, mlp_only_layers=[],
        rope_parameters=dict(rope_type="default", rope_theta=1000.0, partial_rotary_factor=0.25)), LEGACY, Type.Q8_0,
        fused=True),
    # Two layers attend to caches of earlier ones; gates of the first two are sparse; MLPs of two widths.
    Variant("gemma3n/legacy-types", "gemma3n", "spm", tiny.sizes(32, [64, 32, 64, 32, 64, 64], 6, 2, 1, 320, 16) | dict(
        model_type="gemma3n_text", rms_norm_eps=1e-6, tie_word_embeddings=True, sliding_window=5,
        layer_types=[tiny.S, tiny.F] * 3, num_kv_shared_layers=2,
        activation_sparsity_pattern=[0.7, 0.4, 0.0, 0.0, 0.0, 0.0], laurel_rank=8, hidden_size_per_layer_input=32,
        vocab_size_per_layer_input=320, final_logit_softcapping=5.0, altup_num_inputs=4, rope_parameters={
            tiny.S: dict(rope_type="default", rope_theta=100.0),
            tiny.F: dict(rope_type="default", rope_theta=1000.0)}), LEGACY, Type.Q4_0),
    # The temperature begins after 8 positions; scaling of rotations that the file names is not applied.
    Variant("grok2/legacy-types", "grok", "bpe", tiny.sizes(32, 64, 2, 4, 2, 267, 16) | dict(
        model_type="git", rms_norm_eps=1e-5, tie_word_embeddings=False, moe_intermediate_size=32, num_local_experts=5,
        num_experts_per_tok=2, embedding_multiplier_scale=7.0, output_multiplier_scale=0.5, attn_logit_softcapping=3.0,
        router_logit_softcapping=2.0, final_logit_softcapping=1.5, attn_temperature_len=8, rope_theta=10000.0,
        rope_parameters=dict(rope_type="yarn", rope_theta=10000.0, factor=16.0, beta_fast=8.0, beta_slow=1.0,
                             original_max_position_embeddings=64)), LEGACY, Type.Q8_0),
]

INTERLEAVED = ("llama", "smollm3", "granite")  # q and k have their rows permuted
# transformers can read these, too. It does not know the others, or (phi3, olmo2) reads them differently.
READ_BACK = ("llama", "qwen2", "qwen3", "gemma2", "gemma3", "gpt2")

NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
NAMES |= {
    "self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up", "mlp.gate": "ffn_gate_inp",
    "mlp.shared_expert_gate": "ffn_gate_inp_shexp", "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
    "mlp.shared_expert.up_proj": "ffn_up_shexp", "mlp.shared_expert.down_proj": "ffn_down_shexp",
}
MOE_NAMES = {
    "mlp.shared_experts.gate_proj": "ffn_gate_shexp", "mlp.shared_experts.up_proj": "ffn_up_shexp",
    "mlp.shared_experts.down_proj": "ffn_down_shexp", "mlp.gate.e_score_correction": "exp_probs_b",
}
PRE_NAMES = {"post_attention_layernorm": "post_attention_norm"}  # there the norm before the MLP
DEEPSEEK_NAMES = NAMES | MOE_NAMES | {
    "self_attn.q_a_proj": "attn_q_a", "self_attn.q_a_layernorm": "attn_q_a_norm", "self_attn.q_b_proj": "attn_q_b",
    "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa", "self_attn.kv_a_layernorm": "attn_kv_a_norm",
}
OSS_NAMES = NAMES | PRE_NAMES | {"self_attn": "attn_sinks", "mlp.router": "ffn_gate_inp"}
LLAMA4_NAMES = NAMES | {
    f"feed_forward.{name}": stored for name, stored in {
        "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down", "router": "ffn_gate_inp",
        "shared_expert.gate_proj": "ffn_gate_shexp", "shared_expert.up_proj": "ffn_up_shexp",
        "shared_expert.down_proj": "ffn_down_shexp"}.items()}
DELTA_NAMES = NAMES | PRE_NAMES | {
    "linear_attn.norm": "ssm_norm", "linear_attn.dt": "ssm_dt", "linear_attn.out_proj": "ssm_out",
    "linear_attn.in_proj_ba": "ssm_ba",
}
GROK_NAMES = NAMES | {
    "pre_attn_norm": "attn_norm", "post_attn_norm": "attn_output_norm", "pre_moe_norm": "ffn_norm",
    "post_moe_norm": "post_ffw_norm", "block_sparse_moe.gate": "ffn_gate_inp",
}
GLM_NAMES = NAMES | MOE_NAMES | PRE_NAMES
GPT2_NAMES = {
    "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
}
GEMMA_NAMES = NAMES | {
    "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
GEMMA3N_NAMES = GEMMA_NAMES | {
    "altup.router_norm": "altup_router_norm", "altup.modality_router": "altup_router",
    "altup.prediction_coefs": "altup_predict_coef", "altup.correction_coefs": "altup_correct_coef",
    "altup": "altup_correct_scale", "laurel.linear_left": "laurel_l", "laurel.linear_right": "laurel_r",
    "laurel.post_laurel_norm": "laurel_post_norm", "per_layer_input_gate": "inp_gate", "per_layer_projection": "proj",
    "post_per_layer_input_norm": "post_norm",
}
FAMILY_NAMES = {"gpt2": GPT2_NAMES, "gemma2": GEMMA_NAMES, "gemma3": GEMMA_NAMES, "olmo2": GEMMA_NAMES,
                "glm4moe": GLM_NAMES, "deepseek2": DEEPSEEK_NAMES, "gpt-oss": OSS_NAMES, "llama4": LLAMA4_NAMES,
                "qwen3next": DELTA_NAMES, "gemma3n": GEMMA3N_NAMES, "grok": GROK_NAMES}
TOP_NAMES = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
             "lm_head.weight": "output.weight", "transformer.wte.weight": "token_embd.weight",
             "transformer.wpe.weight": "position_embd.weight", "transformer.ln_f.weight": "output_norm.weight",
             "transformer.ln_f.bias": "output_norm.bias",
             "model.embed_tokens_per_layer.weight": "per_layer_token_embd.weight",
             "model.per_layer_model_projection.weight": "per_layer_model_proj.weight",
             "model.per_layer_projection_norm.weight": "per_layer_proj_norm.weight"}


def gguf_name(name, architecture):
    if name in TOP_NAMES:
        return TOP_NAMES[name]
    _, _, layer, rest = name.split(".", 3)
    if rest.endswith("_bias"):
        rest = rest.removesuffix("_bias") + ".bias"
    part, suffix = rest.rsplit(".", 1)
    if suffix in ("sinks", "correct_output_scale"):
        suffix = "weight"
    return f"blk.{layer}.{FAMILY_NAMES.get(architecture, NAMES)[part]}.{suffix}"


def to_interleaved(weight, heads):
    """Hugging Face's rows of q and k (halves) in the order of GGUF's llama (pairs)."""
    return weight.reshape(heads, 2, -1, weight.shape[-1]).swapaxes(1, 2).reshape(weight.shape)


def to_halves(weight, heads):
    return weight.reshape(heads, -1, 2, weight.shape[-1]).swapaxes(1, 2).reshape(weight.shape)


@dataclass
class Part:
    """A tensor of the file: its values' standard deviation, by default the root of one by the columns."""

    name: str
    shape: tuple
    deviation: float = None
    kind: Type = None  # None: one of the variant's


def in_parts(variant, config, name, shape):
    """The parts that make up transformers' tensor, and how; None: it is one tensor of the file."""
    if name.startswith("model.altup_"):  # the first of three matrices stands for all
        stem, place = name.removesuffix(".weight").rsplit(".", 1)
        stored = "altup_proj.weight" if "unembed" not in name else "altup_unembd_proj.weight"
        return [Part(stored, (3, *shape), kind=Type.F16)], lambda all: {f"{stem}.{i}.weight": all[i] for i in range(3)}
    if ".layers." not in name:
        return None
    block, rest = f"blk.{name.split('.')[2]}.", name.split(".", 3)[3]

    def experts(gate_or_up, deviation=None):
        return [Part(f"{block}ffn_{part}_exps.weight", gate_or_up, deviation) for part in ("gate", "up")]

    if variant.architecture == "gpt-oss" and rest.startswith("mlp.experts."):  # gate and up interleaved
        count, inner, hidden = config.num_local_experts, config.intermediate_size, config.hidden_size
        if rest.endswith("gate_up_proj"):
            return (experts((count, inner, hidden), 4 / hidden ** 0.5),
                    lambda gate, up: np.stack([gate, up], 2).reshape(count, -1, hidden).swapaxes(1, 2))
        if rest.endswith("gate_up_proj_bias"):
            return ([Part(f"{block}ffn_{part}_exps.bias", (count, inner), 0.5, Type.F32) for part in ("gate", "up")],
                    lambda gate, up: np.stack([gate, up], 2).reshape(count, -1))
        if rest.endswith("down_proj"):
            return ([Part(block + "ffn_down_exps.weight", (count, hidden, inner), 0.1 / inner ** 0.5)],
                    lambda down: down.swapaxes(1, 2))
        return [Part(block + "ffn_down_exps.bias", shape, 0.5, Type.F32)], lambda bias: bias
    if variant.architecture == "llama4" and "experts." in rest:
        count, inner, hidden = config.num_local_experts, config.intermediate_size, config.hidden_size
        if rest.endswith("gate_up_proj"):
            return (experts((count, inner, hidden)),
                    lambda gate, up: np.concatenate([gate, up], 1).swapaxes(1, 2))
        if rest.endswith("experts.down_proj"):
            return [Part(block + "ffn_down_exps.weight", (count, hidden, inner))], lambda down: down.swapaxes(1, 2)
    if rest.startswith("block_sparse_moe.experts."):  # the first stands for all
        count, stem = config.num_local_experts, name.split(".experts.")[0]
        role, which = {"w1": ("gate", "w1"), "w3": ("up", "w3"), "w2": ("down", "w2")}[rest.split(".")[3]]
        return ([Part(f"{block}ffn_{role}_exps.weight", (count, *shape))],
                lambda all: {f"{stem}.experts.{i}.{which}.weight": all[i] for i in range(count)})
    if rest.endswith("experts.gate_up_proj") and variant.fused:
        return [Part(block + "ffn_gate_up_exps.weight", shape)], lambda both: both
    if rest.endswith("experts.gate_up_proj"):
        return experts((shape[0], shape[1] // 2, shape[2])), lambda gate, up: np.concatenate([gate, up], 1)
    if rest.endswith("experts.down_proj"):
        return [Part(block + "ffn_down_exps.weight", shape)], lambda down: down
    if rest.endswith("kv_b_proj.weight"):
        heads, rank = config.num_attention_heads, config.kv_lora_rank
        if variant.old:
            kind = variant.old[int(name.split(".")[2])]
            return [Part(block + "attn_kv_b.weight", shape, kind=kind)], lambda both: both
        return ([Part(block + "attn_k_b.weight", (heads, rank, config.qk_nope_head_dim), 1 / rank ** 0.5),
                 Part(block + "attn_v_b.weight", (heads, config.v_head_dim, rank))],
                lambda keys, values: np.concatenate([keys.swapaxes(1, 2), values], 1).reshape(shape))
    if rest.endswith("in_proj_qkvz.weight"):
        groups, hidden = config.linear_num_key_heads, shape[1]
        keys, values = groups * config.linear_key_head_dim, config.linear_num_value_heads * config.linear_value_head_dim

        def group(qkv, z):
            rows = [qkv[:keys], qkv[keys:2 * keys], qkv[2 * keys:], z]
            return np.concatenate([part.reshape(groups, -1, hidden) for part in rows], 1).reshape(shape)
        return [Part(block + "attn_qkv.weight", (2 * keys + values, hidden)),
                Part(block + "attn_gate.weight", (values, hidden))], group
    if rest.endswith("conv1d.weight"):
        return [Part(block + "ssm_conv1d.weight", shape[::2], kind=Type.F32)], lambda weight: weight.reshape(shape)
    if any(part in rest for part in ("altup.modality", "altup.prediction", "altup.correction", "laurel.linear")):
        deviation = (config.hidden_size ** 0.5 if "modality" in rest else
                     0.1 if "altup" in rest else 1 / shape[1] ** 0.5)  # the router's input is divided by the hidden size
        stored = gguf_name(name, variant.architecture)
        return [Part(stored, shape, deviation, Type.F16 if "laurel" in rest else Type.F32)], lambda weight: weight
    return None


def random_k_blocks(generator, shape, kind, deviation):
    """Blocks of 256 weights: random quantised values, sub-scales and (Q4_K, Q5_K) minima that keep the mean near zero."""
    rows, blocks = shape[0], shape[1] // 256
    count = rows * blocks

    def noise(size):
        return generator.integers(0, 256, (count, size), dtype=np.uint8)

    def half(value):
        return np.full((count, 1), value, np.float16).view(np.uint8).reshape(count, 2)

    if kind == Type.Q6_K:  # ql[128] qh[64] scales[16] d: d * scale * (code - 32), scales of both signs
        return np.concatenate([noise(128), noise(64), noise(16), half(deviation / (18.5 * 74))], 1).reshape(rows, -1)
    scales = generator.integers(8, 64, (count, 8))
    minima = np.clip(scales + generator.integers(-6, 7, (count, 8)), 0, 63)
    low, high = slice(0, 4), slice(4, 8)
    packed = np.concatenate([
        scales[:, low] | scales[:, high] >> 4 << 6,
        minima[:, low] | minima[:, high] >> 4 << 6,
        scales[:, high] & 15 | (minima[:, high] & 15) << 4], 1).astype(np.uint8)
    # d dmin scales[12] (qh[32]) qs[128]: d * scale * code - dmin * minimum
    middle, spread = (7.5, 4.6) if kind == Type.Q4_K else (15.5, 9.2)
    d = deviation / (spread * 39)
    parts = [half(d), half(d * middle), packed] + ([noise(32)] if kind == Type.Q5_K else []) + [noise(128)]
    return np.concatenate(parts, 1).reshape(rows, -1)


def encode(generator, shape, kind, deviation):
    """A random matrix as stored in the file, and its float32 values."""
    if kind in K_TYPES:
        raw = random_k_blocks(generator, shape, kind, deviation)
        return raw, gguf.quants.dequantize(raw, kind)
    values = (deviation * generator.standard_normal(shape)).astype(np.float32)
    if kind == Type.F32:
        return values, values
    if kind == Type.F16:
        values = values.astype(np.float16)
        return values, values.astype(np.float32)
    raw = gguf.quants.quantize(values, kind)
    return raw, gguf.quants.dequantize(raw, kind)


def byte_letters():
    """GPT-2's letter for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = [b for b in range(256) if b not in plain]
    return [chr(b) for b in plain] + [chr(256 + i) for i in range(len(other))]


def add_vocabulary(writer, variant):
    kinds = gguf.TokenType
    size = variant.config["vocab_size"]
    if variant.vocabulary == "bpe":
        merges = ["t h", "h e", "th e", "i n", "Ġ the", "a n", "Ġ a", "an d"]
        tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + byte_letters() + [m.replace(" ", "") for m in merges]
        types = [kinds.CONTROL] * 3 + [kinds.NORMAL] * (len(tokens) - 3)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("qwen2" if variant.architecture.startswith("qwen") else "smollm")
        writer.add_token_merges(merges)
        bos, eos = 1, 2
    else:
        gemma = variant.architecture.startswith("gemma")
        head = ["<pad>", "<eos>", "<bos>", "<unk>"] if gemma else ["<unk>", "<s>", "</s>"]
        letters = "▁ eta oin shr dlu cmf wyp vbg kqj xz".replace(" ", "")
        words = ["th", "he", "the", "▁the", "in", "an", "▁a", "and", "▁and", "er"]
        tokens = head + [f"<0x{b:02X}>" for b in range(256)] + words + list(letters)
        tokens += list("0123456789.,?!-")[:size - len(tokens)]
        tokens += [f"<unused{i}>" for i in range(size - len(tokens))]
        types = [kinds.UNKNOWN if t == "<unk>" else kinds.CONTROL for t in head] + [kinds.BYTE] * 256
        types += [kinds.USER_DEFINED if t.startswith("<unused") else kinds.NORMAL for t in tokens[len(types):]]
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_scores([-float(i) if i >= len(head) + 256 else 0.0 for i in range(size)])
        writer.add_add_space_prefix(not gemma)
        writer.add_unk_token_id(3 if gemma else 0)
        bos, eos = (2, 1) if gemma else (1, 2)
    assert len(tokens) == size and len(set(tokens)) == size
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_bos_token_id(bos)
    writer.add_eos_token_id(eos)
    writer.add_add_bos_token(variant.vocabulary == "spm")


def add_keys(writer, variant):
    config = variant.config
    # llama.cpp expects more of a vocabulary that belongs to something called phi3.
    writer.add_name("tiny" if variant.architecture == "phi3" else f"tiny {variant.name}")
    writer.add_context_length(256)
    writer.add_vocab_size(config["vocab_size"])
    if variant.architecture == "gpt2":
        writer.add_embedding_length(config["n_embd"])
        writer.add_block_count(config["n_layer"])
        writer.add_feed_forward_length(config["n_inner"])
        writer.add_head_count(config["n_head"])
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
        return
    head_dim = config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"] + variant.predicting)
    if variant.predicting:
        writer.add_nextn_predict_layers(1)
    isLatent = "kv_lora_rank" in config
    writer.add_feed_forward_length(config.get("intermediate_size_mlp", config["intermediate_size"]))
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(1 if isLatent and not variant.old else config["num_key_value_heads"])
    if isLatent:  # one key and value for all heads in the cache, and each head's own
        head_dim, rank = config["qk_rope_head_dim"], config["kv_lora_rank"]
        writer.add_kv_lora_rank(rank)
        if config["q_lora_rank"]:
            writer.add_q_lora_rank(config["q_lora_rank"])
        own = config["qk_nope_head_dim"] + head_dim, config["v_head_dim"]
        writer.add_key_length(own[0] if variant.old else rank + head_dim)
        writer.add_value_length(own[1] if variant.old else rank)
        if not variant.old:
            writer.add_key_length_mla(own[0])
            writer.add_value_length_mla(own[1])
    elif "head_dim" in config:
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    rope = config["rope_parameters"]
    part = rope.get("partial_rotary_factor", config.get("partial_rotary_factor", 1))
    writer.add_rope_dimension_count(int(head_dim * part))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if config.get("sliding_window"):
        writer.add_sliding_window(config["sliding_window"])
    if config["model_type"] in ("olmo3", "gemma3n_text"):
        writer.add_sliding_window_pattern([kind == tiny.S for kind in config["layer_types"]])
    rope = rope.get(tiny.F, rope)
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        if "beta_fast" in rope:
            writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
            writer.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])
        if "mscale_all_dim" in rope:
            writer.add_rope_scaling_yarn_log_mul(0.1 * rope["mscale_all_dim"])
    if rope["rope_type"] == "longrope":
        original = config["original_max_position_embeddings"]
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_scaling_attn_factors(float(np.sqrt(1 + np.log(256 / original) / np.log(original))))
        for length in ("short", "long"):
            writer.add_tensor(f"rope_factors_{length}.weight", np.array(rope[f"{length}_factor"], np.float32))
    experts = config.get("num_experts", config.get("n_routed_experts", config.get("num_local_experts")))
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(config["num_experts_per_tok"])
        writer.add_expert_feed_forward_length(config.get("moe_intermediate_size", config["intermediate_size"]))
    if "shared_expert_intermediate_size" in config:
        writer.add_expert_shared_feed_forward_length(config["shared_expert_intermediate_size"])
    if "n_shared_experts" in config:
        sigmoid = config["model_type"] != "deepseek_v2"
        writer.add_expert_shared_count(config["n_shared_experts"])
        writer.add_leading_dense_block_count(config["first_k_dense_replace"])
        writer.add_expert_group_count(config["n_group"])
        writer.add_expert_group_used_count(config["topk_group"])
        writer.add_expert_weights_scale(config["routed_scaling_factor"])
        if not variant.old:
            writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID if sigmoid else
                                          gguf.ExpertGatingFuncType.SOFTMAX)
        if config.get("norm_topk_prob"):
            writer.add_expert_weights_norm(True)
    if variant.architecture == "llama4":
        writer.add_interleave_moe_layer_step(config["interleave_moe_layer_step"])
        writer.add_sliding_window(config["attention_chunk_size"])
        writer.add_attn_temperature_length(config["floor_scale"])
        writer.add_attn_temperature_scale(config["attn_scale"])
    if variant.architecture == "qwen3next":
        writer.add_full_attention_interval(config["full_attention_interval"])
        writer.add_ssm_conv_kernel(config["linear_conv_kernel_dim"])
        writer.add_ssm_state_size(config["linear_key_head_dim"])
        writer.add_ssm_group_count(config["linear_num_key_heads"])
        writer.add_ssm_time_step_rank(config["linear_num_value_heads"])
        writer.add_ssm_inner_size(config["linear_num_value_heads"] * config["linear_value_head_dim"])
    if variant.architecture == "gemma3n":
        writer.add_rope_freq_base_swa(config["rope_parameters"][tiny.S]["rope_theta"])
        writer.add_altup_active_idx(0)
        writer.add_altup_num_inputs(config["altup_num_inputs"])
        writer.add_embedding_length_per_layer_input(config["hidden_size_per_layer_input"])
        writer.add_shared_kv_layers(config["num_kv_shared_layers"])
        # Of 0, minus infinity, as the converter writes it.
        writer.add_activation_sparsity_scale([
            torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor(part)).item()
            for part in config["activation_sparsity_pattern"]])
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    if variant.architecture == "grok":
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        writer.add_router_logit_softcapping(config["router_logit_softcapping"])
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
        writer.add_embedding_scale(config["embedding_multiplier_scale"])
        writer.add_logit_scale(config["output_multiplier_scale"])
        writer.add_attn_output_scale(head_dim ** -0.5)
        writer.add_attn_temperature_length(config["attn_temperature_len"])
    if variant.architecture == "gemma2":
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    if variant.architecture == "granite":
        writer.add_embedding_scale(config["embedding_multiplier"])
        writer.add_attention_scale(config["attention_multiplier"])
        writer.add_residual_scale(config["residual_multiplier"])
        writer.add_logit_scale(config["logits_scaling"])


def rope_divisors(config):
    """llama3 scaling as in GGUF: the divisor of each frequency."""
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    exponents = torch.arange(0, config.head_dim, 2, dtype=torch.int64).float() / config.head_dim
    return (1.0 / config.rope_parameters["rope_theta"] ** exponents / scaled).numpy().astype(np.float32)


def write_file(variant, path, most=0):
    """Writes the GGUF, or parts with at most this number of tensors, and returns a model with its weights."""
    model_type = variant.config["model_type"]
    keys = {k: v for k, v in variant.config.items() if k != "model_type"}
    if model_type != "gpt2":
        keys["max_position_embeddings"] = 256
    if model_type == "git":
        config = SimpleNamespace(**keys)
        model = Grok2(config).eval()
    else:
        config = transformers.AutoConfig.for_model(model_type, pad_token_id=None, **keys)
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32,
                                                              experts_implementation="eager").eval()
    tied = config.tie_word_embeddings
    generator = np.random.default_rng(list(variant.name.encode()))
    writer = gguf.GGUFWriter(path, variant.architecture, split_max_tensors=most)
    add_keys(writer, variant)
    add_vocabulary(writer, variant)
    if variant.config.get("rope_parameters", {}).get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_divisors(config))
    state, turn, used = {}, 0, set()

    def put(stored, shape, kind, deviation=None):
        """Random values of matrices or vectors one after another."""
        deviation = deviation or 1.0 / shape[-1] ** 0.5
        raw, values = encode(generator, (int(np.prod(shape[:-1])), shape[-1]), kind, deviation)
        used.add(kind.name)
        add(stored, raw.reshape(*shape[:-1], -1), kind)
        return values.reshape(shape)

    def add(stored, raw, kind=Type.F32):
        raw_type = None if kind in (Type.F32, Type.F16) else kind
        writer.add_tensor(stored, raw, raw_dtype=raw_type)
        # The block after the layers is a layer like the last.
        last, behind = f"blk.{config.num_hidden_layers - 1}.", f"blk.{config.num_hidden_layers}."
        if variant.predicting and stored.startswith(last):
            writer.add_tensor(stored.replace(last, behind), raw, raw_dtype=raw_type)

    for name, tensor in model.state_dict().items():
        if tied and name == "lm_head.weight" or name in state:
            continue
        shape = tuple(tensor.shape)
        split = in_parts(variant, config, name, shape)
        if split:
            types = variant.experts if variant.experts and ".experts." in name else variant.types
            while any(part.shape[-1] % gguf.GGML_QUANT_SIZES[types[turn % len(types)]][0] for part in split[0]):
                turn += 1
            kind = types[turn % len(types)]
            turn += any(part.kind is None for part in split[0])
            values = [put(part.name, part.shape, part.kind if part.kind is not None else kind, part.deviation)
                      for part in split[0]]
            whole = split[1](*values)
            for made, value in (whole if isinstance(whole, dict) else {name: whole}).items():
                state[made] = torch.from_numpy(np.ascontiguousarray(value))
            continue
        if name.endswith("A_log"):
            decay = (0.1 + np.abs(generator.standard_normal(shape))).astype(np.float32)
            add(f"blk.{name.split('.')[2]}.ssm_a", -decay)
            state[name] = torch.from_numpy(np.log(decay))
            continue
        stored = gguf_name(name, variant.architecture)
        if name.endswith(("sinks", "dt_bias")):
            value = generator.standard_normal(shape)
            value = (1 + value if name.endswith("sinks") else 0.5 * value - 1).astype(np.float32)
            add(stored, value)
            state[name] = torch.from_numpy(value)
            continue
        if len(shape) == 1 and name.endswith("bias"):
            bias = (0.5 * generator.standard_normal(shape)).astype(np.float32)
            add(stored, bias)
            state[name] = torch.from_numpy(bias)
            continue
        # Hugging Face has GPT-2's matrices as [in, out].
        isTurned = variant.architecture == "gpt2" and ".h." in name
        shape = shape[::-1] if isTurned else shape
        if len(shape) == 1:  # a norm; in the file always float32 and always the factor itself
            peak = 0.4 if "q_norm" in name or "k_norm" in name else 0.0
            factor = (1 + peak + 0.3 * generator.standard_normal(shape)).astype(np.float32)
            if variant.architecture == "gemma3n" and peak:  # scores are not scaled
                factor -= np.float32(0.8)
            add(stored, factor)
            hasOne = variant.architecture in ("gemma2", "gemma3", "qwen3next") and "linear_attn" not in name
            state[name] = torch.from_numpy(factor - np.float32(hasOne))
            continue
        if any(part in name for part in ("mlp.gate.weight", "shared_expert_gate", "router.weight", "moe.gate.weight")):  # always float32, and one row is a vector
            values = (generator.standard_normal(shape) / shape[1] ** 0.5).astype(np.float32)
            add(stored, values[0] if shape[0] == 1 else values)
            state[name] = torch.from_numpy(values)
            continue
        if name in ("model.embed_tokens.weight", "transformer.wte.weight", "transformer.wpe.weight"):
            scaled = variant.architecture.startswith(("gemma", "granite", "grok"))
            kind, deviation = variant.embedding, (0.8 if scaled else 3) / shape[1] ** 0.5
        elif "embed_tokens_per_layer" in name:
            kind, deviation = variant.embedding, 0.8 / config.hidden_size_per_layer_input ** 0.5
        else:
            while shape[1] % gguf.GGML_QUANT_SIZES[variant.types[turn % len(variant.types)]][0]:
                turn += 1
            kind = variant.types[turn % len(variant.types)]
            turn += 1
            deviation = (1.2 if "q_proj" in name or "k_proj" in name or "q_b_proj" in name else 1.0) / shape[1] ** 0.5
        raw, values = encode(generator, shape, kind, deviation)
        used.add(kind.name)
        add(stored, raw, kind)
        if variant.architecture in INTERLEAVED and ("q_proj" in name or "k_proj" in name):
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            halves = to_halves(values, heads)
            assert (to_interleaved(halves, heads) == values).all()
            values = halves
        state[name] = torch.from_numpy(np.ascontiguousarray(values.T if isTurned else values))
    if variant.predicting:
        hidden, behind = config.hidden_size, f"blk.{config.num_hidden_layers}.nextn."
        writer.add_tensor(behind + "eh_proj.weight", np.zeros((hidden, 2 * hidden), np.float16))
        for norm in ("enorm", "hnorm"):
            writer.add_tensor(f"{behind}{norm}.weight", np.ones(hidden, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and missing == (["lm_head.weight"] if tied else [])
    if tied:
        model.tie_weights()
    return model, used


def make(variant, out):
    path, directory = out / f"{variant.name}.gguf", out / variant.name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    model, used = write_file(variant, path)
    if variant.split:
        write_file(variant, path, variant.split)
    for written in path.parent.glob(f"{path.stem}*.gguf"):
        written.chmod(0o644)
    generator = np.random.default_rng(7)
    entries, notes = [], []
    for i, length in enumerate(variant.prompts):
        tokens = generator.integers(3, model.config.vocab_size, length).tolist()
        golden = tiny.run(model, tokens)
        np.save(directory / f"prompt-{i}.npy", golden.astype(np.float32))
        entries.append({"tokens": tokens, "logits": f"prompt-{i}.npy"})
    lines = ",\n".join("  " + json.dumps(e) for e in entries)
    (directory / "prompts.json").write_text('{"prompts": [\n' + lines + "\n]}\n")
    difference = 0.0
    if variant.architecture in READ_BACK:
        difference = read_back(path, model, tokens, golden)
        assert difference < 1e-5, f"{variant.name}: read back, the logits differ by {difference:.1e}"
    size = path.stat().st_size + sum(f.stat().st_size for f in directory.iterdir())
    print(f"{variant.name}: {size} bytes, logits {golden.std():.2f} (largest {np.abs(golden).max():.1f}), read back they "
          f"differ by {difference:.1e}; {' '.join(sorted(used))}", flush=True)


def read_back(path, model, tokens, golden):
    # Reading the file back must give the same weights. transformers' reader misses some keys (head_dim, rope scaling), so
    # the config is ours.
    again = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, config=model.config, dtype=torch.float32, attn_implementation="eager").eval()
    return np.abs(tiny.run(again, tokens) - golden).max() / np.abs(golden).max()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).resolve().parent.parent / "models")
    parser.add_argument("--only", action="append", default=[], metavar="FAMILY/VARIANT")
    args = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for variant in VARIANTS:
        if not args.only or variant.name in args.only:
            make(variant, args.out)


if __name__ == "__main__":
    main()
