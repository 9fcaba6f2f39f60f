#!/usr/bin/env python3
"""Writes a model whose weights are all zero, for tests that do not depend on weights.

    make-blank-model.py FOLDER VOCABULARY [KEY=VALUE...]

FOLDER gets config.json (a Llama of one layer; KEY=VALUE, in JSON, changes it) and model.safetensors.
"""
import json
import struct
import sys
from pathlib import Path

WIDTH, INNER = 16, 32


def write_model(folder, vocabulary, **changes):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": WIDTH, "intermediate_size": INNER, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": vocabulary, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "tie_word_embeddings": True, "hidden_act": "silu", **changes,
    }  # fmt: skip
    layer = "model.layers.0."
    shapes = {
        "model.embed_tokens.weight": [vocabulary, WIDTH], "model.norm.weight": [WIDTH], layer + "input_layernorm.weight": [WIDTH],
        layer + "post_attention_layernorm.weight": [WIDTH], layer + "self_attn.q_proj.weight": [WIDTH, WIDTH],
        layer + "self_attn.k_proj.weight": [WIDTH // 2, WIDTH], layer + "self_attn.v_proj.weight": [WIDTH // 2, WIDTH],
        layer + "self_attn.o_proj.weight": [WIDTH, WIDTH], layer + "mlp.gate_proj.weight": [INNER, WIDTH],
        layer + "mlp.up_proj.weight": [INNER, WIDTH], layer + "mlp.down_proj.weight": [WIDTH, INNER],
    }  # fmt: skip
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * end)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


if __name__ == "__main__":
    changes = dict(argument.split("=", 1) for argument in sys.argv[3:])
    write_model(sys.argv[1], int(sys.argv[2]), **{key: json.loads(value) for key, value in changes.items()})
