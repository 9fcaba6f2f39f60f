"""kernel.conv1d and kernel.delta_rule: outputs, the state afterwards, and that other parts of the state stay."""
import array
import math

from block import Device, expect, is_close, memref, normals, weight

PARTS, PART = 3, 1  # of the state, and the one that the kernel has


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def zeros(count):
    return array.array("f", bytes(4 * count))


def cast(name, rows, columns, is_one_row):
    known = memref("f32", rows, columns)
    return f"%{name} = memref.cast %{name}0 : {known} to {known if is_one_row else memref('f32', '?', columns)}"


def state(values):
    return (f"%state = builtin.unrealized_conversion_cast %segment, %c0 : {memref('i8', 4 * PARTS * values)}, index to "
            f"!lm.recurrent_state<{PARTS} x {values}>")


def check_all(what, found, expected, tolerance, magnitude):
    for i, (own, other) in enumerate(zip(found, expected)):
        expect(is_close(own, other, tolerance, magnitude), f"{what}, value {i}: expected {other}, found {own}")


def check_state(what, states, old, part, magnitude):
    values = len(part)
    check_all(f"state of {what}", states[PART * values:(PART + 1) * values], part, 1e-5, magnitude)
    for other in (0, 2):
        expect(states[other * values:(other + 1) * values] == old[other * values:(other + 1) * values],
               f"{what}: expected part {other} of the state as it was")


def check_conv1d(device, rows, channels, width, position, is_one_row=False, threads=256):
    what = f"conv1d of {rows} x {channels}, width {width}, at {position}"
    inputs, taps = normals(rows * channels, seed=1), normals(2 * channels * width, seed=2)
    old, out = normals(PARTS * (width - 1) * channels, seed=3), zeros(rows * channels)
    states, values = array.array("f", old), (width - 1) * channels
    history = [old[values + i * channels:values + (i + 1) * channels] if position else zeros(channels)
               for i in range(width - 1)]
    history += [inputs[row * channels:(row + 1) * channels] for row in range(rows)]
    kind = memref("f32", rows if is_one_row else "?", channels)
    segment = memref("i8", 4 * PARTS * values)
    device.run([("x0", memref("f32", rows, channels), inputs), ("taps", memref("i8", 8 * channels * width), taps),
                ("segment", segment, states), ("out0", memref("f32", rows, channels), out), ("position", "index", position)],
               "\n".join([cast("x", rows, channels, is_one_row), cast("out", rows, channels, is_one_row),
                          weight("w", "taps", 2 * channels * width), state(values),
                          f"%first = arith.constant {channels} : index",
                          f"kernel.conv1d %x, %w[%first] width {width} state %state[%c{PART}] at %position to %out : {kind}, "
                          f"!lm.weight<{2 * channels * width}xf32>, !lm.recurrent_state<{PARTS} x {values}>, {kind}"]), threads)
    expected = []
    for row in range(rows):
        for channel in range(channels):
            own = taps[(channels + channel) * width:(channels + channel + 1) * width]
            total = sum(tap * history[row + i][channel] for i, tap in enumerate(own))
            expected.append(total * sigmoid(total))
    check_all(what, out, expected, 1e-5, 1.0)
    check_state(what, states, old, [x for row in history[rows:] for x in row], 1.0)


def check_delta_rule(device, rows, keys, columns, position, is_one_row=False, threads=256):
    what = f"delta rule of {rows} rows, {keys} x {columns}, at {position}"
    heads, head, values = 2, 1, keys * columns
    query, key, value = (normals(rows * n, seed=n + i) for i, n in enumerate((keys, keys, columns)))
    a, b = normals(rows * heads, seed=5), normals(rows * heads, seed=6)
    decays, biases = array.array("f", [-2.0, -0.25]), array.array("f", [0.1, 0.5])
    old, out = normals(PARTS * values, seed=7), zeros(rows * columns)
    states = array.array("f", old)
    buffers = [("q", keys, query), ("k", keys, key), ("v", columns, value), ("a", heads, a), ("b", heads, b),
               ("out", columns, out)]
    kinds = [memref("f32", rows if is_one_row else "?", n) for _, n, _ in buffers]
    vector = f"!lm.weight<{heads}xf32>"
    device.run([(name + "0", memref("f32", rows, n), data) for name, n, data in buffers]
               + [("decays", memref("i8", 4 * heads), decays), ("biases", memref("i8", 4 * heads), biases),
                  ("segment", memref("i8", 4 * PARTS * values), states), ("position", "index", position)],
               "\n".join([cast(name, rows, n, is_one_row) for name, n, _ in buffers]
                         + [weight("decay", "decays", heads), weight("bias", "biases", heads), state(values),
                            f"kernel.delta_rule %q, %k, %v by %a, %b, %decay, %bias[%c{head}] state %state[%c{PART}] "
                            f"at %position to %out : {', '.join(kinds[:5])}, {vector}, {vector}, "
                            f"!lm.recurrent_state<{PARTS} x {values}>, {kinds[5]}"]), threads)
    s = [[old[values + i * columns + j] if position else 0.0 for j in range(columns)] for i in range(keys)]
    expected = []
    for row in range(rows):
        k, q = key[row * keys:(row + 1) * keys], query[row * keys:(row + 1) * keys]
        length = math.sqrt(sum(x * x for x in k) + 1e-6)
        query_length = math.sqrt((sum(x * x for x in q) + 1e-6) * keys)
        rate = a[row * heads + head] + biases[head]
        decay = math.exp(decays[head] * math.log1p(math.exp(rate)))
        strength = sigmoid(b[row * heads + head])
        for j in range(columns):
            known = sum(k[i] * s[i][j] for i in range(keys)) * decay / length
            change = strength * (value[row * columns + j] - known) / length
            for i in range(keys):
                s[i][j] = s[i][j] * decay + k[i] * change
            expected.append(sum(q[i] * s[i][j] for i in range(keys)) / query_length)
    check_all(what, out, expected, 1e-5, 1.0)
    check_state(what, states, old, [x for line in s for x in line], 1.0)


device = Device()
for position in (0, 5):
    check_conv1d(device, 1, 128, 4, position, is_one_row=True)
    check_conv1d(device, 2, 16, 4, position)  # fewer rows than the state has
    check_conv1d(device, 37, 16, 3, position, threads=32)
    check_conv1d(device, 50, 24, 4, position)  # channels do not divide the threads
    check_conv1d(device, 7, 300, 5, position)  # more channels than threads
    check_delta_rule(device, 1, 128, 64, position, is_one_row=True)
    check_delta_rule(device, 1, 8, 20, position, is_one_row=True, threads=32)
    check_delta_rule(device, 35, 32, 16, position)  # more than 32 rows
    check_delta_rule(device, 3, 64, 300, position)  # more columns than threads
    check_delta_rule(device, 34, 36, 12, position)  # lanes without keys
    check_delta_rule(device, 5, 6, 5, position)  # keys that are not a multiple of four
print("delta-net: as expected")
