#!/usr/bin/env python3
"""Compares an op's kernels with its decomposition to linalg, on a model of one layer that is made for it.

    check-op.py OP --lathe PATH [--formats q4_0,f32] [--options "--schedule-for znver4"] [--extreme] [--tolerance 1e-5]

OP is a name in the table at the end. The model is compiled normally and with `--decompose` of the op; calls of 2 to 9 rows,
of 40 rows by 8 and of 40 (attention: 330) one by one (latent attention: up to 80; --many: up to 280) must give the same
logits. Weights of every format are written here: random quantised values, or with --extreme the largest and smallest ones.
Rows are integers with a maximum of 127 in every block of 32, so they are exact in 8-bit activations, and a quantised product
has the same tolerance as one in f32, 1e-5. Sizes are odd: outputs and heads that fill no panel, K of one or three blocks.
"""
import argparse
import array
import importlib.util
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

spec = importlib.util.spec_from_file_location("compare_logits", Path(__file__).resolve().parent / "compare-logits.py")
compare_logits = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compare_logits)

VOCABULARY = 133
# name: values of a block, its bytes, where its f16 scales (and minima) are
FORMATS = {"f32": (1, 4, ()), "f16": (1, 2, ()), "bf16": (1, 2, ()), "f8_e4m3": (1, 1, ()),
           "q4_0": (32, 18, (0,)), "q4_1": (32, 20, (0, 2)), "q5_0": (32, 22, (0,)), "q5_1": (32, 24, (0, 2)),
           "q8_0": (32, 34, (0,)), "q4_k": (256, 144, (0, 2)), "q5_k": (256, 176, (0, 2)), "q6_k": (256, 210, (208,))}


class Module:
    """An import-stage module and the file of its weights."""

    def __init__(self, path, seed, extreme):
        self.random = random.Random(seed)
        self.extreme = extreme
        self.path = path
        self.data = bytearray()
        self.weights = []
        self.arguments = []
        self.body = []

    def value(self, scale):
        x = self.random.gauss(0, scale)
        return (scale * 3 if x > 0 else -scale * 3) if self.extreme else x

    def numbers(self, count, number_format, scale):
        values = [self.value(scale) for _ in range(count)]
        if number_format == "f32":
            return struct.pack(f"<{count}f", *values)
        if number_format == "f16":
            return struct.pack(f"<{count}e", *values)
        words = struct.unpack(f"<{count}I", struct.pack(f"<{count}f", *values))
        return struct.pack(f"<{count}H", *(word >> 16 for word in words))

    def blocks(self, count, name):
        _, size, scales = FORMATS[name]
        parts = []
        for _ in range(count):
            # All bytes of a block are equal: all quantised values are the largest or the smallest.
            block = bytearray(self.random.choice((b"\x00", b"\xff", b"\x7f", b"\x80")) * size if self.extreme
                              else self.random.randbytes(size))
            for at in scales:
                struct.pack_into("<e", block, at, self.value(0.01))
            parts.append(block)
        return b"".join(parts)

    def add(self, name, shape, number_format, data=None):
        """A weight of the module."""
        count = 1
        for size in shape:
            count *= size
        block = FORMATS[number_format][0]
        scales = ""
        if number_format == "f8_e4m3":
            data, scales = self.scaled(shape, count)
        if data is None:
            data = (self.numbers(count, number_format, 0.3) if block == 1 else self.blocks(count // block, number_format))
        self.data += bytes(-len(self.data) % 64)
        matrices = shape[0] if len(shape) == 3 else 1
        offsets = ", ".join(str(len(self.data) + i * (len(data) // matrices)) for i in range(matrices))
        kind = f"!lm.weight<{'x'.join(map(str, shape))}x{number_format}>"
        self.weights.append(f'lm.weight @{name} : {kind} from "{self.path}" at {offsets}{scales}')
        self.data += data
        return kind

    def scaled(self, shape, count):
        """8-bit floats of several matrices of fewer than 128 rows. Their scales lie before them in the file."""
        offsets, columns = [], -(-shape[-1] // 128)
        for _ in range(shape[0]):
            self.data += bytes(-len(self.data) % 64)
            offsets.append(len(self.data))
            self.data += self.numbers(columns, "f32", 0.01)
        self.data += bytes(-len(self.data) % 64)
        numbers = bytes(0 if byte & 0x7f == 0x7f else byte for byte in self.random.randbytes(count))
        return numbers, f' scales f32 "{self.path}" at {", ".join(map(str, offsets))}'

    def ones(self, count):
        return struct.pack(f"<{count}f", *[1.0] * count)

    def whole_numbers(self, rows, columns):
        """Rows that 8-bit activations hold exactly, whatever factor a norm multiplies them by."""
        values = array.array("f")
        for _ in range(rows):
            for first in range(0, columns, 32):
                block = [self.random.choice((-127, 127)) if self.extreme else self.random.randint(-127, 127)
                         for _ in range(min(32, columns - first))]
                block[self.random.randrange(len(block))] = self.random.choice((-127, 127))
                values.extend(block)
        return values.tobytes()

    def slot(self, name, shape, number_format, data=None):
        """A weight of layer 0 as an argument of the layer kind."""
        kind = self.add(f"layers.0.{name}", shape, number_format, data)
        self.arguments.append(f'%{name}: {kind} {{lm.slot = "{name}"}}')
        return kind

    def norm(self, hidden, source="%x", out="%h"):
        kind = self.slot("norm", (hidden,), "f32", self.ones(hidden))
        self.body.append(f"{out} = lm.norm {source}, %norm eps 1.0e-6 : tensor<?x{hidden}xf32>, {kind}")

    def linear(self, name, out, source, outputs, inputs, number_format):
        kind = self.slot(name, (outputs, inputs), number_format)
        self.body.append(f"{out} = lm.linear {source}, %{name} : tensor<?x{inputs}xf32>, {kind} -> tensor<?x{outputs}xf32>")

    def residual(self, hidden, post=False):
        """The residual addition; with `post` after a norm (Gemma)."""
        rows = f"tensor<?x{hidden}xf32>"
        if post:
            kind = self.slot("post_norm", (hidden,), "f32")
            self.body.append(f"%p = lm.norm %o, %post_norm eps 1.0e-6 : {rows}, {kind}")
        self.body.append(f"%y = lm.add %x, {'%p' if post else '%o'} : {rows}")

    def text(self, hidden, table, head, caches=""):
        if not self.body:  # a layer that changes nothing
            self.norm(hidden)
            self.linear("down", "%m", "%h", 8, hidden, "f32")
            zeros = self.slot("up", (hidden, 8), "f32", bytes(4 * hidden * 8))
            self.body.append(f"%o = lm.linear %m, %up : tensor<?x8xf32>, {zeros} -> tensor<?x{hidden}xf32>")
            self.residual(hidden)
        embed = self.add("embed_tokens", (VOCABULARY, hidden), table,
                         self.whole_numbers(VOCABULARY, hidden) if table == "f32" else None)
        final = self.add("final_norm", (hidden,), "f32", self.ones(hidden))
        logits = self.add("lm_head", (VOCABULARY, hidden), head)
        lines = "\n  ".join
        rows, outputs = f"tensor<?x{hidden}xf32>", f"tensor<?x{VOCABULARY}xf32>"
        return f"""module attributes {{lm.model = {{architecture = "op", context = 512 : i64, heads = 1 : i64, hidden = {hidden} : i64,
    layers = 1 : i64, name = "op", parameters = 1 : i64, vocabulary = {VOCABULARY} : i64}}}} {{
  {lines(self.weights)}
  {caches}
  func.func private @layer(%x: {rows}, %position: index, {", ".join(self.arguments)}) -> {rows} {{
  {lines(self.body)}
    return %y : {rows}
  }}
  func.func @forward(%ids: tensor<?xi32>, %position: index) -> {outputs} {{
    %table = lm.use @embed_tokens : {embed}
    %x = lm.embed %ids, %table : tensor<?xi32>, {embed} -> {rows}
    %y = lm.layers %x at %position [@layer] : {rows} -> {rows}
    %norm = lm.use @final_norm : {final}
    %h = lm.norm %y, %norm eps 1.0e-6 : {rows}, {final}
    %head = lm.use @lm_head : {logits}
    %logits = lm.linear %h, %head : {rows}, {logits} -> {outputs}
    return %logits : {outputs}
  }}
}}
"""


def embed(module, number_format, hidden):
    return module.text(hidden, number_format, "f32")


def linear(module, number_format, hidden):
    return module.text(hidden, "f32", number_format)


def gated_linear(module, number_format, hidden, activation="silu", post=False):
    inner = 37
    module.norm(hidden)
    module.linear("gate", "%g", "%h", inner, hidden, number_format)
    module.linear("up", "%u", "%h", inner, hidden, number_format)
    module.body.append(f"%m = lm.glu %g, %u {activation} : tensor<?x{inner}xf32>")
    module.linear("down", "%o", "%m", hidden, inner, "f32")
    module.residual(hidden, post)
    return module.text(hidden, "f32", "f32")


def gated_linear_gelu(module, number_format, hidden):
    return gated_linear(module, number_format, hidden, "gelu_tanh")


def post_norm(module, number_format, hidden):
    return gated_linear(module, number_format, hidden, post=True)


def attend(module, hidden, number_format, heads, cache_heads, dim, window=0, softcap=0.0, chunk=0, sinks=False, more=""):
    # Scores are about 1. With larger ones the softmax selects one position, and errors in all others are hidden.
    scale = {1: 0.05, 32: 0.01, 256: 2e-7}[FORMATS[number_format][0]]
    module.norm(hidden)
    module.linear("q_proj", "%q0", "%h", heads * dim, hidden, number_format)
    module.linear("k_proj", "%k0", "%h", cache_heads * dim, hidden, number_format)
    module.linear("v_proj", "%v0", "%h", cache_heads * dim, hidden, number_format)
    turned = dim // 4 * 2
    frequencies = ", ".join(str(0.5**i) for i in range(turned // 2))
    rope = f'<dim = {turned}, theta = 1.0e4, frequencies = {frequencies}>'
    span = f"chunk = {chunk}" if chunk else f"window = {window}"
    cache = f"!lm.cache<{cache_heads} x {dim} x f32, {span}>"
    module.arguments.append(f'%cache: {cache} {{lm.slot = "cache"}}')
    wide, narrow = f"tensor<?x{heads * dim}xf32>", f"tensor<?x{cache_heads * dim}xf32>"
    module.body += [f"%q = lm.rope %q0 at %position heads {heads} {rope} : {wide}",
                    f"%k = lm.rope %k0 at %position heads {cache_heads} {rope} : {narrow}",
                    f"lm.append %k, %v0 to %cache at %position : {narrow}, {cache}"]
    if sinks:
        more += f" sinks %sinks : {module.slot('sinks', (heads,), 'f32')}"
    module.body.append(f"%a = lm.attention %q, %cache at %position heads {heads} scale {scale:.7f} softcap {softcap} {more}"
                       f" : {wide}, {cache}")
    module.linear("out", "%o", "%a", hidden, heads * dim, "f32")
    module.residual(hidden)
    return module.text(hidden, "f32", "f32", f"lm.state @layers.0.cache : {cache}")


def qkv(module, number_format, hidden):
    return attend(module, hidden, number_format, 3, 1, 24)


def attention(module, number_format, hidden):
    """`number_format` is the name of one of SHAPES."""
    return attend(module, 32, "f32", **SHAPES[number_format])


def latent_attention(module, number_format, hidden):
    """`number_format` is that of the matrix for values, and for keys where their rows are whole blocks."""
    block = FORMATS[number_format][0]
    heads, own = (4, 32) if block == 32 else (3, 8)
    rotated, values = 6, 5 if hidden == 44 else 16
    latent = 256 if block == 256 or number_format == "f8_e4m3" else 36 if hidden == 44 else 64
    module.norm(hidden)
    module.linear("q_proj", "%q", "%h", heads * (own + rotated), hidden, "f32")
    module.linear("c_proj", "%c", "%h", latent, hidden, "f32")
    module.linear("r_proj", "%r", "%h", rotated, hidden, "f32")
    cache = f"!lm.cache<1 x {latent + rotated} x f32, latent = {latent}>"
    module.arguments.append(f'%cache: {cache} {{lm.slot = "cache"}}')
    is_whole = own % block == 0 and number_format != "f8_e4m3"
    keys = module.slot("k_up", (heads, latent, own), number_format if is_whole else "f32")
    made = module.slot("v_up", (heads, values, latent), number_format)
    wide, sums = f"tensor<?x{heads * (own + rotated)}xf32>", f"tensor<?x{heads * values}xf32>"
    module.body += [f"lm.append_latent %c, %r to %cache at %position : tensor<?x{latent}xf32>, tensor<?x{rotated}xf32>, {cache}",
                    f"%a = lm.latent_attention %q, %k_up, %v_up, %cache at %position scale 0.01"
                    f" : {wide}, {keys}, {made}, {cache} -> {sums}"]
    module.linear("out", "%o", "%a", hidden, heads * values, "f32")
    module.residual(hidden)
    return module.text(hidden, "f32", "f32", f"lm.state @layers.0.cache : {cache}")


def causal_conv1d(module, name, hidden):
    channels, width, parts = CONVOLUTIONS[name]
    module.norm(hidden)
    module.linear("in", "%i", "%h", channels, hidden, "f32")
    taps = module.slot("taps", (channels * width,), "f32")
    state = f"!lm.recurrent_state<{parts} x {channels // parts * (width - 1)}>"
    module.arguments.append(f'%state: {state} {{lm.slot = "state"}}')
    module.body.append(f"%c = lm.causal_conv1d %i, %taps width {width} to %state at %position"
                       f" : tensor<?x{channels}xf32>, {taps}, {state}")
    module.linear("out", "%o", "%c", hidden, channels, "f32")
    module.residual(hidden)
    return module.text(hidden, "f32", "f32", f"lm.state @layers.0.state : {state}")


def gated_delta_rule(module, name, hidden):
    key_heads, heads, keys, values, parts = DELTA_RULES[name]
    module.norm(hidden)
    rows = {"q": key_heads * keys, "k": key_heads * keys, "v": heads * values, "a": heads, "b": heads}
    for which, columns in rows.items():
        module.linear(f"{which}_proj", f"%{which}", "%h", columns, hidden, "f32")
    # Decays of 0.1 to 0.9 in most rows: a state that is gone after a row would hide what is wrong with it.
    decay = module.slot("decay", (heads,), "f32", struct.pack(f"<{heads}f", *[-0.1 - 0.2 * i for i in range(heads)]))
    bias = module.slot("bias", (heads,), "f32")
    state = f"!lm.recurrent_state<{heads * parts} x {keys * values // parts}>"
    module.arguments.append(f'%state: {state} {{lm.slot = "state"}}')
    types = ", ".join(f"tensor<?x{columns}xf32>" for columns in rows.values())
    module.body.append(f"%d = lm.gated_delta_rule %q, %k, %v, %a, %b, %decay, %bias to %state at %position heads {key_heads}"
                       f" : {types}, {decay}, {bias}, {state} -> tensor<?x{heads * values}xf32>")
    module.linear("out", "%o", "%d", hidden, heads * values, "f32")
    module.residual(hidden)
    return module.text(hidden, "f32", "f32", f"lm.state @layers.0.state : {state}")


def mix_experts(module, hidden, number_format, experts, top, routing, correction=False, more=""):
    """A router and a mixture of experts; `routing` is what lm.route is told."""
    inner = 64 if FORMATS[number_format][0] == 32 else 20
    module.norm(hidden)
    module.linear("router", "%s", "%h", experts, hidden, "f32")
    corrected = ""
    if correction:
        corrected = f"correction %correction : {module.slot('correction', (experts,), 'f32')}"
    rows, weights, chosen = f"tensor<?x{hidden}xf32>", f"tensor<?x{top}xf32>", f"tensor<?x{top}xi32>"
    module.body.append(f"%w, %e = lm.route %s top {top} {routing.format(correction=corrected)}"
                       f" : tensor<?x{experts}xf32> -> {weights}, {chosen}")
    gate, up = (module.slot(name, (experts, inner, hidden), number_format) for name in ("gate", "up"))
    down = module.slot("down", (experts, hidden, inner), "f32")  # its rows are no whole numbers
    module.body.append(f"%o = lm.experts %h, %w, %e, %gate, %up, %down {more} silu"
                       f" : {rows}, {weights}, {chosen}, {gate}, {up}, {down}")
    module.residual(hidden)
    return module.text(hidden, "f32", "f32")


def route(module, name, hidden):
    return mix_experts(module, hidden, "f32", **ROUTES[name])


def experts(module, number_format, hidden):
    return mix_experts(module, hidden, number_format, 5, 2, "softmax {{normalized}}")


def shape(heads, cache_heads, dim, **more):
    return dict(heads=heads, cache_heads=cache_heads, dim=dim, **more)


SHAPES = {"one-head": shape(1, 1, 16), "three-per-group": shape(6, 2, 20), "wide": shape(2, 1, 72),
          "window": shape(4, 2, 16, window=5), "window-of-one": shape(2, 2, 8, window=1),
          "softcap": shape(4, 1, 12, softcap=2.0), "window-softcap": shape(3, 3, 8, window=7, softcap=1.5),
          "long-window": shape(4, 1, 16, window=100), "chunk": shape(2, 1, 16, chunk=90),
          "sinks": shape(6, 2, 16, sinks=True), "34-per-group": shape(34, 1, 8),
          "temperature": shape(3, 1, 16, more="temperature <length = 8, scale = 0.5, stepped = true>")}
# Channels, taps, parts of the state.
CONVOLUTIONS = {"two-taps": (24, 2, 1), "four-taps": (40, 4, 2), "nine-taps": (36, 9, 3), "one-channel-each": (5, 3, 5)}
# Heads of keys, heads of values, values of a key, values of a head, parts of a head's state.
DELTA_RULES = {"one-head": (1, 1, 8, 8, 1), "two-per-key": (2, 4, 16, 12, 1), "in-columns": (1, 2, 20, 32, 2),
               "three-per-key": (1, 3, 12, 5, 5)}
ROUTES = {"softmax": dict(experts=5, top=2, routing="softmax"),
          "normalized": dict(experts=9, top=4, routing="softmax {{normalized}}"),
          "sigmoid": dict(experts=7, top=3, routing="sigmoid scale 2.5 {{normalized}}"),
          "all": dict(experts=3, top=3, routing="sigmoid"),
          "corrected": dict(experts=8, top=2, routing="{correction} sigmoid {{normalized}}", correction=True),
          "groups": dict(experts=12, top=3, routing="of 2 in 4 by 2 {correction} sigmoid", correction=True)}
# Ops that are checked with several shapes; the others with several formats of weights.
SHAPED = {"attention": SHAPES, "causal_conv1d": CONVOLUTIONS, "gated_delta_rule": DELTA_RULES, "route": ROUTES}
# name: the op it decomposes, what makes the module
OPS = {"embed": ("embed", embed), "linear": ("linear", linear), "gated_linear": ("gated_linear", gated_linear),
       "gated_linear_gelu": ("gated_linear", gated_linear_gelu), "qkv": ("qkv", qkv), "attention": ("attention", attention),
       "latent_attention": ("latent_attention", latent_attention), "route": ("route", route), "experts": ("experts", experts),
       "causal_conv1d": ("causal_conv1d", causal_conv1d), "gated_delta_rule": ("gated_delta_rule", gated_delta_rule),
       "add_norm": ("add_norm", gated_linear), "post_norm": ("add_norm", post_norm)}


def run(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace")
    if done.returncode:
        sys.exit(f"{done.stderr}check-op: exit status {done.returncode} of {' '.join(map(str, command))}")


def check(args, name, hidden, work):
    module = Module(work / "op.bin", f"{args.op} {name} {hidden}", args.extreme)
    (work / "op.mlir").write_text(OPS[args.op][1](module, name, hidden))
    (work / "op.bin").write_bytes(module.data)
    options = args.options.split()
    # A call has at most eight rows: nine are two calls, and windows become rings. Latent attention makes keys and values from
    # latent vectors in calls of more rows; only then do its quantised matrices give results without rounded rows.
    is_latent = args.op == "latent_attention"
    prefill_rows = 280 if args.many else 40 if is_latent else 8
    common = [args.lathe, "compile", work / "op.mlir", "--from", "import", "--prefill-rows", prefill_rows]
    run(common + ["-o", work / "kernels"] + options)
    # Rows are rounded to bf16 for bf16 dot products; the schedule says where. Attention loses less by it.
    run(common + ["-o", work / "schedule.mlir", "--emit", "schedule"] + options)
    schedule = (work / "schedule.mlir").read_text()
    rounding = {"kernel.round ": 4e-3, "kernel.attention rounded ": 5e-4}
    tolerance = max([args.tolerance] + [error for kernel, error in rounding.items() if kernel in schedule])
    run(common + ["-o", work / "meaning", "--decompose", f"lm.{OPS[args.op][0]}"] + options)
    # Attention of one row over many positions is split into several parts.
    longest = 330 if args.op == "attention" else 280 if args.many else 40
    tokens = [module.random.randrange(VOCABULARY) for _ in range(80 if is_latent else longest)]
    worst = (0.0, "")
    cases = [(25, None), (27, None), (137, 70), (280, None)] if args.many else [(n, None) for n in range(2, 10)] + [(40, 8), (longest, 1)]
    if is_latent:
        cases = ([] if name not in ("f32", "f16") else cases + [(80, 17), (70, 33)]) + [(40, None), (80, None)]
    for rows, chunk in cases:
        logits = [["logits", "--tokens", ",".join(map(str, tokens[:rows])), "--out", work / f"{which}.npy"]
                  + (["--chunk", chunk] if chunk else []) for which in ("kernels", "meaning")]
        for which, command in zip(("kernels", "meaning"), logits):
            run([work / which] + command)
        relative, row, _ = compare_logits.compare(work / "meaning.npy", work / "kernels.npy", False)
        worst = max(worst, (relative, f"{rows} rows" + (f" by {chunk}" if chunk else "") + f", row {row}"))
    good = worst[0] <= tolerance
    print(f"{'ok  ' if good else 'FAIL'} {args.op} {name}, {hidden} columns {args.options}: {worst[0]:.1e} ({worst[1]})", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("op", choices=OPS)
    parser.add_argument("--lathe", required=True)
    parser.add_argument("--formats", default="")
    parser.add_argument("--options", default="", help="more options for lathe compile")
    parser.add_argument("--extreme", action="store_true")
    parser.add_argument("--many", action="store_true", help="calls of 25 to 280 rows, longer rows: blocks of both")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    parser.add_argument("--work", type=Path, help="keep the files here")
    args = parser.parse_args()
    names = args.formats.split(",") if args.formats else list(SHAPED.get(args.op, FORMATS))
    if not args.formats and args.op not in ("latent_attention", "experts") and "f8_e4m3" in names:
        names.remove("f8_e4m3")  # a format for several matrices only
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        work = args.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        for name in names:
            block = 0 if args.op in SHAPED else FORMATS[name][0]
            columns = {1: [556], 32: [608], 256: [1280]} if args.many else {0: [32], 1: [32, 44], 32: [32, 96], 256: [256, 768]}
            for hidden in columns[block]:
                failed += not check(args, name, hidden, work.resolve())
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
