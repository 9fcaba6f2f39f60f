#!/usr/bin/env python3
"""Writes the tiny ONNX models of test/models/onnx and their golden logits.

    make-tiny-onnx.py [DIRECTORY]      with numpy, onnx and onnxruntime

The graphs are written as exporters write them: onnxruntime-genai's builder (one op for attention, 4-bit products, experts)
and TorchScript (everything spelt out). Golden logits are ONNX Runtime's for the same file.
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

MS = "com.microsoft"
HEADS, KV, DIM, LAYERS, VOCABULARY, CONTEXT = 6, 2, 16, 3, 67, 64


class Model:
    """Nodes and initialisers; a method returns the name of its result."""

    def __init__(self, seed, opset):
        self.random = np.random.default_rng(seed)
        self.nodes, self.initialisers, self.names, self.opset = [], {}, 0, opset
        self.inputs, self.outputs = [], []

    def node(self, op, *inputs, outputs=1, domain="", **attributes):
        names = [f"{op}_{self.names + i}" for i in range(outputs)]
        self.names += outputs
        self.nodes.append(helper.make_node(op, list(inputs), names, name=f"node_{names[0]}", domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, array, name=None):
        name = name or f"constant_{len(self.initialisers)}"
        self.initialisers[name] = np.asarray(array)
        return name

    def weight(self, *shape, scale=0.3, shift=0.0):
        return self.constant((self.random.standard_normal(shape) * scale + shift).astype(np.float32))

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def scalar(self, value, dtype=np.float32):
        return self.constant(np.array(value, dtype))

    def input(self, name, dtype, shape):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def caches(self):
        for layer in range(LAYERS):
            for part in ("key", "value"):
                self.input(f"past_key_values.{layer}.{part}", TensorProto.FLOAT, ["batch", KV, "past", DIM])

    def output(self, value, name, shape):
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def present(self, layer, part, value):
        self.output(value, f"present.{layer}.{part}", ["batch", KV, "total", DIM])

    def write(self, path):
        graph = helper.make_graph(self.nodes, "tiny", self.inputs, self.outputs,
                                  [numpy_helper.from_array(a, n) for n, a in self.initialisers.items()])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset), helper.make_opsetid(MS, 1)],
                                  ir_version=8, producer_name="make-tiny-onnx")
        onnx.save(model, path)


def tables(rows, dim, theta=10000.0):
    frequencies = (1.0 / theta ** (np.arange(0, dim, 2, dtype=np.float32) / np.float32(dim))).astype(np.float32)
    angles = np.outer(np.arange(rows, dtype=np.float32), frequencies).astype(np.float32)
    return np.cos(angles), np.sin(angles)


def quantised(m, rows, columns, block=32, bits=4, asymmetric=False, scales=np.float32):
    """Inputs B, scales and perhaps zero points of a MatMulNBits."""
    blocks = -(-columns // block)
    codes = m.random.integers(0, 2 ** bits, (rows, blocks, block), dtype=np.uint8)
    if blocks * block > columns:
        codes[:, -1, columns - (blocks - 1) * block:] = 2 ** (bits - 1)
    packed = codes if bits == 8 else codes[..., 0::2] | codes[..., 1::2] << 4
    inputs = [m.constant(packed),
              m.constant((m.random.uniform(0.5, 1.5, (rows, blocks)) * 0.5 / 2 ** bits).astype(scales))]
    if asymmetric:
        zeros = m.random.integers(2 ** bits // 4, 2 ** bits * 3 // 4, (rows, blocks + blocks % 2), dtype=np.uint8)
        inputs.append(m.constant(zeros[:, :blocks] if bits == 8 else zeros[:, 0::2] | zeros[:, 1::2] << 4))
    return inputs


def lengths(m):
    """Inputs 5 and 6 of GroupQueryAttention from the mask, as the builder writes them."""
    m.input("attention_mask", TensorProto.INT64, ["batch", "total"])
    one = m.ints(1)
    last = m.node("Cast", m.node("Sub", m.node("ReduceSum", "attention_mask", one, keepdims=0), one), to=TensorProto.INT32)
    total = m.node("Gather", m.node("Shape", "attention_mask"), m.scalar(1, np.int64), axis=0)
    return last, m.node("Cast", total, to=TensorProto.INT32)


def attend(m, layer, qkv, last, total, cosine, sine, window, sinks="", **attributes):
    out, key, value = m.node("GroupQueryAttention", qkv, "", "", f"past_key_values.{layer}.key",
                             f"past_key_values.{layer}.value", last, total, cosine, sine, "", "", sinks, outputs=3,
                             domain=MS, num_heads=HEADS, kv_num_heads=KV, scale=0.3, do_rotary=1,
                             local_window_size=window, **attributes)
    m.present(layer, "key", key)
    m.present(layer, "value", value)
    return out


def genai_int4(m):
    """Products of 4 and 8 bits: symmetric, with zero points, blocks of 16 and 64, a row that ends inside a block."""
    hidden, inner = 64, 72
    ids = m.input("input_ids", TensorProto.INT64, ["batch", "length"])
    last, total = lengths(m)
    m.caches()
    cosine, sine = map(m.constant, tables(CONTEXT, DIM))
    kinds = [dict(), dict(block=16, asymmetric=True), dict(block=64, bits=8, asymmetric=True, scales=np.float32)]
    head = quantised(m, VOCABULARY, hidden)
    x = m.node("GatherBlockQuantized", m.node("Reshape", head[0], m.ints(VOCABULARY, hidden // 2)), ids, head[1],
               domain=MS, bits=4, block_size=32, gather_axis=0, quantize_axis=1)
    normed = m.node("SimplifiedLayerNormalization", x, m.weight(hidden, shift=1), epsilon=1e-5, axis=-1, stash_type=1)

    def linear(value, columns, rows, kind):
        block, bits = kind.get("block", 32), kind.get("bits", 4)
        return m.node("MatMulNBits", value, *quantised(m, rows, columns, **kind), domain=MS, K=columns, N=rows, bits=bits,
                      block_size=block)

    def skip_norm(value, other):
        outputs = m.node("SkipSimplifiedLayerNormalization", value, other, m.weight(hidden, shift=1), outputs=4, domain=MS,
                         epsilon=1e-5)
        m.nodes[-1].output[1] = m.nodes[-1].output[2] = ""
        return outputs[0], outputs[3]

    for layer in range(LAYERS):
        kind = kinds[layer]
        qkv = linear(normed, hidden, (HEADS + 2 * KV) * DIM, kind)
        attended = attend(m, layer, qkv, last, total, cosine, sine, 7 if layer == 1 else -1)
        normed, x = skip_norm(x, linear(attended, HEADS * DIM, hidden, kind))
        gate, up = linear(normed, hidden, inner, kind), linear(normed, hidden, inner, kind)
        product = m.node("Mul", m.node("Mul", gate, m.node("Sigmoid", gate)), up)
        normed, x = skip_norm(x, linear(product, inner, hidden, kind))
    logits = m.node("MatMulNBits", normed, *head, domain=MS, K=hidden, N=VOCABULARY, bits=4, block_size=32)
    m.output(logits, "logits", ["batch", "length", VOCABULARY])


def genai_experts(m):
    """gpt-oss: sinks, windows in every other layer, biases, experts with a limit."""
    hidden, inner, experts = 48, 24, 5
    ids = m.input("input_ids", TensorProto.INT64, ["batch", "length"])
    last, total = lengths(m)
    m.caches()
    cosine, sine = map(m.constant, tables(CONTEXT, DIM, 150000.0))
    x = m.node("Gather", m.weight(VOCABULARY, hidden), ids)

    def linear(value, columns, rows):
        return m.node("Add", m.node("MatMul", value, m.weight(columns, rows)), m.weight(rows))

    for layer in range(LAYERS):
        normed = m.node("SimplifiedLayerNormalization", x, m.weight(hidden, shift=1), epsilon=1e-5, axis=-1, stash_type=1)
        qkv = linear(normed, hidden, (HEADS + 2 * KV) * DIM)
        attended = attend(m, layer, qkv, last, total, cosine, sine, 5 if layer % 2 == 0 else -1, sinks=m.weight(HEADS))
        x = m.node("Add", x, linear(attended, HEADS * DIM, hidden))
        normed = m.node("SimplifiedLayerNormalization", x, m.weight(hidden, shift=1), epsilon=1e-5, axis=-1, stash_type=1)
        scores = m.node("Reshape", linear(normed, hidden, experts), m.ints(-1, experts))
        mixed = m.node("MoE", normed, scores, m.weight(experts, 2 * inner, hidden), m.weight(experts, 2 * inner),
                       m.weight(experts, hidden, inner), m.weight(experts, hidden), domain=MS, activation_type="swiglu",
                       activation_alpha=1.702, activation_beta=1.0, k=2, normalize_routing_weights=1, swiglu_fusion=1,
                       swiglu_limit=7.0)
        x = m.node("Add", x, mixed)
    normed = m.node("SimplifiedLayerNormalization", x, m.weight(hidden, shift=1), epsilon=1e-5, axis=-1, stash_type=1)
    m.output(m.node("MatMul", normed, m.weight(hidden, VOCABULARY)), "logits", ["batch", "length", VOCABULARY])


def spelt_out(m):
    """Masks, rotary angles, norms and attention as plain nodes; a window; norms of queries and keys; half of each head
    rotates; packed projections; soft caps; a scaled embedding and a norm stored as w - 1."""
    hidden, inner, rotated, window, cap = 40, 56, DIM // 2, 6, 20.0
    ids = m.input("input_ids", TensorProto.INT64, ["batch", "length"])
    positions = m.input("position_ids", TensorProto.INT64, ["batch", "length"])
    m.input("attention_mask", TensorProto.INT64, ["batch", "total"])
    m.caches()
    embed = m.weight(VOCABULARY, hidden)
    x = m.node("Mul", m.node("Gather", embed, ids), m.scalar(hidden ** 0.5))
    # The mask, from shapes.
    past = m.node("Gather", m.node("Shape", "past_key_values.0.key"), m.scalar(2, np.int64), axis=0)
    length = m.node("Gather", m.node("Shape", ids), m.scalar(1, np.int64), axis=0)
    total = m.node("Add", past, length)
    one = m.scalar(1, np.int64)
    queries = m.node("Unsqueeze", m.node("Range", past, total, one), m.ints(1))
    keys = m.node("Unsqueeze", m.node("Range", m.scalar(0, np.int64), total, one), m.ints(0))
    inside = m.node("And", m.node("LessOrEqual", keys, queries),
                    m.node("Greater", keys, m.node("Sub", queries, m.scalar(window, np.int64))))
    inside = m.node("And", inside, m.node("Cast", m.node("Unsqueeze", "attention_mask", m.ints(1)), to=TensorProto.BOOL))
    mask = m.node("Unsqueeze", m.node("Where", inside, m.scalar(0), m.scalar(np.finfo(np.float32).min)), m.ints(1))
    # Angles of the positions.
    frequencies = m.constant(1.0 / 10000.0 ** (np.arange(0, rotated, 2, dtype=np.float32) / np.float32(rotated)))
    angles = m.node("Mul", m.node("Cast", m.node("Unsqueeze", positions, m.ints(2)), to=TensorProto.FLOAT), frequencies)
    both = m.node("Unsqueeze", m.node("Concat", angles, angles, axis=-1), m.ints(1))
    cosine, sine = m.node("Cos", both), m.node("Sin", both)

    def norm(value, size):
        square = m.node("Pow", value, m.scalar(2))
        mean = m.node("ReduceMean", square, axes=[-1], keepdims=1)
        root = m.node("Sqrt", m.node("Add", mean, m.scalar(1e-6)))
        scaled = m.node("Mul", value, m.node("Div", m.scalar(1), root))
        return m.node("Mul", scaled, m.node("Add", m.scalar(1), m.weight(size)))

    def part(value, begin, end, axis=-1):
        return m.node("Slice", value, m.ints(begin), m.ints(end), m.ints(axis))

    def heads(value, count):
        return m.node("Transpose", norm(m.node("Reshape", value, m.ints(0, 0, count, DIM)), DIM), perm=[0, 2, 1, 3])

    def rotate(value):
        rotary, rest = part(value, 0, rotated), part(value, rotated, 2 ** 63 - 1)
        turned = m.node("Concat", m.node("Neg", part(rotary, rotated // 2, 2 ** 63 - 1)), part(rotary, 0, rotated // 2),
                        axis=-1)
        turned = m.node("Add", m.node("Mul", rotary, cosine), m.node("Mul", turned, sine))
        return m.node("Concat", turned, rest, axis=-1)

    def repeat(value):
        wide = m.node("Expand", m.node("Unsqueeze", value, m.ints(2)), m.ints(1, 1, HEADS // KV, 1, 1))
        return m.node("Reshape", wide, m.ints(1, HEADS, -1, DIM))

    for layer in range(LAYERS):
        qkv = m.node("Add", m.weight((HEADS + 2 * KV) * DIM),
                     m.node("MatMul", norm(x, hidden), m.weight(hidden, (HEADS + 2 * KV) * DIM)))
        q, k, v = m.node("Split", qkv, m.ints(HEADS * DIM, KV * DIM, KV * DIM), outputs=3, axis=-1)
        q, k = rotate(heads(q, HEADS)), rotate(heads(k, KV))
        v = m.node("Transpose", m.node("Reshape", v, m.ints(0, 0, KV, DIM)), perm=[0, 2, 1, 3])
        k = m.node("Concat", f"past_key_values.{layer}.key", k, axis=-2)
        v = m.node("Concat", f"past_key_values.{layer}.value", v, axis=-2)
        m.present(layer, "key", k)
        m.present(layer, "value", v)
        root = m.scalar(0.5)
        scores = m.node("MatMul", m.node("Mul", q, root), m.node("Mul", m.node("Transpose", repeat(k), perm=[0, 1, 3, 2]), root))
        scores = m.node("Mul", m.node("Tanh", m.node("Div", scores, m.scalar(cap))), m.scalar(cap))
        weights = m.node("Softmax", m.node("Add", scores, mask), axis=-1)
        weights = m.node("Where", m.node("IsNaN", weights), m.scalar(0), weights)
        attended = m.node("Transpose", m.node("MatMul", weights, repeat(v)), perm=[0, 2, 1, 3])
        attended = m.node("Reshape", attended, m.ints(0, 0, HEADS * DIM))
        x = m.node("Add", m.node("MatMul", attended, m.weight(HEADS * DIM, hidden)), x)
        normed = norm(x, hidden)
        gate, up = m.node("Split", m.node("MatMul", normed, m.weight(hidden, 2 * inner)), outputs=2, axis=-1)
        cube = m.node("Mul", m.node("Pow", gate, m.scalar(3)), m.scalar(0.044715))
        inside_tanh = m.node("Mul", m.node("Add", gate, cube), m.scalar(0.7978845608028654))
        gelu = m.node("Mul", m.node("Mul", gate, m.scalar(0.5)), m.node("Add", m.node("Tanh", inside_tanh), m.scalar(1)))
        x = m.node("Add", x, m.node("MatMul", m.node("Mul", gelu, up), m.weight(inner, hidden)))
    logits = m.node("MatMul", norm(x, hidden), m.node("Transpose", embed, perm=[1, 0]))
    logits = m.node("Mul", m.node("Tanh", m.node("Div", logits, m.scalar(8))), m.scalar(8))
    m.output(logits, "logits", ["batch", "length", VOCABULARY])


def golden(path, directory):
    """Logits of two prompts, and prompts.json as check-model.py reads it."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    directory.mkdir(exist_ok=True)
    prompts = []
    for number, length in enumerate((9, 30)):
        tokens = np.random.default_rng(number).integers(0, VOCABULARY, length)
        feed = {}
        for value in session.get_inputs():
            if value.name == "input_ids":
                feed[value.name] = tokens[None].astype(np.int64)
            elif value.name == "attention_mask":
                feed[value.name] = np.ones((1, length), np.int64)
            elif value.name == "position_ids":
                feed[value.name] = np.arange(length, dtype=np.int64)[None]
            else:
                feed[value.name] = np.zeros((1, KV, 0, DIM), np.float32)
        logits = session.run(["logits"], feed)[0][0].astype(np.float32)
        np.save(directory / f"logits-{number}.npy", logits)
        prompts.append({"tokens": tokens.tolist(), "logits": f"logits-{number}.npy"})
    (directory / "prompts.json").write_text(json.dumps({"prompts": prompts}) + "\n")


def main():
    target = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "models" / "onnx")
    target.mkdir(parents=True, exist_ok=True)
    for seed, (build, opset) in enumerate(((genai_int4, 21), (genai_experts, 21), (spelt_out, 17))):
        model = Model(seed, opset)
        build(model)
        name = build.__name__.replace("_", "-")
        model.write(target / f"{name}.onnx")
        golden(target / f"{name}.onnx", target / name)


if __name__ == "__main__":
    main()
