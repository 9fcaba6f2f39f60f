//===- BlockedMatmul.cpp - products of many rows with quantised weights -------------------------------------------===//
//
// If a register holds only 8 values, unpacking quantised values and scales takes as many instructions as the products.
// So a block of columns of a panel is unpacked once, into a buffer that stays in the first cache, and multiplied by a
// block of rows that stays in the second (Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication).
// The loops, from the outermost: blocks of rows, blocks of columns, panels, tiles of rows. Quantised values become one
// byte each; where sums of byte products do not fit 16 bits, they become 16 bits with the offset subtracted. Scales and
// minima become f32. docs/experiments/2026-11-26-unpack-codes-once-avx2.md has the numbers.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cpu/kernels/Kernels.h"
#include "compiler/targets/cpu/kernels/Quantized.h"

using namespace lathe;

namespace {

class BlockedProductEmitter {
public:
  BlockedProductEmitter(VectorEmitter &e, const CPUInfo &cpu, const Product &shape, func::FuncOp function)
      : e(e), cpu(cpu), shape(shape), info(getFormatInfo(shape.format)), segment(function.getArgument(0)),
        offset(function.getArgument(1)), panelStride(function.getArgument(2)), columns(function.getArgument(3)),
        input(function.getArgument(4)), out(function.getArgument(5)),
        panels(e, segment, shape.format, shape.depth, !cpu.widensBytes()), inputs(e, input, panels.hasWideValues()) {}

  void run();

private:
  static constexpr int64_t R = kPanelRows;
  static constexpr int64_t kLanes = 8;              // of a register
  static constexpr int64_t kRegisters = R / kLanes; // of a row's outputs
  static constexpr int64_t kRows = 128;             // of a block: its activations take 64 or 128 KB of the second cache
  using Values = SmallVector<Value>;

  Value buffer(int64_t count, Type element);

  /// Calls body(begin, end) for parts of [0, size) of nearly equal length. A part begins at a multiple of `unit` and
  /// has at most `max` elements.
  void inParts(Value size, int64_t max, int64_t unit, function_ref<void(Value begin, Value end)> body);
  void clear(Value firstRow, Value endRow);
  /// Unpacks the columns [begin, end) of a panel into the buffers.
  void unpackColumns(Value panel, Value begin, Value end);
  /// Unpacks the run at byte `run` to run number `to` of the buffers.
  void unpackRun(Value run, const PanelReader::Factors &block, Value to);

  /// Products of `count` rows from `row` on and the unpacked columns [begin, end): [count][kRegisters].
  Values tile(Value row, int64_t count, Value begin, Value end);
  /// Integer sums of `steps` steps: the rows' values in `block` from `firstStep` on times the unpacked values from
  /// `step` on, [count][kRegisters].
  Values sumValues(Value row, int64_t count, Value block, int64_t firstStep, Value step, int64_t steps);
  Values sumWideValues(Value row, int64_t count, Value block, Value step);
  void addTile(Value row, int64_t count, Value output, ArrayRef<Value> sums);

  VectorEmitter &e;
  const CPUInfo &cpu;
  const Product &shape;
  const FormatInfo &info;
  Value segment, offset, panelStride, columns, input, out;
  Value values; // [columns / depth][16][depth] u8 or i16
  Value scales; // [groups][16] f32
  Value minima; // [runs][16] f32
  PanelReader panels;
  RowReader inputs;
};

Value BlockedProductEmitter::buffer(int64_t count, Type element) {
  return memref::AllocaOp::create(e, MemRefType::get({count}, element), e.getI64IntegerAttr(64));
}

void BlockedProductEmitter::inParts(Value size, int64_t max, int64_t unit,
                                    function_ref<void(Value begin, Value end)> body) {
  Value parts = e.ceilDiv(size, e.index(max)), units = e.ceilDiv(size, e.index(unit));
  Value length = e.mul(e.ceilDiv(units, parts), unit);
  e.loop(e.index(0), parts, 1, [&](Value part) {
    Value begin = e.minimum(e.mul(part, length), size);
    body(begin, e.minimum(e.add(begin, length), size));
  });
}

void BlockedProductEmitter::run() {
  Value zero = e.index(0), rows = e.rowsOf(input);
  values = buffer(cpu.blocked.columns * R * (panels.hasWideValues() ? 2 : 1), e.getI8Type());
  scales = buffer(cpu.blocked.columns / info.group * R, e.getF32Type());
  if (info.minimum)
    minima = buffer(cpu.blocked.columns / info.group * R, e.getF32Type());
  int64_t tileRows = cpu.getBlockedRows(shape.format);
  inParts(rows, kRows, tileRows, [&](Value firstRow, Value endRow) {
    if (!shape.accumulates)
      clear(firstRow, endRow);
    inParts(columns, cpu.blocked.columns, info.block, [&](Value begin, Value end) {
      e.loop(zero, e.ceilDiv(e.columnsOf(out), e.index(R)), 1, [&](Value panel) {
        unpackColumns(e.add(offset, e.mul(panel, panelStride)), begin, end);
        Value done = firstRow;
        for (int64_t count = tileRows; count >= 1; count /= 2) {
          Value left = e.sub(endRow, done), stop = e.sub(endRow, count == 1 ? zero : e.rem(left, e.index(count)));
          e.loop(done, stop, count,
                 [&](Value row) { addTile(row, count, e.mul(panel, R), tile(row, count, begin, end)); });
          done = stop;
        }
      });
    });
  });
}

void BlockedProductEmitter::clear(Value firstRow, Value endRow) {
  e.loop(firstRow, endRow, 1,
         [&](Value row) { e.forRuns(out, [&](Run run) { e.store(e.number(e.f32s(run.count), 0), out, row, run); }); });
}

void BlockedProductEmitter::addTile(Value first, int64_t count, Value output, ArrayRef<Value> sums) {
  Value left = e.sub(e.columnsOf(out), output);
  auto addSums = [&](bool isWhole) {
    for (int64_t r = 0; r < kRegisters; ++r) {
      Value column = e.add(output, r * kLanes), mask;
      if (!isWhole)
        mask = vector::CreateMaskOp::create(e, e.vec(kLanes, e.getI1Type()), e.sub(left, e.index(r * kLanes)));
      for (int64_t i = 0; i < count; ++i) {
        Value row = e.add(first, i), sum = sums[i * kRegisters + r];
        if (isWhole) {
          e.store(e.add(e.load(e.f32s(kLanes), out, {row, column}), sum), out, {row, column});
          continue;
        }
        Value zeros = e.number(e.f32s(kLanes), 0);
        Value old = vector::MaskedLoadOp::create(e, zeros.getType(), out, ValueRange{row, column}, mask, zeros);
        vector::MaskedStoreOp::create(e, out, ValueRange{row, column}, mask, e.add(old, sum));
      }
    }
  };
  e.ifThen(e.lessEqual(e.index(R), left), [&] { addSums(true); }, [&] { addSums(false); });
}

void BlockedProductEmitter::unpackColumns(Value panel, Value begin, Value end) {
  int64_t runs = info.block / 32;
  Value size = e.index(info.block), from = e.div(begin, size);
  e.loop(from, e.div(end, size), 1, [&](Value block) {
    Value at = e.add(panel, e.mul(block, panels.layout.blockBytes)), to = e.mul(e.sub(block, from), runs);
    PanelReader::Factors factors = panels.getBlockFactors(at);
    if (runs == 1)
      return unpackRun(at, factors, to);
    e.loop(e.index(0), e.index(runs), 1, [&](Value run) {
      unpackRun(e.add(e.add(at, panels.layout.headBytes), e.mul(run, panels.layout.runBytes)), factors, e.add(to, run));
    });
  });
}

void BlockedProductEmitter::unpackRun(Value run, const PanelReader::Factors &block, Value to) {
  Value at = e.mul(to, 32 * R * (panels.hasWideValues() ? 2 : 1));
  auto load = [&](int64_t bytes, int64_t byte) { return e.load(e.i8s(bytes), segment, e.add(run, byte)); };
  if (panels.hasWideValues()) {
    for (int64_t step = 0; step < 16; ++step) {
      Value words = e.extend(load(2 * R, step * 2 * R), e.getI16Type());
      Value centred = e.add(words, -info.offset);
      e.store(e.bitcast(e.i8s(4 * R), centred), values, e.add(at, step * 4 * R));
    }
  } else if (info.bits == 8) {
    for (int64_t step = 0; step < 8; ++step)
      e.store(load(4 * R, step * 4 * R), values, e.add(at, step * 4 * R));
  } else {
    Values high = panels.loadHighBits(run);
    for (int64_t j = 0; j < 4; ++j) {
      auto [low, up] = panels.unpackSteps(run, high, j);
      e.store(low, values, e.add(at, j * 4 * R));
      e.store(up, values, e.add(at, (j + 4) * 4 * R));
    }
  }
  PanelReader::Factors factors = panels.getRunFactors(block, run);
  Value group = e.mul(to, 32 / info.group * R);
  e.store(factors.scale, scales, group);
  if (factors.scale2)
    e.store(factors.scale2, scales, e.add(group, R));
  if (factors.minimum)
    e.store(factors.minimum, minima, group);
}

BlockedProductEmitter::Values BlockedProductEmitter::sumWideValues(Value first, int64_t count, Value block,
                                                                   Value step) {
  VectorType words = e.vec(2 * kLanes, e.getI16Type());
  Values none(count * kRegisters, e.number(e.i32s(kLanes), 0));
  return e.loop(e.index(0), e.index(16), 2, none, [&](Value s, ValueRange before) {
    Values sums(before);
    for (int64_t half = 0; half < 2; ++half) {
      Values weights;
      for (int64_t r = 0; r < kRegisters; ++r) {
        Value at = e.add(e.mul(e.add(step, s), 4 * R), half * 4 * R + r * 4 * kLanes);
        weights.push_back(e.bitcast(words, e.load(e.i8s(4 * kLanes), values, at)));
      }
      for (int64_t i = 0; i < count; ++i) {
        Value x = inputs.getValues(e.add(first, i), block, e.add(s, half), kLanes);
        for (int64_t r = 0; r < kRegisters; ++r) {
          Value &sum = sums[i * kRegisters + r];
          sum = e.add(sum, cpu::MaddI16Op::create(e, e.i32s(kLanes), weights[r], x));
        }
      }
    }
    return sums;
  });
}

BlockedProductEmitter::Values BlockedProductEmitter::sumValues(Value first, int64_t count, Value block,
                                                               int64_t firstStep, Value step, int64_t steps) {
  VectorType words = e.vec(2 * kLanes, e.getI16Type()), ints = e.i32s(kLanes);
  int64_t tileSums = count * kRegisters;
  // Multiplies one step of all rows.
  auto forStep = [&](Value s, function_ref<void(Value & sum, Value weights, Value x)> product, Values &sums) {
    Values weights;
    for (int64_t r = 0; r < kRegisters; ++r)
      weights.push_back(e.load(e.i8s(4 * kLanes), values, e.add(e.mul(e.add(step, s), 4 * R), r * 4 * kLanes)));
    for (int64_t i = 0; i < count; ++i) {
      Value x = inputs.getValues(e.add(first, i), block, e.add(s, firstStep), kLanes);
      for (int64_t r = 0; r < kRegisters; ++r)
        product(sums[i * kRegisters + r], weights[r], x);
    }
  };
  Values none(tileSums, e.number(ints, 0));
  if (!cpu.widensBytes())
    return e.loop(e.index(0), e.index(steps), 1, none, [&](Value s, ValueRange before) {
      Values sums(before);
      forStep(
          s, [&](Value &sum, Value weights, Value x) { sum = cpu::DotU8S8Op::create(e, ints, sum, weights, x); }, sums);
      return sums;
    });

  // Without a dot product instruction, products of bytes are summed in 16 bits as long as the sums fit.
  auto gather = [&](Value &sum, Value weights, Value x) {
    Value product = cpu::MaddU8S8Op::create(e, words, weights, x);
    sum = sum ? e.add(sum, product) : product;
  };
  Value ones = e.number(words, 1);
  auto widen = [&](Values gathered) {
    for (Value &sum : gathered)
      sum = cpu::MaddI16Op::create(e, ints, sum, ones);
    return gathered;
  };
  int64_t fitting = std::min(cpu.getStepsIn16Bits(info.maxQuantised()), steps);
  if (fitting <= 2)
    return e.loop(e.index(0), e.index(steps), fitting, none, [&](Value s, ValueRange before) {
      Values gathered(tileSums), sums(before);
      for (int64_t i = 0; i < fitting; ++i)
        forStep(e.add(s, i), gather, gathered);
      for (auto [sum, more] : llvm::zip_equal(sums, widen(gathered)))
        sum = e.add(sum, more);
      return sums;
    });
  Values sums;
  for (int64_t done = 0; done < steps; done += fitting) {
    Values gathered = e.loop(e.index(done), e.index(done + fitting), 1, Values(tileSums, e.number(words, 0)),
                             [&](Value s, ValueRange before) {
                               Values next(before);
                               forStep(s, gather, next);
                               return next;
                             });
    gathered = widen(gathered);
    if (sums.empty())
      sums = gathered;
    else
      for (auto [sum, more] : llvm::zip_equal(sums, gathered))
        sum = e.add(sum, more);
  }
  return sums;
}

BlockedProductEmitter::Values BlockedProductEmitter::tile(Value first, int64_t count, Value begin, Value end) {
  VectorType lanes = e.f32s(kLanes);
  int64_t groups = 32 / info.group;
  Value zero = e.index(0), firstRun = e.div(begin, e.index(32)), runs = e.div(e.sub(end, begin), e.index(32));
  Values none(count * kRegisters, e.number(lanes, 0));
  return e.loop(zero, runs, 1, none, [&](Value here, ValueRange before) {
    Values sums(before);
    Value block = inputs.getBlock(e.add(firstRun, here));
    for (int64_t g = 0; g < groups; ++g) {
      int64_t steps = info.group / 4;
      Values products = panels.hasWideValues()
                            ? sumWideValues(first, count, block, e.mul(here, 16))
                            : sumValues(first, count, block, g * steps, e.add(e.mul(here, 8), g * steps), steps);
      for (int64_t i = 0; i < count; ++i) {
        Value row = e.add(first, i);
        Value x = e.splat(inputs.getScale(row, block), kLanes), start;
        if (info.offset && !panels.hasWideValues())
          start =
              inputs.getStart(row, block, panels.getOffset(), groups == 2 ? std::optional(g) : std::nullopt, kLanes);
        for (int64_t r = 0; r < kRegisters; ++r) {
          Value integers = products[i * kRegisters + r], &sum = sums[i * kRegisters + r];
          Value scale = e.load(lanes, scales, e.add(e.mul(here, groups * R), g * R + r * kLanes));
          sum = e.fma(e.toF32(start ? e.add(integers, start) : integers), e.mul(scale, x), sum);
        }
      }
    }
    if (info.minimum)
      for (int64_t i = 0; i < count; ++i) {
        Value x = e.splat(inputs.getScaledSum(e.add(first, i), block), kLanes);
        for (int64_t r = 0; r < kRegisters; ++r) {
          Value &sum = sums[i * kRegisters + r];
          sum = e.fma(e.load(lanes, minima, e.add(e.mul(here, R), r * kLanes)), x, sum);
        }
      }
    return sums;
  });
}

} // namespace

void lathe::emitBlockedProduct(VectorEmitter &e, const CPUInfo &cpu, const Product &shape, func::FuncOp function) {
  BlockedProductEmitter(e, cpu, shape, function).run();
}
