"""kernel.dispatch: slots in the order of experts, then of rows."""
import array
import random

from block import Device, expect, memref


def check(device, rows, top, count, threads=256, common=False):
    """`common`: all rows have the last expert."""
    source, size = random.Random(rows), 8
    experts = [source.sample(range(count - 1), top - 1) + [count - 1] if common else source.sample(range(count), top)
               for _ in range(rows)]
    blocks = -(-rows * top // size) + min(count, rows * top)
    order, owners = [-1] * (blocks * size), [-1] * blocks
    slots, block = [[0] * top for _ in range(rows)], 0
    for expert in range(count):
        slot = block * size
        for row, own in enumerate(experts):
            if expert in own:
                order[slot] = row
                slots[row][own.index(expert)] = slot
                slot += 1
        end = -(-slot // size)
        owners[block:end] = [expert] * (end - block)
        block = end
    found = [array.array("i", [-9] * n) for n in (blocks * size, rows * top, blocks)]
    types = [memref("i32", rows, top), memref("i32", blocks * size, 1), memref("i32", rows, top), memref("i32", blocks, 1)]
    chosen = array.array("i", (expert for own in experts for expert in own))
    device.run(list(zip(("experts", "order", "slots", "blocks"), types, (chosen, *found))),
               f"kernel.dispatch %experts to %order, %slots, %blocks count {count} : {', '.join(types)}", threads)
    slots = [slot for own in slots for slot in own]
    for name, is_as, values in zip(("order", "slots", "blocks"), found, (order, slots, owners)):
        expect(list(is_as) == values, f"{name} of {rows} rows, {top} of {count}: expected {values}, found {list(is_as)}")


device = Device()
for threads in (32, 96, 256):
    check(device, 1, 2, 5, threads)
    check(device, 31, 3, 40, threads)
    check(device, 70, 8, 128, threads)
    check(device, 17, 8, 512, threads)  # fewer segments than warps
    check(device, 9, 2, 3000, threads)  # one segment
    check(device, 100, 3, 33, threads, common=True)
print("dispatch: as expected")
