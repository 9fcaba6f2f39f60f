#!/usr/bin/env python3
"""Writes the tiny random models of test/models/ and their golden logits.

    make-tiny-model.py [OUT] [--only FAMILY/VARIANT]...     OUT: test/models by default
    make-tiny-model.py --list

Needs torch, transformers, safetensors and numpy; the tests that read its output need none of them. Every model directory
gets a config.json (as in a user's directory), *.safetensors, prompts.json and one float32 prompt-N.npy [tokens, vocabulary]
per prompt: what transformers computes in float32 from the stored weights.

A feature that does not change the logits is not tested. So after each model the features are broken one by one (a norm's
weight set to one, a window wider by one, a rope factor changed, ...), and every such change must move the logits by more
than 1 % of the largest.
"""
import argparse
import copy
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

from grok2_reference import Grok2

FULL = (2, 3, 31, 45, 100)  # prompt lengths: at least one variant of each family has all of them
TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


@dataclass
class Variant:
    """A model to write: `config` is config.json without what all models of the family share."""

    name: str
    config: dict
    stored: str = "f32"
    shards: int = 1
    prompts: tuple = (3, 45)
    mutations: list = field(default_factory=list)  # further config changes that must matter: {key: value}


TOKENS = dict(bos_token_id=1, eos_token_id=2, max_position_embeddings=256, use_cache=True)

# The part of config.json that all models of a family share, as in the published ones.
FAMILIES = {
    "llama": TOKENS | dict(
        architectures=["LlamaForCausalLM"], model_type="llama", hidden_act="silu", attention_bias=False, mlp_bias=False,
        attention_dropout=0.0, pretraining_tp=1),
    "mistral": TOKENS | dict(
        architectures=["MistralForCausalLM"], model_type="mistral", hidden_act="silu", attention_dropout=0.0),
    "qwen3": TOKENS | dict(
        architectures=["Qwen3ForCausalLM"], model_type="qwen3", hidden_act="silu", attention_bias=False,
        attention_dropout=0.0),
    "gemma3": TOKENS | dict(
        architectures=["Gemma3ForCausalLM"], model_type="gemma3_text", hidden_activation="gelu_pytorch_tanh",
        attention_bias=False, attention_dropout=0.0, attn_logit_softcapping=None, final_logit_softcapping=None,
        eos_token_id=[2, 4]),
    "gemma2": TOKENS | dict(
        architectures=["Gemma2ForCausalLM"], model_type="gemma2", hidden_act="gelu_pytorch_tanh",
        hidden_activation="gelu_pytorch_tanh", attention_bias=False, attention_dropout=0.0, cache_implementation="hybrid"),
    "gpt2": dict(
        architectures=["GPT2LMHeadModel"], model_type="gpt2", activation_function="gelu_new", attn_pdrop=0.1, embd_pdrop=0.1,
        resid_pdrop=0.1, bos_token_id=1, eos_token_id=2, n_ctx=256, n_positions=256, summary_type="cls_index"),
    "granite": TOKENS | dict(
        architectures=["GraniteForCausalLM"], model_type="granite", hidden_act="silu", attention_bias=False,
        attention_dropout=0.1, mlp_bias=False),
    "olmo2": TOKENS | dict(
        architectures=["Olmo2ForCausalLM"], model_type="olmo2", hidden_act="silu", attention_bias=False,
        attention_dropout=0.0, pad_token_id=0),
    "olmo3": TOKENS | dict(
        architectures=["Olmo3ForCausalLM"], model_type="olmo3", hidden_act="silu", attention_bias=False,
        attention_dropout=0.0, pad_token_id=0),
    "phi3": TOKENS | dict(
        architectures=["Phi3ForCausalLM"], model_type="phi3", hidden_act="silu", attention_bias=False,
        attention_dropout=0.0, original_max_position_embeddings=256, pad_token_id=0),
    "qwen2": TOKENS | dict(
        architectures=["Qwen2ForCausalLM"], model_type="qwen2", hidden_act="silu", attention_dropout=0.0),
    "glm4_moe": TOKENS | dict(
        architectures=["Glm4MoeForCausalLM"], model_type="glm4_moe", hidden_act="silu", attention_dropout=0.0, n_group=1,
        topk_group=1, num_nextn_predict_layers=1),
    "qwen2_moe": TOKENS | dict(
        architectures=["Qwen2MoeForCausalLM"], model_type="qwen2_moe", hidden_act="silu", attention_dropout=0.0,
        output_router_logits=False, router_aux_loss_coef=0.001, sliding_window=6, use_sliding_window=False,
        max_window_layers=1),
    "qwen3_moe": TOKENS | dict(
        architectures=["Qwen3MoeForCausalLM"], model_type="qwen3_moe", hidden_act="silu", attention_bias=False,
        attention_dropout=0.0, output_router_logits=False, router_aux_loss_coef=0.001),
    "gpt_oss": TOKENS | dict(
        architectures=["GptOssForCausalLM"], model_type="gpt_oss", hidden_act="silu", attention_bias=True,
        attention_dropout=0.0, output_router_logits=False, router_aux_loss_coef=0.9, tie_word_embeddings=False,
        swiglu_limit=1.5),
    "llama4": TOKENS | dict(
        architectures=["Llama4ForCausalLM"], model_type="llama4_text", hidden_act="silu", attention_bias=False,
        attention_dropout=0.0, output_router_logits=False, router_aux_loss_coef=0.001, router_jitter_noise=0.0,
        for_llm_compressor=False),
    "deepseek_v2": TOKENS | dict(
        architectures=["DeepseekV2ForCausalLM"], model_type="deepseek_v2", hidden_act="silu", attention_bias=False,
        attention_dropout=0.0, aux_loss_alpha=0.001, moe_layer_freq=1, norm_topk_prob=False, pretraining_tp=1,
        scoring_func="softmax", seq_aux=True, tie_word_embeddings=False),
    "deepseek_v3": TOKENS | dict(
        architectures=["DeepseekV3ForCausalLM"], model_type="deepseek_v3", hidden_act="silu", attention_bias=False,
        attention_dropout=0.0, ep_size=1, moe_layer_freq=1, num_nextn_predict_layers=1, scoring_func="sigmoid",
        topk_method="noaux_tc", tie_word_embeddings=False),
    "kimi_k2": TOKENS | dict(
        architectures=["DeepseekV3ForCausalLM"], model_type="kimi_k2", hidden_act="silu", attention_bias=False,
        attention_dropout=0.0, aux_loss_alpha=0.001, moe_layer_freq=1, num_nextn_predict_layers=0, pretraining_tp=1,
        scoring_func="sigmoid", seq_aux=True, topk_method="noaux_tc", tie_word_embeddings=False),
    "qwen3_next": TOKENS | dict(
        architectures=["Qwen3NextForCausalLM"], model_type="qwen3_next", hidden_act="silu", attention_bias=False,
        attention_dropout=0.0, decoder_sparse_step=1, output_router_logits=False, router_aux_loss_coef=0.001,
        use_sliding_window=False, tie_word_embeddings=False),
    "gemma3n": TOKENS | dict(
        architectures=["Gemma3nForCausalLM"], model_type="gemma3n_text", hidden_activation="gelu_pytorch_tanh",
        attention_bias=False, attention_dropout=0.0, altup_active_idx=0, altup_coef_clip=120.0, altup_correct_scale=True,
        altup_lr_multiplier=1.0, altup_num_inputs=4, eos_token_id=[2, 4]),
    "grok2": TOKENS | dict(
        architectures=["Grok1ForCausalLM"], model_type="git", residual_moe=True, sliding_window_size=-1,
        global_attn_every_n=1, rope_type="original", original_max_position_embeddings=8192, scaling_factor=16.0,
        extrapolation_factor=1.0, attn_factor=1.0, beta_fast=8, beta_slow=1, tie_word_embeddings=False),
    "smollm3": TOKENS | dict(
        architectures=["SmolLM3ForCausalLM"], model_type="smollm3", hidden_act="silu", attention_bias=False,
        attention_dropout=0.0, mlp_bias=False, pad_token_id=0),
}


def sizes(hidden, intermediate, layers, heads, keys, vocabulary, head_dim=None):
    named = dict(hidden_size=hidden, intermediate_size=intermediate, num_hidden_layers=layers, num_attention_heads=heads,
                 num_key_value_heads=keys, vocab_size=vocabulary)
    return named | (dict(head_dim=head_dim) if head_dim else {})


def latent(hidden, intermediate, layers, heads, vocabulary, q, kv, nope, rope, v):
    return sizes(hidden, intermediate, layers, heads, heads, vocabulary) | dict(
        q_lora_rank=q, kv_lora_rank=kv, qk_nope_head_dim=nope, qk_rope_head_dim=rope, v_head_dim=v)


LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)
# As Phi-3-mini-128k and Phi-4-mini have it.
SHORT_FACTORS, LONG_FACTORS = [1.0, 1.1, 1.2, 1.5, 1.8, 2.0], [1.1, 1.5, 2.5, 4.0, 6.0, 8.0]


def longrope(original, **changed):
    return dict(rope_scaling=dict(type="longrope", short_factor=SHORT_FACTORS, long_factor=LONG_FACTORS) | changed,
                original_max_position_embeddings=original)


S, F, L = "sliding_attention", "full_attention", "linear_attention"

VARIANTS = [
    # Newer files' form; the factor of attention is not the usual one.
    Variant("llama/longrope", sizes(48, 64, 2, 4, 2, 96) | dict(
        rms_norm_eps=1e-5, tie_word_embeddings=False, rope_parameters=longrope(64, rope_type="longrope")["rope_scaling"] | dict(
        rope_theta=500.0, original_max_position_embeddings=64, attention_factor=1.4)), "f16",
        prompts=(3, 45)),
    # Three query heads to one key head; head_dim is left to be derived.
    Variant("llama/plain", sizes(48, 64, 2, 3, 1, 96) | dict(
        rms_norm_eps=1e-5, rope_theta=10000.0, rope_scaling=None, tie_word_embeddings=False), prompts=FULL),
    # Nothing is a multiple of 16 but the heads; six heads over two, wider together than the hidden size; two files.
    Variant("llama/odd-sizes", sizes(72, 100, 2, 6, 2, 131, 16) | dict(
        rms_norm_eps=1e-5, rope_theta=500000.0, tie_word_embeddings=True), "bf16", shards=2),
    # The original length is so short that the three bands of the scaling all hold frequencies.
    Variant("llama/llama3-scaling", sizes(48, 72, 3, 4, 2, 96, 24) | dict(
        rms_norm_eps=1e-5, rope_theta=10000.0, rope_scaling=LLAMA3, tie_word_embeddings=True), "f16", prompts=(3, 100)),
    # The same in the newer spelling, and an epsilon that matters.
    Variant("llama/rope-parameters", sizes(60, 80, 2, 3, 1, 112, 32) | dict(
        rms_norm_eps=0.05, rope_parameters=LLAMA3 | dict(rope_theta=50000.0, factor=32.0),
        tie_word_embeddings=False), "bf16", prompts=(3, 100)),
    # A bias on every projection; linear scaling under its old name "type".
    Variant("llama/biases", sizes(64, 88, 2, 4, 1, 120, 16) | dict(
        rms_norm_eps=1e-6, rope_theta=1000.0, rope_scaling={"type": "linear", "factor": 2.5}, attention_bias=True,
        mlp_bias=True, tie_word_embeddings=False), "bf16"),
    # As many key heads as query heads (no grouping), one layer, gelu.
    Variant("llama/ungrouped", sizes(64, 96, 1, 4, 4, 128) | dict(
        rms_norm_eps=1e-5, rope_parameters=dict(rope_type="linear", factor=3.0, rope_theta=10000.0),
        hidden_act="gelu_pytorch_tanh", tie_word_embeddings=False), "f32", prompts=(3, 31)),

    # A window shorter than a chunk of 7, on every layer; heads wider together than the hidden size.
    Variant("mistral/window-5", sizes(48, 56, 2, 4, 2, 96, 16) | dict(
        rms_norm_eps=1e-5, rope_theta=10000.0, sliding_window=5, tie_word_embeddings=False), prompts=FULL),
    Variant("mistral/window-13", sizes(72, 92, 2, 3, 1, 131, 24) | dict(
        rms_norm_eps=0.02, rope_parameters=dict(rope_type="default", rope_theta=20000.0), sliding_window=13,
        tie_word_embeddings=True), "bf16", prompts=(3, 13, 14, 100)),
    # The newer Mistrals have no window and heads narrower together than the hidden size.
    Variant("mistral/no-window", sizes(80, 96, 2, 4, 2, 112, 16) | dict(
        rms_norm_eps=1e-5, rope_theta=1000000.0, sliding_window=None, tie_word_embeddings=False), "f16",
        prompts=(3, 31)),

    Variant("qwen3/plain", sizes(40, 48, 2, 4, 2, 96, 24) | dict(
        rms_norm_eps=1e-6, rope_theta=1000000.0, rope_scaling=None, sliding_window=None, use_sliding_window=False,
        max_window_layers=2, tie_word_embeddings=False), prompts=FULL),
    Variant("qwen3/odd-sizes", sizes(72, 100, 2, 6, 2, 131, 16) | dict(
        rms_norm_eps=0.02, rope_parameters=dict(rope_type="default", rope_theta=5000.0), attention_bias=True,
        tie_word_embeddings=True), "bf16", shards=3),
    # The long-context recipe of its model card.
    Variant("qwen3/yarn", sizes(64, 72, 2, 3, 1, 112, 32) | dict(
        rms_norm_eps=1e-6, rope_theta=10000.0, rope_scaling=dict(rope_type="yarn", factor=4.0,
        original_max_position_embeddings=64), tie_word_embeddings=True), "f16", prompts=(3, 100)),
    # A window that is there but switched off, and one on the upper layers.
    Variant("qwen3/window-off", sizes(48, 56, 2, 3, 1, 96, 16) | dict(
        rms_norm_eps=1e-6, rope_theta=10000.0, sliding_window=6, use_sliding_window=False, max_window_layers=1,
        tie_word_embeddings=True), "bf16", mutations=[dict(use_sliding_window=True)]),
    Variant("qwen3/upper-window", sizes(48, 56, 3, 3, 1, 96, 16) | dict(
        rms_norm_eps=1e-6, rope_theta=10000.0, sliding_window=6, use_sliding_window=True, max_window_layers=1,
        tie_word_embeddings=True), "bf16", mutations=[dict(max_window_layers=0), dict(max_window_layers=2)]),

    # Six layers, the last one full; the pattern as a number, two thetas, scaling on the full layer only.
    Variant("gemma3/five-to-one", sizes(40, 44, 6, 2, 1, 96, 24) | dict(
        rms_norm_eps=1e-6, rope_theta=20000.0, rope_local_base_freq=300.0, rope_scaling=dict(rope_type="linear", factor=8.0),
        sliding_window=6, sliding_window_pattern=6, query_pre_attn_scalar=40), "bf16", prompts=FULL,
        mutations=[dict(sliding_window_pattern=5), dict(sliding_window_pattern=3)]),
    # As the published small ones: layer_types, no scaling; the window no multiple of 16.
    Variant("gemma3/layer-types", sizes(48, 56, 4, 3, 1, 104, 16) | dict(
        rms_norm_eps=0.02, rope_theta=1000000.0, rope_local_base_freq=10000.0, rope_scaling=None, sliding_window=19,
        layer_types=[S, F, F, S], query_pre_attn_scalar=24, _sliding_window_pattern=6, use_bidirectional_attention=False),
        "f16", prompts=(3, 20, 100)),
    # The newer spelling, one set of rope parameters per kind of layer; a head of its own, biases.
    Variant("gemma3/rope-parameters", sizes(72, 76, 3, 4, 2, 99, 16) | dict(
        rms_norm_eps=1e-6, rope_parameters={F: dict(rope_type="linear", factor=4.0, rope_theta=5000.0),
        S: dict(rope_type="default", rope_theta=100.0)}, sliding_window=19, layer_types=[S, F, S],
        query_pre_attn_scalar=24, attention_bias=True, tie_word_embeddings=False), "bf16", prompts=(3, 60)),
    # The full layer first, in float32; more query heads than fit the hidden size.
    Variant("gemma3/full-first", sizes(40, 50, 2, 4, 2, 96, 32) | dict(
        rms_norm_eps=1e-6, rope_theta=10000.0, rope_local_base_freq=500.0, rope_scaling=None, sliding_window=6,
        layer_types=[F, S], query_pre_attn_scalar=50), "f32", prompts=(3, 31)),

    # Every other layer slides, both soft limits bite, a head of its own.
    Variant("gemma2/plain", sizes(40, 44, 4, 4, 2, 96, 24) | dict(
        rms_norm_eps=1e-6, rope_theta=10000.0, sliding_window=6, query_pre_attn_scalar=16, attn_logit_softcapping=3.0,
        final_logit_softcapping=5.0), "bf16", prompts=FULL),
    Variant("gemma2/layer-types", sizes(48, 52, 3, 3, 1, 99, 32) | dict(
        rms_norm_eps=0.02, rope_theta=500.0, sliding_window=19, query_pre_attn_scalar=40, attn_logit_softcapping=None,
        final_logit_softcapping=2.0, layer_types=[F, S, F], tie_word_embeddings=False), "bf16", prompts=(3, 60)),

    Variant("gpt2/plain", dict(n_embd=48, n_layer=2, n_head=3, vocab_size=96, n_inner=None, layer_norm_epsilon=1e-5),
            "f16", prompts=FULL),
    # Heads of an odd width, an MLP of its own width, an epsilon that matters, a head of its own.
    Variant("gpt2/odd-sizes", dict(n_embd=35, n_layer=3, n_head=5, vocab_size=131, n_inner=52, layer_norm_epsilon=0.05,
            tie_word_embeddings=False), "bf16", shards=2),

    Variant("granite/plain", sizes(48, 64, 2, 4, 2, 96) | dict(
        rms_norm_eps=1e-5, rope_theta=10000.0, rope_scaling=None, tie_word_embeddings=True, embedding_multiplier=12.0,
        attention_multiplier=0.15, residual_multiplier=0.22, logits_scaling=8.0), prompts=FULL),
    Variant("granite/biases", sizes(48, 60, 3, 6, 3, 107) | dict(
        rms_norm_eps=0.02, rope_theta=500.0, attention_bias=True, mlp_bias=True, tie_word_embeddings=False,
        embedding_multiplier=3.0, attention_multiplier=0.4, residual_multiplier=1.7, logits_scaling=0.5), "bf16"),

    # As many key heads as query heads, and grouped ones wider together than the hidden size.
    Variant("olmo2/plain", sizes(48, 64, 2, 3, 3, 96) | dict(
        rms_norm_eps=1e-6, rope_theta=500000.0, tie_word_embeddings=False), "f16", prompts=FULL),
    Variant("olmo2/grouped", sizes(60, 68, 2, 6, 2, 107, 20) | dict(
        rms_norm_eps=0.02, rope_theta=1000.0, attention_bias=True, tie_word_embeddings=True), "bf16", shards=2),

    # Three sliding layers to a full one, scaling only on the full one.
    Variant("olmo3/plain", sizes(48, 52, 4, 3, 1, 96) | dict(
        rms_norm_eps=1e-6, rope_theta=1000.0, sliding_window=6, tie_word_embeddings=False, rope_scaling=dict(
        rope_type="yarn", factor=8.0, original_max_position_embeddings=32, attention_factor=1.2079441541679836)),
        "bf16", prompts=FULL),
    Variant("olmo3/layer-types", sizes(48, 56, 3, 3, 1, 107) | dict(
        rms_norm_eps=0.02, rope_parameters={F: dict(rope_type="linear", factor=4.0, rope_theta=5000.0),
        S: dict(rope_type="default", rope_theta=100.0)}, sliding_window=13, layer_types=[F, S, S],
        tie_word_embeddings=True), "bf16", prompts=(3, 13, 14, 60)),

    Variant("phi3/plain", sizes(48, 64, 2, 4, 4, 96) | dict(
        rms_norm_eps=1e-5, rope_theta=10000.0, rope_scaling=None, sliding_window=6, tie_word_embeddings=False),
        "f16", prompts=FULL),
    # Part of a head is left unrotated; grouped heads, no window.
    Variant("phi3/partial-rotary", sizes(64, 72, 2, 4, 2, 107) | dict(
        rms_norm_eps=0.02, rope_theta=500.0, partial_rotary_factor=0.75, sliding_window=None,
        tie_word_embeddings=True), "bf16", shards=2),
    # transformers chooses between the two lists of factors by the length of the prompt.
    Variant("phi3/longrope-short", sizes(64, 72, 2, 4, 2, 107) | dict(
        rms_norm_eps=1e-5, rope_theta=500.0, partial_rotary_factor=0.75, sliding_window=None,
        tie_word_embeddings=True) | longrope(64), "bf16", prompts=(3, 45, 60), mutations=[
        longrope(32), longrope(128), longrope(64, short_factor=SHORT_FACTORS[::-1]),
        longrope(64, short_factor=LONG_FACTORS)]),
    Variant("phi3/longrope-long", sizes(48, 64, 2, 4, 4, 96) | dict(
        rms_norm_eps=1e-5, rope_theta=500.0, sliding_window=None, tie_word_embeddings=False) |
        longrope(32), "f16", prompts=(33, 45, 100), mutations=[
        longrope(16), longrope(128), longrope(32, long_factor=LONG_FACTORS[::-1]),
        longrope(32, long_factor=SHORT_FACTORS)]),

    Variant("qwen2/plain", sizes(48, 64, 2, 4, 2, 96) | dict(
        rms_norm_eps=1e-6, rope_theta=1000000.0, sliding_window=None, use_sliding_window=False, max_window_layers=2,
        tie_word_embeddings=True), prompts=FULL),
    Variant("qwen2/upper-window", sizes(48, 60, 3, 6, 3, 107) | dict(
        rms_norm_eps=0.02, rope_theta=5000.0, sliding_window=6, use_sliding_window=True, max_window_layers=1,
        tie_word_embeddings=False), "bf16", mutations=[dict(max_window_layers=0), dict(max_window_layers=2)]),

    # As Air: a dense layer first, biases on q, k and v, no norm on them.
    Variant("glm4_moe/plain", sizes(48, 56, 3, 4, 2, 96, 16) | dict(
        rms_norm_eps=1e-5, rope_theta=10000.0, rope_scaling=None, partial_rotary_factor=0.5, tie_word_embeddings=False,
        attention_bias=True, use_qk_norm=False, n_routed_experts=6, num_experts_per_tok=2, n_shared_experts=1,
        moe_intermediate_size=16, routed_scaling_factor=1.0, norm_topk_prob=True, first_k_dense_replace=1), "bf16",
        prompts=FULL, mutations=[dict(norm_topk_prob=False), dict(num_experts_per_tok=1), dict(partial_rotary_factor=1.0)]),
    # As the large one: norms on queries and keys, weights made larger; two shared experts, groups, nothing dense.
    Variant("glm4_moe/qk-norm", sizes(40, 44, 2, 3, 1, 107, 24) | dict(
        rms_norm_eps=0.02, rope_theta=500.0, tie_word_embeddings=True, attention_bias=False, use_qk_norm=True,
        n_routed_experts=6, num_experts_per_tok=3, n_shared_experts=2, moe_intermediate_size=20, n_group=3, topk_group=2,
        routed_scaling_factor=2.5, norm_topk_prob=False, first_k_dense_replace=0), "bf16",
        mutations=[dict(norm_topk_prob=True), dict(routed_scaling_factor=1.0), dict(topk_group=3)]),
    # Two of six experts, not normalised, and one for every token behind a gate.
    Variant("qwen2_moe/plain", sizes(40, 64, 2, 4, 2, 96) | dict(
        rms_norm_eps=1e-6, rope_theta=1000000.0, tie_word_embeddings=False, num_experts=6, num_experts_per_tok=2,
        moe_intermediate_size=16, shared_expert_intermediate_size=36, norm_topk_prob=False, decoder_sparse_step=1),
        "bf16", prompts=FULL, mutations=[dict(norm_topk_prob=True), dict(num_experts_per_tok=1)]),
    # Every second layer has an MLP; two of three, normalised.
    Variant("qwen2_moe/sparse-step", sizes(48, 56, 4, 3, 3, 107) | dict(
        rms_norm_eps=0.02, rope_theta=500.0, tie_word_embeddings=True, num_experts=3, num_experts_per_tok=2,
        moe_intermediate_size=20, shared_expert_intermediate_size=28, norm_topk_prob=True, decoder_sparse_step=2),
        "bf16"),
    # Two of five experts, weights normalised.
    Variant("qwen3_moe/plain", sizes(40, 64, 2, 4, 2, 96, 16) | dict(
        rms_norm_eps=1e-6, rope_theta=1000000.0, rope_scaling=None, sliding_window=None, use_sliding_window=False,
        tie_word_embeddings=False, num_experts=5, num_experts_per_tok=2, moe_intermediate_size=24, norm_topk_prob=True,
        decoder_sparse_step=1, mlp_only_layers=[]), "bf16", prompts=FULL, mutations=[dict(num_experts_per_tok=1)]),
    # Three of seven, not normalised; layer 0 and, by its step, every second one have an MLP.
    Variant("qwen3_moe/dense-layers", sizes(48, 56, 4, 3, 1, 107, 16) | dict(
        rms_norm_eps=0.02, rope_theta=500.0, tie_word_embeddings=True, num_experts=7, num_experts_per_tok=3,
        moe_intermediate_size=20, norm_topk_prob=False, decoder_sparse_step=1, mlp_only_layers=[0, 2]), "bf16", shards=2,
        mutations=[dict(norm_topk_prob=True), dict(num_experts_per_tok=4)]),

    # Four layers, sliding and full alternately, a window shorter than a chunk of 7; the limit of the gate bites.
    Variant("gpt_oss/plain", sizes(48, 32, 4, 4, 2, 96, 16) | dict(
        rms_norm_eps=1e-5, rope_theta=1000.0, sliding_window=5, num_local_experts=6, num_experts_per_tok=2,
        rope_scaling=dict(rope_type="yarn", factor=8.0, beta_fast=8.0, beta_slow=1.0, truncate=False,
                          original_max_position_embeddings=256)), "bf16", prompts=FULL,
        mutations=[dict(num_experts_per_tok=1), dict(swiglu_limit=7.0)]),
    # As many key heads as query heads, heads narrower together than the hidden size, layer_types.
    Variant("gpt_oss/layer-types", sizes(42, 28, 3, 3, 3, 107, 16) | dict(
        rms_norm_eps=0.02, rope_theta=500.0, sliding_window=13, num_local_experts=5, num_experts_per_tok=3,
        layer_types=[F, S, S], rope_scaling=dict(rope_type="yarn", factor=4.0, beta_fast=8.0, beta_slow=1.0,
        original_max_position_embeddings=256)), "bf16", prompts=(3, 13, 14, 60)),
    # As published: experts in blocks of 32 values of 4 bits.
    Variant("gpt_oss/mxfp4", sizes(64, 32, 2, 4, 2, 96, 16) | dict(
        rms_norm_eps=1e-5, rope_theta=1000.0, sliding_window=7, num_local_experts=4, num_experts_per_tok=2,
        rope_scaling=None, quantization_config=dict(quant_method="mxfp4", modules_to_not_convert=[
            "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"])), "bf16",
        prompts=(3, 31, 60)),
    # As Scout: every layer has experts, norms of rotated queries and keys; chunks shorter than a chunk of 7.
    Variant("llama4/scout", sizes(48, 24, 5, 4, 2, 96, 16) | dict(
        intermediate_size_mlp=64, rms_norm_eps=0.01, rope_theta=100.0, use_qk_norm=True, num_local_experts=5,
        num_experts_per_tok=1, interleave_moe_layer_step=1, attention_chunk_size=5, floor_scale=8, attn_scale=0.5,
        no_rope_layers=[], tie_word_embeddings=False, rope_scaling=dict(rope_type="llama3", factor=4.0,
        low_freq_factor=1.0, high_freq_factor=1.0, original_max_position_embeddings=48)), "bf16", prompts=FULL,
        mutations=[dict(attn_temperature_tuning=False), dict(use_qk_norm=False)]),
    # As Maverick: every second layer has experts, no norm; which layers rotate is listed.
    Variant("llama4/maverick", sizes(40, 20, 4, 5, 1, 107, 8) | dict(
        intermediate_size_mlp=44, rms_norm_eps=0.02, rope_theta=500.0, use_qk_norm=False, num_local_experts=3,
        num_experts_per_tok=1, interleave_moe_layer_step=2, attention_chunk_size=13, floor_scale=20, attn_scale=0.3,
        no_rope_layers=[1, 0, 1, 1], tie_word_embeddings=False), "bf16", prompts=(3, 13, 14, 60),
        mutations=[dict(attn_temperature_tuning=False), dict(no_rope_layers=[1, 1, 1, 1])]),
    # As V2-Lite: queries straight from the stream, greedy choice, two shared experts, a dense layer first.
    Variant("deepseek_v2/lite", latent(48, 64, 3, 3, 96, q=None, kv=24, nope=16, rope=8, v=12) | dict(
        rms_norm_eps=1e-6, rope_theta=50.0, n_routed_experts=6, num_experts_per_tok=2, n_shared_experts=2, n_group=1,
        topk_group=1, topk_method="greedy", moe_intermediate_size=16, first_k_dense_replace=1, routed_scaling_factor=1.0,
        rope_scaling=dict(type="yarn", factor=8, beta_fast=7, beta_slow=1, mscale=0.707, mscale_all_dim=0.707,
                          original_max_position_embeddings=192)), "bf16", prompts=FULL,
        mutations=[dict(num_experts_per_tok=1)]),
    # As V2: queries from a vector of their own, experts from two of three groups, weights made larger.
    Variant("deepseek_v2/groups", latent(48, 56, 3, 4, 107, q=20, kv=16, nope=8, rope=12, v=20) | dict(
        rms_norm_eps=0.02, rope_theta=500.0, n_routed_experts=12, num_experts_per_tok=3, n_shared_experts=1, n_group=4,
        topk_group=2, topk_method="group_limited_greedy", moe_intermediate_size=20, first_k_dense_replace=1,
        routed_scaling_factor=4.0, rope_scaling=dict(type="yarn", factor=4, beta_fast=8, beta_slow=1, mscale=1.0,
        mscale_all_dim=0.6, original_max_position_embeddings=256)), "bf16",
        mutations=[dict(topk_group=4), dict(topk_method="greedy"), dict(routed_scaling_factor=1.0)]),
    Variant("deepseek_v3/plain", latent(48, 56, 3, 4, 96, q=24, kv=32, nope=16, rope=8, v=16) | dict(
        rms_norm_eps=1e-6, rope_theta=50.0, n_routed_experts=12, num_experts_per_tok=3, n_shared_experts=1, n_group=4,
        topk_group=2, moe_intermediate_size=16, first_k_dense_replace=1, routed_scaling_factor=2.5, norm_topk_prob=True,
        rope_scaling=dict(type="yarn", factor=8, beta_fast=7, beta_slow=1, mscale=1.0, mscale_all_dim=1.0,
                          original_max_position_embeddings=192)), "bf16", prompts=FULL,
        mutations=[dict(topk_group=4), dict(norm_topk_prob=False), dict(routed_scaling_factor=1.0)]),
    # Without scaling, and queries straight from the stream; odd sizes, two shared experts, no dense layer.
    Variant("deepseek_v3/unscaled", latent(40, 44, 2, 5, 107, q=None, kv=18, nope=6, rope=10, v=14) | dict(
        rms_norm_eps=0.02, rope_theta=500.0, n_routed_experts=9, num_experts_per_tok=2, n_shared_experts=2, n_group=3,
        topk_group=1, moe_intermediate_size=12, first_k_dense_replace=0, routed_scaling_factor=1.5,
        norm_topk_prob=False, rope_scaling=None), "bf16", shards=2, mutations=[dict(topk_group=3)]),
    # As published: 8-bit floats with a scale for every 128 x 128, the last blocks of rows and columns not whole; what lies
    # across blocks cannot stay as it is.
    Variant("deepseek_v3/fp8", latent(144, 136, 2, 2, 64, q=136, kv=32, nope=128, rope=16, v=16) | dict(
        rms_norm_eps=1e-6, rope_theta=1000.0, n_routed_experts=4, num_experts_per_tok=2, n_shared_experts=1, n_group=2,
        topk_group=1, moe_intermediate_size=16, first_k_dense_replace=1, routed_scaling_factor=2.5, norm_topk_prob=True,
        rope_scaling=None, quantization_config=dict(activation_scheme="dynamic", fmt="e4m3", quant_method="fp8",
                                                    weight_block_size=[128, 128])), "bf16", prompts=(3, 31)),
    # One group of many experts, a step for a ramp of scaling.
    Variant("kimi_k2/plain", latent(48, 40, 3, 2, 107, q=28, kv=24, nope=12, rope=16, v=8) | dict(
        rms_norm_eps=1e-6, rope_theta=50.0, n_routed_experts=16, num_experts_per_tok=4, n_shared_experts=1, n_group=1,
        topk_group=1, moe_intermediate_size=8, first_k_dense_replace=1, routed_scaling_factor=2.827,
        norm_topk_prob=True, rope_scaling=dict(type="yarn", factor=32.0, beta_fast=1.0, beta_slow=1.0, mscale=1.0,
        mscale_all_dim=1.0, original_max_position_embeddings=64)), "bf16", prompts=(3, 31, 100),
        mutations=[dict(num_experts_per_tok=3), dict(norm_topk_prob=False)]),

    # Three linear layers to a full one; two value heads to a key head, a quarter of a head rotated.
    Variant("qwen3_next/plain", sizes(48, 40, 4, 4, 2, 96, 16) | dict(
        rms_norm_eps=1e-6, rope_theta=1000.0, rope_scaling=None, partial_rotary_factor=0.25, full_attention_interval=4,
        linear_conv_kernel_dim=4, linear_key_head_dim=16, linear_num_key_heads=2, linear_num_value_heads=4,
        linear_value_head_dim=12, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=16,
        shared_expert_intermediate_size=20, norm_topk_prob=True, mlp_only_layers=[]), "bf16", prompts=FULL,
        mutations=[dict(num_experts_per_tok=1), dict(partial_rotary_factor=0.5)]),
    # Layers as listed, a layer with an MLP, one value head to a key head, weights of experts as they are.
    Variant("qwen3_next/layer-types", sizes(40, 28, 4, 3, 1, 107, 16) | dict(
        rms_norm_eps=0.02, rope_theta=500.0, rope_scaling=None, partial_rotary_factor=0.5,
        layer_types=[F, L, F, L], linear_conv_kernel_dim=3, linear_key_head_dim=8, linear_num_key_heads=3,
        linear_num_value_heads=3, linear_value_head_dim=20, num_experts=5, num_experts_per_tok=3, moe_intermediate_size=12,
        shared_expert_intermediate_size=8, norm_topk_prob=False, mlp_only_layers=[2]), "bf16", prompts=(3, 31, 70),
        mutations=[dict(num_experts_per_tok=2)]),

    # Two layers share the caches of the last of their kind before them; sparse gates, MLPs of two widths, tokens beyond the
    # table of the layers' own embeddings.
    Variant("gemma3n/plain", sizes(48, [56, 40, 56, 40, 56, 56], 6, 4, 2, 96, 16) | dict(
        rms_norm_eps=1e-6, rope_theta=1000.0, rope_local_base_freq=100.0, rope_scaling=None, sliding_window=5,
        layer_types=[S, F, S, F, S, F], num_kv_shared_layers=2, activation_sparsity_pattern=[0.7, 0.4, 0.0, 0.0, 0.0, 0.0],
        laurel_rank=12, hidden_size_per_layer_input=8, vocab_size_per_layer_input=80, final_logit_softcapping=5.0), "bf16",
        prompts=(3, 31, 60)),
    # Nothing shared, the pattern of kinds left out, scaling on full layers.
    Variant("gemma3n/unshared", sizes(40, 44, 5, 5, 1, 107, 8) | dict(
        rms_norm_eps=0.02, rope_theta=500.0, rope_local_base_freq=50.0, rope_scaling=dict(rope_type="linear", factor=4.0),
        sliding_window=13, num_kv_shared_layers=0, laurel_rank=6, hidden_size_per_layer_input=12,
        vocab_size_per_layer_input=107, final_logit_softcapping=3.0), "bf16", prompts=(3, 13, 14, 60)),

    # The temperature begins after 8 positions; all soft limits bite.
    Variant("grok2/plain", sizes(48, 64, 2, 4, 2, 96, 16) | dict(
        rms_norm_eps=1e-5, rope_theta=10000.0, moe_intermediate_size=24, num_local_experts=5, num_experts_per_tok=2,
        embedding_multiplier_scale=7.0, output_multiplier_scale=0.5, attn_logit_softcapping=3.0,
        router_logit_softcapping=2.0, final_logit_softcapping=1.5, attn_temperature_len=8), "bf16", prompts=FULL,
        mutations=[dict(num_experts_per_tok=1)]),

    Variant("smollm3/plain", sizes(48, 64, 5, 3, 1, 96) | dict(
        rms_norm_eps=1e-6, rope_theta=50000.0, tie_word_embeddings=True, no_rope_layers=[1, 1, 1, 0, 1],
        use_sliding_window=False, sliding_window=None), "bf16", prompts=FULL, mutations=[dict(no_rope_layers=[1, 1, 1, 1, 1])]),
    # Which layers rotate is left to the interval; those without positions have a window.
    Variant("smollm3/interval", sizes(48, 56, 4, 6, 2, 107) | dict(
        rms_norm_eps=0.02, rope_theta=500.0, tie_word_embeddings=False, no_rope_layer_interval=2, attention_bias=True,
        mlp_bias=True, use_sliding_window=True, sliding_window=6), "bf16",
        mutations=[dict(no_rope_layer_interval=3), dict(use_sliding_window=False)]),
]


def neutral_norm(family):
    """The stored value that makes a norm's weight one: Gemma stores w and multiplies by 1 + w."""
    return 0.0 if family in ("gemma2", "gemma3") or family == "qwen3_next" else 1.0


def is_norm(name):
    return name.endswith("norm.weight") or (".ln_" in name and name.endswith(".weight"))


def random_weights(variant, config, shapes):
    """Weights that give logits a healthy spread and let no part vanish: norms and biases far from one and zero, attention
    logits of a standard deviation of about two."""
    family = variant.name.split("/")[0]
    generator = np.random.default_rng(list(variant.name.encode()))
    weights = {}
    for name, shape in shapes.items():
        noise = generator.standard_normal(shape)
        if is_norm(name):
            peak = 0.4 if "q_norm" in name or "k_norm" in name else 0.0
            value = neutral_norm(family) + peak + 0.3 * noise
            if family == "gemma3n" and peak:  # scores are not scaled
                value = 0.6 + 0.2 * noise
            if "linear_attn.norm" in name:  # the one that is not 1 + w
                value = 1 + 0.3 * noise
        elif name.endswith("A_log"):
            value = np.log(0.1 + np.abs(noise))
        elif name.endswith("dt_bias"):
            value = 0.5 * noise - 1
        elif name.endswith("conv1d.weight"):
            value = noise / shape[-1] ** 0.5
        elif name.endswith(".bias") or name.endswith("_bias"):
            value = 0.5 * noise
        elif name.endswith("sinks"):
            value = 1.0 + noise
        elif ".experts." in name and family in TRANSPOSED_EXPERTS:
            value = noise / shape[-2] ** 0.5
        elif "embed_tokens_per_layer" in name:
            value = 0.8 * noise / config.hidden_size_per_layer_input**0.5
        elif name.endswith("correct_output_scale"):
            value = 1 + 0.3 * noise
        elif "altup.modality_router" in name:  # its input is divided by the hidden size
            value = noise * config.hidden_size**0.5
        elif "altup.prediction_coefs" in name or "altup.correction_coefs" in name:  # large ones make it chaotic
            value = 0.1 * noise
        elif "embed_tokens" in name or ".wte." in name or ".wpe." in name:
            scale = config.hidden_size**0.5 if family.startswith("gemma") else getattr(
                config, "embedding_multiplier", getattr(config, "embedding_multiplier_scale", 1))
            value = 0.8 * noise / scale
        else:
            gain = 1.4 if "q_proj" in name or "q_b_proj" in name or "k_proj" in name or "qkv_proj" in name or "c_attn" in name else 1.0
            value = gain * noise / shape[0 if family == "gpt2" and "lm_head" not in name else -1] ** 0.5
        weights[name] = torch.from_numpy(value.astype(np.float32)).to(TYPES[variant.stored])
    return weights


# Families whose published files, too, hold all experts' matrices in one tensor: [experts, in, out].
TRANSPOSED_EXPERTS = ("gpt_oss", "llama4")


def as_published(family, weights):
    """transformers 5 holds all experts' matrices in one tensor; most checkpoints have one for each."""
    published = {}
    for name, tensor in weights.items():
        if family in TRANSPOSED_EXPERTS:
            published[name] = tensor
        elif name.endswith(".experts.gate_up_proj"):
            for expert, both in enumerate(tensor):
                for part, matrix in zip(("gate_proj", "up_proj"), both.chunk(2)):
                    published[name.replace("gate_up_proj", f"{expert}.{part}.weight")] = matrix.contiguous()
        elif name.endswith(".experts.down_proj"):
            for expert, matrix in enumerate(tensor):
                published[name.replace("down_proj", f"{expert}.down_proj.weight")] = matrix.contiguous()
        else:
            published[name] = tensor
    return published


FP4 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])


def to_mxfp4(matrices):
    """[experts, in, out] as blocks [experts, out, in / 32, 16] and scales, as gpt-oss is published."""
    rows = matrices.float().transpose(1, 2).unflatten(-1, (-1, 32))
    exponent = (rows.abs().amax(-1).clamp(min=1e-20).log2().floor() - 2).clamp(-127, 127)
    scaled = rows / 2 ** exponent[..., None]
    codes = (scaled[..., None] - FP4).abs().argmin(-1).to(torch.uint8)
    return codes[..., 0::2] | codes[..., 1::2] << 4, (exponent + 127).to(torch.uint8)


def from_mxfp4(blocks, scales):
    codes = torch.stack([blocks & 15, blocks >> 4], -1).flatten(-2).long()
    values = FP4[codes] * 2.0 ** (scales.float() - 127)[..., None]
    return values.flatten(-2).transpose(1, 2).contiguous()


def spread_scales(scales, shape):
    return scales.repeat_interleave(128, 0)[:shape[0]].repeat_interleave(128, 1)[:, :shape[1]]


def to_fp8(matrix):
    """E4M3 and a scale for every block of 128 x 128."""
    rows, columns = matrix.shape
    scales = torch.tensor([[matrix[i:i + 128, j:j + 128].float().abs().max() / 448 for j in range(0, columns, 128)]
                           for i in range(0, rows, 128)])
    return (matrix.float() / spread_scales(scales, matrix.shape)).to(torch.float8_e4m3fn), scales


def as_quantised(config, weights):
    method = config.get("quantization_config", {}).get("quant_method")
    quantised = {}
    for name, tensor in weights.items():
        if method == "mxfp4" and name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            quantised[name + "_blocks"], quantised[name + "_scales"] = to_mxfp4(tensor)
        elif method == "fp8" and ".layers." in name and name.endswith("_proj.weight") or method == "fp8" and \
                name.endswith("kv_a_proj_with_mqa.weight"):
            quantised[name], quantised[name + "_scale_inv"] = to_fp8(tensor)
        else:
            quantised[name] = tensor
    return quantised


def dequantised(directory, work):
    """The same model in float32, which transformers loads: it cannot read blocks that are not whole, or not on a CPU."""
    weights = load_file(directory / "model.safetensors")
    plain = {}
    for name, tensor in weights.items():
        if name.endswith("_blocks"):
            plain[name.removesuffix("_blocks")] = from_mxfp4(tensor, weights[name.replace("_blocks", "_scales")])
        elif name + "_scale_inv" in weights:
            plain[name] = tensor.float() * spread_scales(weights[name + "_scale_inv"], tensor.shape)
        elif not name.endswith(("_scales", "_scale_inv")):
            plain[name] = tensor.float()
    config = json.loads((directory / "config.json").read_text())
    del config["quantization_config"]
    (work / "config.json").write_text(json.dumps(config))
    save_file(plain, work / "model.safetensors", metadata={"format": "pt"})
    return work


def write_model(variant, directory):
    family = variant.name.split("/")[0]
    dtype = str(TYPES[variant.stored]).removeprefix("torch.")
    # "dtype" is the key's new name; configs in circulation have either.
    config = FAMILIES[family] | {"dtype" if "rope_parameters" in variant.config else "torch_dtype": dtype} | variant.config
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    parsed = parse(directory)
    with torch.device("meta"):
        model = Grok2(parsed) if family == "grok2" else transformers.AutoModelForCausalLM.from_config(parsed)
    tied = config.get("tie_word_embeddings", True)
    shapes = {n: tuple(t.shape) for n, t in model.state_dict().items() if not (tied and n == "lm_head.weight")}
    weights = as_quantised(config, as_published(family, random_weights(variant, parsed, shapes)))
    if variant.shards == 1:
        save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
        return
    # Cut in the middle of a layer on purpose, so that adjacent weights of the graph are in different files.
    names, files = sorted(weights), {}
    for i, name in enumerate(names):
        files[name] = f"model-{i * variant.shards // len(names) + 1:05}-of-{variant.shards:05}.safetensors"
    for file in sorted(set(files.values())):
        save_file({n: weights[n] for n in names if files[n] == file}, directory / file, metadata={"format": "pt"})
    total = sum(t.numel() * t.element_size() for t in weights.values())
    index = {"metadata": {"total_size": total}, "weight_map": files}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def parse(directory):
    """The config as transformers understands it: Kimi K2 is DeepSeek-V3 by another name."""
    config = json.loads((directory / "config.json").read_text())
    config.pop("quantization_config", None)
    if config["model_type"] == "git":
        return SimpleNamespace(**config)
    if config["model_type"] == "kimi_k2":
        return transformers.DeepseekV3Config(**config | dict(model_type="deepseek_v3"))
    parsed = transformers.AutoConfig.from_pretrained(directory)
    parsed.__dict__.pop("quantization_config", None)
    return parsed


def load(directory, dtype=torch.float32):
    directory = Path(directory)
    config = json.loads((directory / "config.json").read_text())
    if "quantization_config" in config:
        with tempfile.TemporaryDirectory() as work:
            return load(dequantised(directory, Path(work)), dtype)
    if config["model_type"] == "git":
        model = Grok2(parse(directory)).to(dtype)
        model.load_state_dict(load_file(directory / "model.safetensors"))
        return model.eval()
    model, report = transformers.AutoModelForCausalLM.from_pretrained(
        directory, config=parse(directory), dtype=dtype, attn_implementation="eager", experts_implementation="eager", output_loading_info=True)
    assert not any(report.values()), f"{directory}: not loaded cleanly: {report}"
    return model.eval()


@torch.no_grad()
def run(model, tokens):
    return model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0].to(torch.float64).numpy()


def config_mutations(config):
    """(what, changed config) for every number and choice in the config with an independent meaning."""
    scaled = {"rope_theta", "rope_local_base_freq", "factor", "low_freq_factor", "high_freq_factor", "beta_fast",
              "beta_slow", "attention_factor", "original_max_position_embeddings", "attn_logit_softcapping",
              "final_logit_softcapping", "embedding_multiplier", "attention_multiplier", "residual_multiplier",
              "logits_scaling", "mscale", "mscale_all_dim", "swiglu_limit", "floor_scale", "attn_scale",
              "embedding_multiplier_scale", "output_multiplier_scale", "router_logit_softcapping", "attn_temperature_len"}
    # Keys that Grok 2 has but does not use.
    scaled -= ({"beta_fast", "beta_slow", "attn_factor", "original_max_position_embeddings"}
               if config["model_type"] == "git" else set())
    # Used only by longrope.
    scaled -= {"original_max_position_embeddings"} if config["model_type"] == "phi3" else set()

    def walk(node, path):
        for key, value in node.items():
            here = path + (key,)
            if isinstance(value, dict):
                yield from walk(value, here)
            elif key == "low_freq_factor" and node["high_freq_factor"] == value:
                continue
            elif key in ("beta_fast", "beta_slow") and node["beta_fast"] == node["beta_slow"]:
                continue  # a step, not a ramp: where it lies is rounded
            elif key == "factor" and "short_factor" in node or key == "original_max_position_embeddings" and \
                    "attention_factor" in node and "short_factor" in node:
                continue  # replaced, or too far away
            elif key == "short_factor" and "original_max_position_embeddings" in node:
                yield here, value[::-1]
            elif key in scaled and value is not None:
                yield here, type(value)(value * 2)
            elif key == "activation_sparsity_pattern":
                yield here, [0.0] * len(value)
            elif key == "truncate":
                yield here, not value
            elif key == "attention_chunk_size":
                yield from ((here, value + 1), (here, value - 1), (here, 200))
            elif key == "partial_rotary_factor" and not config.get("rope_scaling"):
                yield here, 0.5 if value != 0.5 else 1.0
            elif key in ("rms_norm_eps", "layer_norm_epsilon") and value >= 1e-3:
                yield here, 1e-6
            elif key == "sliding_window" and value is not None and config.get("use_sliding_window", True):
                yield from ((here, value + 1), (here, value - 1), (here, 200))
            elif key == "query_pre_attn_scalar":
                yield here, config["head_dim"]
            elif key == "norm_topk_prob" and config["model_type"] != "deepseek_v2":
                yield here, not value
            elif key == "no_rope_layers":
                for i, rotates in enumerate(value):
                    yield here, value[:i] + [1 - rotates] + value[i + 1:]
            elif config["model_type"] == "gpt_oss" and key == "hidden_act":
                continue
            elif key in ("hidden_activation" if config["model_type"] == "gemma2" else "hidden_act", "hidden_activation",
                         "activation_function"):
                yield here, "silu" if "gelu" in value else "gelu_pytorch_tanh"
            elif key == "layer_types" and config["model_type"] == "gemma3n_text":
                yield here, [S if kind == F else F for kind in value]
            elif key == "layer_types" and config["model_type"] != "qwen3_next":
                for i, kind in enumerate(value):
                    other = "full_attention" if kind == "sliding_attention" else "sliding_attention"
                    yield here, value[:i] + [other] + value[i + 1:]

    for path, value in walk(config, ()):
        changed = copy.deepcopy(config)
        node = changed
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value
        yield ".".join(path) + f" = {value}", changed


def weight_mutations(model, config):
    """(what, function that breaks one thing in the model's weights)."""
    family = config["model_type"].removesuffix("_text").replace("git", "grok2")
    parsed = model.config
    count, keys = parsed.num_attention_heads, getattr(parsed, "num_key_value_heads", parsed.num_attention_heads)
    dim = getattr(parsed, "head_dim", None) or parsed.hidden_size // count
    parameters = dict(model.named_parameters())
    kinds = {}
    for name in parameters:
        kinds.setdefault(".".join(p for p in name.split(".") if not p.isdigit()), []).append(name)

    def heads(tensor, count):
        return tensor.view(count, -1, *tensor.shape[1:])

    def fill(names, value):
        return lambda p: [p[n].fill_(value) for n in names]

    def parts(p, which):
        """Views [rows, ...] of the weights and biases of q, k or v, separate or fused."""
        for name in parameters:
            if f"{which}_proj" in name and ("qkv" not in name):
                yield p[name]
            elif "qkv_proj" in name or "c_attn" in name:
                whole = p[name].T if "c_attn.weight" in name else p[name]
                begin = {"q": 0, "k": count * dim, "v": (count + keys) * dim}[which]
                yield whole[begin:begin + (count if which == "q" else keys) * dim]

    for kind, names in kinds.items():
        if is_norm(kind):
            yield kind + " ignored", fill(names, 1.0 if "linear_attn.norm" in kind else neutral_norm(family))
        elif kind.endswith("A_log"):
            yield kind + " ignored", fill(names, 0.0)
        elif kind.endswith("correct_output_scale"):
            yield kind + " ignored", fill(names, 1.0)
        elif any(part in kind for part in ("modality_router", "prediction_coefs", "correction_coefs", "linear_right",
                                           "per_layer_projection.weight", "embed_tokens_per_layer",
                                           "per_layer_model_projection")):
            yield kind + " ignored", fill(names, 0.0)
        elif "altup_projections" in kind or "altup_unembed_projections" in kind:
            yield kind + " in another order", lambda p, names=names: p[names[0]].copy_(p[names[1]])
        elif kind.endswith("dt_bias"):
            yield kind + " ignored", fill(names, 0.0)
        elif kind.endswith("conv1d.weight"):
            yield "no convolution", lambda p, names=names: [p[n][:, :, :-1].zero_() for n in names]
        elif kind.endswith("in_proj_ba.weight"):
            yield "strength and decay ignored", fill(names, 0.0)
        elif kind.endswith("c_attn.bias"):
            # A bias of the keys only shifts all scores of a query equally.
            yield "q bias ignored", lambda p: [t.zero_() for t in parts(p, "q") if t.dim() == 1]
            yield "v bias ignored", lambda p: [t.zero_() for t in parts(p, "v") if t.dim() == 1]
        elif kind.endswith(".bias"):
            if "k_proj" not in kind or family != "smollm3":
                yield kind + " ignored", fill(names, 0.0)
        elif kind.endswith("_proj_bias"):
            yield kind + " ignored", fill(names, 0.0)
        elif kind.endswith("sinks"):
            yield kind + " ignored", fill(names, -100.0)
        elif any(part in kind for part in ("mlp.gate.weight", "shared_expert_gate", "shared_expert.down", "shared_experts.down",
                                           "experts.down_proj", "router.weight", "shared_expert.down", "experts.w2",
                                           "block_sparse_moe.gate", "layers.mlp.down_proj")):
            yield kind + " ignored", fill(names, 0.0)
    corrections = [n for n, _ in model.named_buffers() if n.endswith("e_score_correction_bias")]
    if corrections:
        yield "correction ignored", fill(corrections, 0.0)
    if hasattr(parsed, "kv_lora_rank"):
        yield from latent_mutations(parsed, parameters)
        yield "head tied", lambda p: p["lm_head.weight"].copy_(p["model.embed_tokens.weight"])
        return
    if family == "qwen3_next":
        yield from delta_mutations(parsed, parameters)
        yield "head tied", lambda p: p["lm_head.weight"].copy_(p["model.embed_tokens.weight"])
        return
    normed = [n for n in parameters if "q_norm" in n]
    if normed:
        yield "uniform attention", fill(normed, neutral_norm(family) - 1)
    else:
        yield "uniform attention", lambda p: [t.zero_() for t in parts(p, "q")]

    def swap_heads(p):
        for which in "kv":
            for part in parts(p, which):
                part.copy_(heads(part.clone(), keys).roll(1, 0).reshape(part.shape))

    def spread_heads(p):  # query head i reads key head i % keys instead of i // group
        order = [g * keys + k for k in range(keys) for g in range(count // keys)]
        for part in parts(p, "q"):
            part.copy_(heads(part.clone(), count)[order].reshape(part.shape))
        for name in parameters:
            if "o_proj.weight" in name:
                p[name].copy_(heads(p[name].T.contiguous(), count)[order].reshape(p[name].T.shape).T)

    if keys > 1 and count > keys:
        yield "key heads swapped", swap_heads
        yield "query heads dealt out to key heads one by one", spread_heads
    elif keys > 1:
        yield "key heads swapped", swap_heads

    def interleave(p):
        rows = [(part, count) for part in parts(p, "q")] + [(part, keys) for part in parts(p, "k")]
        for name in parameters:
            if "q_norm" in name or "k_norm" in name:
                rows.append((p[name], p[name].shape[0] // dim))
        for part, n in rows:
            w = heads(part.clone(), n)
            w = w.view(n, w.shape[1] // 2, 2, *w.shape[2:]).transpose(1, 2)
            part.copy_(w.reshape(part.shape))

    if family == "gpt2":
        yield "positions ignored", lambda p: p["transformer.wpe.weight"].zero_()
    else:
        yield "interleaved rope", interleave
    if "lm_head.weight" in parameters:
        embedding = "transformer.wte.weight" if family == "gpt2" else "model.embed_tokens.weight"
        yield "head tied", lambda p: p["lm_head.weight"].copy_(p[embedding])
    if family.startswith("gemma"):
        yield "embedding not scaled", lambda p: model.model.embed_tokens.embed_scale.fill_(1.0)


def latent_mutations(config, parameters):
    heads, nope, rope = config.num_attention_heads, config.qk_nope_head_dim, config.qk_rope_head_dim
    rank, width = config.kv_lora_rank, config.qk_nope_head_dim + config.v_head_dim

    def named(*parts):
        return [n for n in parameters if any(part in n for part in parts)]

    def queries(p):
        return [p[n].view(heads, nope + rope, -1) for n in named("q_proj.weight", "q_b_proj.weight")]

    def rotated_keys(p):
        return [p[n][rank:] for n in named("kv_a_proj_with_mqa.weight")]

    def pairs(p):
        return [p[n].view(heads, width, rank) for n in named("kv_b_proj.weight")]

    def roll(parts):
        for part in parts:
            part.copy_(part.clone().roll(1, 0))

    def halves(p):
        for part in [q[:, nope:] for q in queries(p)] + [k[None] for k in rotated_keys(p)]:
            w = part.clone()
            part.copy_(w.view(w.shape[0], 2, rope // 2, -1).transpose(1, 2).reshape(w.shape))

    yield "uniform attention", lambda p: [q.zero_() for q in queries(p)]
    yield "unrotated part ignored", lambda p: [q[:, :nope].zero_() for q in queries(p)]
    yield "rotated part ignored", lambda p: [k.zero_() for k in rotated_keys(p)]
    yield "heads of keys swapped", lambda p: roll([w[:, :nope] for w in pairs(p)])
    yield "heads of values swapped", lambda p: roll([w[:, nope:] for w in pairs(p)])
    yield "rope in halves", halves


def delta_mutations(config, parameters):
    keys, sharing = config.linear_num_key_heads, config.linear_num_value_heads // config.linear_num_key_heads
    dim, values = config.linear_key_head_dim, config.linear_value_head_dim

    def groups(p):  # [key heads, q k v z of one, hidden]
        return [p[n].view(keys, -1, p[n].shape[1]) for n in parameters if "in_proj_qkvz" in n]

    def gates(p):
        return [p[n].view(config.num_attention_heads, 2 * config.head_dim, -1)[:, config.head_dim:]
                for n in parameters if "self_attn.q_proj" in n]

    def swap(part):
        part.copy_(part.clone().roll(1, 0))

    yield "gate of attention ignored", lambda p: [g.zero_() for g in gates(p)]
    yield "gate of the delta rule ignored", lambda p: [g[:, 2 * dim + sharing * values:].fill_(0.1) for g in groups(p)]
    yield "keys of the delta rule swapped", lambda p: [swap(g[:, dim:2 * dim]) for g in groups(p)]
    yield "values of the delta rule swapped", lambda p: [swap(g[:, 2 * dim:2 * dim + sharing * values]) for g in groups(p)]
    yield "uniform attention", lambda p: [p[n].fill_(-1.0) for n in parameters if "q_norm" in n]


def check_mutations(variant, directory, tokens, golden):
    """Fails unless every feature of the model moves the logits of the longest prompt."""
    largest = np.abs(golden).max()
    config = json.loads((directory / "config.json").read_text())
    weakest = (np.inf, "nothing")

    def judge(what, logits):
        nonlocal weakest
        moved = np.abs(logits - golden).max() / largest
        assert moved > 0.01, f"{variant.name}: '{what}' moves the logits by only {moved:.2%} of the largest"
        weakest = min(weakest, (moved, what))

    changes = list(config_mutations(config))
    changes += [(", ".join(f"{k} = {v}" for k, v in m.items()), config | m) for m in variant.mutations]
    for what, changed in changes:
        with tempfile.TemporaryDirectory() as other:
            for file in directory.glob("*.safetensors*"):
                shutil.copy(file, other)
            (Path(other) / "config.json").write_text(json.dumps(changed))
            judge(what, run(load(other), tokens))
    count = len(list(weight_mutations(load(directory), config)))
    for i in range(count):
        model = load(directory)
        what, mutate = list(weight_mutations(model, config))[i]
        with torch.no_grad():
            mutate({n: p.data for n, p in [*model.named_parameters(), *model.named_buffers()]})
        judge(what, run(model, tokens))
    return f"{len(changes) + count} mutations, the weakest moves {weakest[0]:.1%} ({weakest[1]})"


def make(variant, out):
    directory = out / variant.name
    shutil.rmtree(directory, ignore_errors=True)
    write_model(variant, directory)
    model, exact = load(directory), load(directory, torch.float64)
    generator = np.random.default_rng(7)
    entries, noise = [], 0.0
    for i, length in enumerate(variant.prompts):
        tokens = generator.integers(3, model.config.vocab_size, length).tolist()
        golden = run(model, tokens)
        noise = max(noise, np.abs(golden - run(exact, tokens)).max() / np.abs(golden).max())
        np.save(directory / f"prompt-{i}.npy", golden.astype(np.float32))
        entries.append({"tokens": tokens, "logits": f"prompt-{i}.npy"})
    # Logits that are compared with a tolerance of 1e-4 must be much more accurate than that.
    assert noise < 1e-5, f"{variant.name}: float32 differs from float64 by {noise:.1e}"
    lines = ",\n".join("  " + json.dumps(e) for e in entries)
    (directory / "prompts.json").write_text('{"prompts": [\n' + lines + "\n]}\n")
    for file in directory.iterdir():
        file.chmod(0o644)
    size = sum(file.stat().st_size for file in directory.iterdir())
    assert size < 420_000, f"{variant.name}: {size} bytes"
    judged = check_mutations(variant, directory, tokens, golden)
    print(f"{variant.name}: {size} bytes, logits {golden.std():.2f} (largest {np.abs(golden).max():.1f}), "
          f"float32 noise {noise:.1e}, {judged}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).resolve().parent.parent / "models")
    parser.add_argument("--only", action="append", default=[], metavar="FAMILY/VARIANT")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for variant in VARIANTS:
        if args.list:
            print(variant.name)
        elif not args.only or variant.name in args.only:
            make(variant, args.out)


if __name__ == "__main__":
    main()
