"""kernel.route: the experts and weights of random and of equal scores."""
import array
import math

from block import Device, expect, is_close, memref, normals, weight


def expected_row(scores, correction, case):
    """Experts and weights of a row."""
    if case["scoring"] == "softmax":
        powers = [math.exp(x - max(scores)) for x in scores]
        probabilities = [x / sum(powers) for x in powers]
    else:
        probabilities = [1 / (1 + math.exp(-x)) for x in scores]
    keys = [p + c for p, c in zip(probabilities, correction)] if correction else list(scores)
    size = len(keys) // case["groups"]
    sums = [sum(sorted(keys[first:first + size])[-case["terms"]:]) for first in range(0, len(keys), size)]
    kept = sorted(range(case["groups"]), key=lambda group: (-sums[group], group))[:case["kept"]]
    visible = [i for i in range(len(keys)) if i // size in kept]
    chosen = sorted(visible, key=lambda i: (-keys[i], i))[:case["top"]]
    total = sum(probabilities[i] for i in chosen) if case["normalized"] else 1
    return chosen, [probabilities[i] * case["scale"] / total for i in chosen]


def check(device, rows, experts, top, scoring, groups=1, kept=1, terms=1, corrected=False, normalized=True, scale=1.0,
          ties=False, threads=256):
    case = {"scoring": scoring, "groups": groups, "kept": kept, "terms": terms, "top": top, "normalized": normalized,
            "scale": scale}
    scores, correction = normals(rows * experts, seed=experts), normals(experts, seed=top)
    if ties:
        scores = array.array("f", map(round, scores))
    weights, chosen = array.array("f", bytes(4 * rows * top)), array.array("i", [-7] * (rows * top))
    scratch = array.array("f", bytes(4 * rows * experts))
    all_scores, out = memref("f32", rows, experts), memref("f32", rows, top)
    device.run([("scores", all_scores, scores), ("segment", memref("i8", 4 * experts), correction),
                ("scratch", all_scores, scratch), ("weights", out, weights), ("experts", memref("i32", rows, top), chosen)],
               weight("correction", "segment", experts) + "\nkernel.route %scores "
               + (f"of {kept} in {groups} by {terms} " if kept < groups else "")
               + (f"correction %correction : !lm.weight<{experts}xf32> " if corrected else "")
               + (f"scratch %scratch : {all_scores} " if kept < groups else "")
               + f"to %weights, %experts {scoring} scale {scale:e} {'{normalized}' if normalized else ''} : {all_scores}, {out}, "
               + memref("i32", rows, top), threads)
    for row in range(rows):
        numbers, factors = expected_row(scores[row * experts:(row + 1) * experts], correction if corrected else None, case)
        found = list(chosen[row * top:(row + 1) * top])
        expect(found == numbers, f"{top} of {experts} experts, row {row}: expected {numbers}, found {found}")
        for expected, factor in zip(factors, weights[row * top:(row + 1) * top]):
            expect(is_close(factor, expected, 3e-6), f"weight of row {row}: expected {expected}, found {factor}")


device = Device()
for threads in (32, 256):
    # A lane has one expert or several; a group is 32 experts, fewer, more, or begins in the middle of a warp.
    check(device, 3, 256, 8, "sigmoid", groups=8, kept=4, terms=2, corrected=True, scale=2.5, threads=threads)
    check(device, 4, 160, 6, "softmax", groups=8, kept=3, normalized=False, scale=16.0, threads=threads)
    check(device, 9, 40, 4, "sigmoid", groups=5, kept=2, terms=2, corrected=True, threads=threads)
    check(device, 3, 192, 8, "sigmoid", groups=2, kept=1, terms=2, threads=threads)
check(device, 9, 40, 5, "softmax")
check(device, 2, 512, 10, "softmax")
check(device, 2, 96, 40, "softmax", normalized=False)  # more choices than lanes
check(device, 4, 5, 3, "sigmoid", corrected=True, normalized=False)
# Of equal keys, and of groups with equal sums, the first is better.
check(device, 8, 64, 8, "softmax", ties=True)
check(device, 8, 64, 6, "sigmoid", groups=8, kept=3, terms=2, ties=True)
print("route: as expected")
