"""kernel.append, attention, combine_partials and absorbed_attention: heads that share a KV head, rows, rings, splits."""
import array
import math
import struct

from block import Device, expect, is_close, memref, normals, weight


def bf16s(count, seed):
    """Normal numbers that bf16 has."""
    return array.array("f", (struct.unpack("f", b"\0\0" + struct.pack("f", x)[2:])[0] for x in normals(count, seed)))


def zeros(count):
    return array.array("f", bytes(4 * count))


def cache_type(dim, element, rows, more=""):
    return f"!lm.cache<1 x {dim} x {element}, {more}rows = {rows}>"


def cache_of(device, kind, element, dim, rows, parts, positions):
    """The bytes of a cache after rows were appended for `positions` (of `parts`: keys, or keys and values)."""
    dims = (dim + 15) // 16 * 16
    cache = array.array("B", bytes(rows * dims * (2 if element == "bf16" else 4) * len(parts)))
    segment = memref("i8", len(cache))
    for i, part in enumerate(parts):
        rows_type = memref("f32", len(positions), dim)
        device.run([("rows", rows_type, part), ("segment", segment, cache), ("first", "index", positions[0])],
                   f"%c = builtin.unrealized_conversion_cast %segment, %c0 : {segment}, index to {kind}\n"
                   f"kernel.append %rows to {'values ' if i else ''}%c[%c0] at %first : {rows_type}, {kind}")
    return cache, segment


def expected_row(query, keys, values, visible, scale, sink=None):
    """The weighted sum of the values. `keys` and `values` have a row for each position."""
    scores = [scale * sum(x * y for x, y in zip(query, keys[p])) for p in visible]
    peak = max(scores + ([sink] if sink is not None else []))
    weights = [math.exp(score - peak) for score in scores]
    total = sum(weights) + (math.exp(sink - peak) if sink is not None else 0)
    return [sum(w * values[p][i] for w, p in zip(weights, visible)) / total for i in range(len(values[0]))]


def compare(found, expected, what):
    for i, (x, y) in enumerate(zip(found, expected)):
        expect(is_close(x, y, 3e-5, magnitude=0.1), f"{what}, value {i}: expected {y}, found {x}")


def rows_of(values, dim):
    return [values[i:i + dim] for i in range(0, len(values), dim)]


def check_attention(device, dim, element="bf16", heads=1, rows=1, seen=40, window=0, ring=0, splits=1, sinks=False,
                    threads=256):
    """`seen` positions, the last `rows` of which are those of the query rows."""
    capacity = ring or (seen + 15) // 16 * 16
    kind = cache_type(dim, element, capacity, f"window = {window}, " if window else "")
    keys, values = bf16s(seen * dim, seed=dim), bf16s(seen * dim, seed=seen)
    first = max(0, seen - capacity)  # older positions are not in a ring any more
    cache, segment = cache_of(device, kind, element, dim, capacity, [keys[first * dim:], values[first * dim:]],
                              range(first, seen))
    queries, numbers = bf16s(rows * heads * dim, seed=heads), normals(heads, seed=3)
    query, out = memref("f32", rows, heads * dim), zeros(rows * heads * dim)
    scores = memref("f32", max(rows, heads), capacity)
    arguments = [("q", query, queries), ("segment", segment, cache), ("at", "index", seen - rows),
                 ("weights", memref("i8", 4 * heads), numbers), ("scores", scores, zeros(max(rows, heads) * capacity))]
    casts = (f"%c = builtin.unrealized_conversion_cast %segment, %c0 : {segment}, index to {kind}\n"
             + weight("sinks", "weights", heads) + "\n")
    sink = f"sinks %sinks{{}} : !lm.weight<{heads}xf32>"
    if splits == 1:
        device.run(arguments + [("out", query, out)],
                   casts + f"kernel.attention %q, %c[%c0] at %at {sink.format('[%c0]') if sinks else ''} scores %scores "
                   f"to %out scale 0.3 : {query}, {kind}, {scores}, {query}", threads)
    else:
        parts, statistics = zeros(splits * heads * dim), zeros(splits * heads * 2)
        for split in range(splits):
            part, two = zeros(heads * dim), zeros(2 * heads)
            device.run(arguments + [("out", query, part), ("two", memref("f32", 1, 2 * heads), two),
                                    ("split", "index", split), ("splits", "index", splits)],
                       casts + f"kernel.attention %q, %c[%c0] at %at split %split of %splits statistics %two : "
                       f"{memref('f32', 1, 2 * heads)} scores %scores to %out scale 0.3 : {query}, {kind}, {scores}, {query}",
                       threads)
            parts[split * heads * dim:(split + 1) * heads * dim] = part
            statistics[split * heads * 2:(split + 1) * heads * 2] = two
        all_parts, all_statistics = memref("f32", splits, heads * dim), memref("f32", splits, 2 * heads)
        device.run([("in", all_parts, parts), ("s", all_statistics, statistics),
                    ("weights", memref("i8", 4 * heads), numbers), ("out", query, out)],
                   weight("sinks", "weights", heads)
                   + f"\nkernel.combine_partials %in, %s {sink.format('') if sinks else ''} to %out : {all_parts}, "
                   f"{all_statistics}, {query}", threads)
    keys, values = rows_of(keys, dim), rows_of(values, dim)
    for row in range(rows):
        position = seen - rows + row
        visible = range(max(0, position - window + 1) if window else 0, position + 1)
        for head in range(heads):
            begin = (row * heads + head) * dim
            expected = expected_row(queries[begin:begin + dim], keys, values, visible, 0.3,
                                    numbers[head] if sinks else None)
            compare(out[begin:begin + dim], expected, f"{heads} heads of {dim} {element}, row {row}, head {head}")


def check_combine(device, splits, heads, dim):
    parts, statistics, out = normals(splits * heads * dim, 1), normals(splits * heads * 2, 2), zeros(heads * dim)
    for i in range(1, len(statistics), 2):
        statistics[i] = 1 + abs(statistics[i])
    kinds = [memref("f32", splits, heads * dim), memref("f32", splits, 2 * heads), memref("f32", 1, heads * dim)]
    device.run([("in", kinds[0], parts), ("s", kinds[1], statistics), ("out", kinds[2], out)],
               f"kernel.combine_partials %in, %s to %out : {', '.join(kinds)}")
    for head in range(heads):
        peaks, sums = statistics[2 * head::2 * heads], statistics[2 * head + 1::2 * heads]
        factors = [math.exp(peak - max(peaks)) for peak in peaks]
        total = sum(factor * each for factor, each in zip(factors, sums))
        expected = [sum(factor * parts[(split * heads + head) * dim + i] for split, factor in enumerate(factors)) / total
                    for i in range(dim)]
        compare(out[head * dim:(head + 1) * dim], expected, f"{splits} splits, head {head}")


def check_absorbed(device, heads=1, rows=1, per_head=0, dim=24, latent=16, element="bf16", seen=150, positions=64,
                   threads=256):
    capacity = (seen + 15) // 16 * 16
    kind = cache_type(dim, element, capacity, f"latent = {latent}, ")
    keys = bf16s(seen * dim, seed=dim)
    cache, segment = cache_of(device, kind, element, dim, capacity, [keys], range(seen))
    count = max(heads, rows)
    lanes, latent16 = (count + 15) // 16 * 16, (latent + 15) // 16 * 16
    size = 32 * positions + latent16 * lanes + 2 * lanes * positions + 3 * lanes
    queries, out, first = bf16s(count * dim, seed=count), zeros(count * latent), seen - (per_head or rows)
    query, to = memref("f32", rows, heads * dim), memref("f32", rows, heads * latent)
    device.run([("q", query, queries), ("segment", segment, cache), ("at", "index", first), ("each", "index", per_head),
                ("scratch", memref("f32", 1, size), zeros(size)), ("out", to, out)],
               f"%c = builtin.unrealized_conversion_cast %segment, %c0 : {segment}, index to {kind}\n"
               f"kernel.absorbed_attention %q, %c at %at {'per_head %each' if per_head else ''} scratch %scratch to %out "
               f"scale 0.3 rows {count} positions {positions} : {query}, {kind}, {memref('f32', 1, size)}, {to}", threads)
    keys = rows_of(keys, dim)
    values = [key[:latent] for key in keys]
    for i in range(count):
        position = first if heads > 1 else first + (i % per_head if per_head else i)
        expected = expected_row(queries[i * dim:(i + 1) * dim], keys, values, range(position + 1), 0.3)
        compare(out[i * latent:(i + 1) * latent], expected, f"absorbed, {heads} heads, {rows} rows, row {i}")


device = Device()
# Lanes that divide positions, lanes without dims, several chunks of 128 dims, a last step that is not whole.
for dim in (16, 36, 80, 256):
    check_attention(device, dim, heads=4)
for dim in (12, 128):
    check_attention(device, dim, "f32", heads=2, seen=20)
# Query rows that a pass can halve three times, twice, not at all; two passes, the second of them with fewer rows.
for heads in (8, 7, 6, 13):
    check_attention(device, 64, heads=heads, seen=300, sinks=heads == 7)
check_attention(device, 64, rows=13, seen=50)
check_attention(device, 64, rows=5, seen=5, threads=32)
# A ring that wraps in the middle of a panel, and one that is not full.
for seen in (7, 61, 100):
    check_attention(device, 32, heads=2, seen=seen, window=20, ring=48)
check_attention(device, 32, rows=9, seen=77, window=20, ring=48)
check_attention(device, 64, heads=4, seen=100, splits=3, sinks=True)
check_combine(device, splits=45, heads=3, dim=40)
check_attention(device, 128, heads=8, seen=70, threads=1024)
# Blocks of 64 positions; several passes of rows; rows of several heads; a last group of rows that is not full.
check_absorbed(device, heads=20)
check_absorbed(device, rows=17, element="f32")
check_absorbed(device, rows=12, per_head=4)
check_absorbed(device, heads=5, dim=136, latent=128, seen=40, positions=1024)
check_absorbed(device, heads=16, dim=576, latent=512, seen=70, threads=64)
print("attention: as expected")
