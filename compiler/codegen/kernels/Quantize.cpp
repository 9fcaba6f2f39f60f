//===- Quantize.cpp - rows as 8-bit codes, or rounded to bf16
//---------------------------------------------------------===//

#include "compiler/codegen/kernels/Kernels.h"
#include "dialects/lm/QuantizedRow.h"

using namespace lathe;

/// The sums of two vectors of 16, side by side as far as possible.
static std::pair<Value, Value> sumsOf(Emitter &e, Value a, Value b) {
  auto shuffle = [&](Value x, Value y, function_ref<int64_t(int64_t lane)> from) {
    return vector::ShuffleOp::create(e, x, y, llvm::map_to_vector(llvm::seq<int64_t>(0, 16), from));
  };
  Value low = shuffle(a, b, [](int64_t lane) { return lane < 8 ? lane : lane + 8; });
  Value both = e.add(low, shuffle(a, b, [](int64_t lane) { return lane < 8 ? lane + 8 : lane + 16; }));
  for (int64_t step : {4, 2, 1})
    both = e.add(both, shuffle(both, both, [&](int64_t lane) { return lane ^ step; }));
  return {vector::ExtractOp::create(e, both, 0), vector::ExtractOp::create(e, both, 8)};
}

void lathe::expand(kernel::QuantizeOp op, Emitter &e) {
  int64_t columns = Emitter::staticColumns(op.getInput());
  bool wide = QuantizedRow(columns, /*wide=*/true).bytes <= Emitter::staticColumns(op.getOut());
  QuantizedRow layout(columns, wide);
  constexpr int64_t half = QuantizedRow::kBlock / 2;
  Type f32 = e.getF32Type();
  Value zero = e.number(f32, 0);
  e.forRows(op.getInput(), [&](Value row) {
    e.loop(e.index(0), e.index(columns / QuantizedRow::kBlock), 1, [&](Value block) {
      Value column = e.mul(block, QuantizedRow::kBlock);
      Value x[2], largest;
      for (int i = 0; i < 2; ++i) {
        x[i] = e.load(e.f32s(), op.getInput(), {row, e.add(column, i * half)});
        Value magnitude = math::AbsFOp::create(e, x[i]);
        largest = i ? e.maximum(largest, magnitude) : magnitude;
      }
      Value peak = e.largest(largest);
      Value scale = e.mul(peak, e.number(f32, 1.0 / 127));
      Value inverse = e.select(e.less(zero, peak), e.div(e.number(f32, 127), peak), zero);
      auto at = [&](int64_t offset, int64_t stride) -> SmallVector<Value> {
        return {row, e.add(e.mul(block, stride), offset)};
      };
      // Adding 1.5 * 2^23 rounds to nearest even into the low bits.
      auto round = [&](Value x) {
        Value magic = e.number(e.f32s(), 12582912.0);
        return e.sub(e.bitcast(e.i32s(), e.add(x, magic)), e.bitcast(e.i32s(), magic));
      };
      Value codes[2], fine[2];
      for (int i = 0; i < 2; ++i) {
        Value scaled = e.mul(x[i], e.splat(inverse));
        codes[i] = round(scaled);
        e.store(arith::TruncIOp::create(e, e.i8s(half), codes[i]), op.getOut(), {row, e.add(column, i * half)});
        if (!wide)
          continue;
        fine[i] = round(e.mul(scaled, e.number(e.f32s(), QuantizedRow::kWideSteps)));
        Value words = arith::TruncIOp::create(e, e.vec(half, e.getI16Type()), fine[i]);
        e.store(e.bitcast(e.i8s(2 * half), words), op.getOut(),
                {row, e.add(e.mul(column, 2), layout.wideCodes + i * 2 * half)});
      }
      auto [first, second] = sumsOf(e, codes[0], codes[1]);
      e.storeBytes(first, op.getOut(), at(layout.halfSums, 8));
      e.storeBytes(second, op.getOut(), at(layout.halfSums + 4, 8));
      Value total = e.add(first, second);
      e.storeBytes(scale, op.getOut(), at(layout.scales, 4));
      e.storeBytes(total, op.getOut(), at(layout.sums, 4));
      Value scaled = e.mul(scale, e.toF32(total));
      e.storeBytes(e.sub(zero, scaled), op.getOut(), at(layout.scaledSums, 4));
      if (wide)
        e.storeBytes(e.sum(e.add(fine[0], fine[1])), op.getOut(), at(layout.wideSums, 4));
    });
  });
}

void lathe::expand(kernel::RoundOp op, Emitter &e) {
  int64_t lanes = Emitter::lanesFor(Emitter::staticColumns(op.getInput()));
  e.forRows(op.getInput(), [&](Value row) {
    e.forVectors(op.getInput(), [&](int64_t, Value column) {
      Value bits = e.roundToBF16(e.load(e.f32s(lanes), op.getInput(), {row, column}));
      Value words = arith::TruncIOp::create(e, e.vec(lanes, e.getI16Type()), bits);
      e.store(e.bitcast(e.vec(lanes, e.getBF16Type()), words), op.getOut(), {row, column});
    });
  });
}
