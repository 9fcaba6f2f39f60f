#!/usr/bin/env python3
"""Writes a GGUF file of random weights for a config.json, to measure speed: no vocabulary, all matrices of one type.

    make-bench-gguf.py CONFIG.json --type bf16|q8|q4 --out FILE.gguf        (needs gguf)

Supports dense models, by llama.cpp's names: llama (also mistral), qwen2, qwen3. q8 is Q8_0, q4 is Q4_0; norms are f32.
"""
import argparse
import json
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

TYPES = {"bf16": Type.BF16, "q8": Type.Q8_0, "q4": Type.Q4_0}
ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}
random = np.random.default_rng(1)


def matrix(rows, columns, kind):
    """Random bytes of blocks. Their values are small, so that nothing overflows in the layers."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    count = rows * columns // block
    if kind == Type.BF16:
        sample = (random.standard_normal(1 << 20).astype(np.float32) * 0.02).view(np.uint32) >> 16
        return np.resize(sample.astype(np.uint16), count).view(np.uint8).reshape(rows, -1)
    sample = random.integers(0, 256, (1 << 15, size), dtype=np.uint8)
    sample[:, :2] = np.full(1 << 15, 0.002, np.float16).view(np.uint8).reshape(-1, 2)  # the scale
    return np.resize(sample, (count, size)).reshape(rows, -1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--type", choices=TYPES, required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    config, kind = json.loads(args.config.read_text()), TYPES[args.type]
    architecture = ARCHITECTURES.get(config.get("model_type"))
    if not architecture:
        raise SystemExit(f"{args.config}: model_type: expected one of {', '.join(ARCHITECTURES)}, found {config.get('model_type')!r}")
    hidden, heads, layers = config["hidden_size"], config["num_attention_heads"], config["num_hidden_layers"]
    cache_heads, inner, words = config.get("num_key_value_heads", heads), config["intermediate_size"], config["vocab_size"]
    dim = config.get("head_dim") or hidden // heads
    writer = gguf.GGUFWriter(args.out, architecture)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(hidden)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(cache_heads)
    writer.add_key_length(dim)
    writer.add_value_length(dim)
    writer.add_rope_dimension_count(dim)
    writer.add_rope_freq_base(float(config.get("rope_theta", 10000.0)))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(words)
    writer.add_tokenizer_model("none")

    def add_matrix(name, rows, columns):
        writer.add_tensor(f"{name}.weight", matrix(rows, columns, kind), raw_dtype=kind)

    def add_vector(name, size):
        writer.add_tensor(name, np.ones(size, np.float32))

    add_matrix("token_embd", words, hidden)
    add_vector("output_norm.weight", hidden)
    if not config.get("tie_word_embeddings"):
        add_matrix("output", words, hidden)
    for i in range(layers):
        block = f"blk.{i}"
        add_vector(f"{block}.attn_norm.weight", hidden)
        add_vector(f"{block}.ffn_norm.weight", hidden)
        for name, rows in (("q", heads * dim), ("k", cache_heads * dim), ("v", cache_heads * dim)):
            add_matrix(f"{block}.attn_{name}", rows, hidden)
            if architecture == "qwen2":
                add_vector(f"{block}.attn_{name}.bias", rows)
        if architecture == "qwen3":
            add_vector(f"{block}.attn_q_norm.weight", dim)
            add_vector(f"{block}.attn_k_norm.weight", dim)
        add_matrix(f"{block}.attn_output", hidden, heads * dim)
        add_matrix(f"{block}.ffn_gate", inner, hidden)
        add_matrix(f"{block}.ffn_up", inner, hidden)
        add_matrix(f"{block}.ffn_down", hidden, inner)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
