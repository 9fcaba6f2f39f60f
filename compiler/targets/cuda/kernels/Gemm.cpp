//===- Gemm.cpp - products of many rows on tensor cores ----------------------------------------------------------===//
//
// A bf16 panel is already what mma.sync.m16n8k16 takes as its first factor. Lane (g, t) = (lane / 4, lane % 4) of a
// warp reads 16 bytes: outputs 4 (g % 4) + {0, 1, 2, 3} of panel g / 4 of two, at one pair of columns. The instruction
// wants rows g and g + 8 at the pairs t and t + 4: two such reads are the operands of two instructions, the first with
// outputs {0, 1}, the second with {2, 3}. Which columns a lane calls pair t does not matter, as long as both factors
// agree: here they are neighbours, so that the rows of activations, too, are read 16 bytes at a time.
//
// Of 64 columns, a lane has the pairs 4 t + {0, 1, 2, 3} and 16 + 4 t + {0, 1, 2, 3}. An instruction takes two of them.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cuda/kernels/Kernels.h"
#include "dialects/lm/Layout.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace lathe;

namespace {

class GemmEmitter {
public:
  GemmEmitter(BlockEmitter &e, func::FuncOp function)
      : e(e), segment(function.getArgument(0)), offset(function.getArgument(1)), panelStride(function.getArgument(2)),
        columns(function.getArgument(3)), input(function.getArgument(4)), out(function.getArgument(5)) {}

  void run();

private:
  using Values = SmallVector<Value>;
  static constexpr int64_t kColumns = 64;   // of K, read at once
  static constexpr int64_t kTileRows = 8;   // rows of activations of an instruction
  static constexpr int64_t kPairBytes = 64; // of a panel: two columns of 16 outputs

  /// Two panels and `tiles` * 8 rows: all columns.
  void unit(Value pair, Value row, int64_t tiles);
  /// Adds the products of 64 columns from `column` on to the sums [tiles][2 instructions][4].
  Values addColumns(Value column, bool isWhole, Value panel, Value row, int64_t tiles, ValueRange before);
  void store(Value pair, Value row, int64_t tiles, ValueRange sums);
  /// d = a * b + c.
  void multiply(ArrayRef<Value> a, ArrayRef<Value> b, MutableArrayRef<Value> c);

  Value group() { return e.div(e.lane(), e.index(4)); }  // g
  Value member() { return e.rem(e.lane(), e.index(4)); } // t
  Value extract(Value vector, int64_t i) { return vector::ExtractOp::create(e, vector, i); }

  BlockEmitter &e;
  Value segment, offset, panelStride, columns, input, out;
};

void GemmEmitter::run() {
  Value rows = e.rowsOf(input), panels = e.ceilDiv(e.columnsOf(out), e.index(kPanelRows));
  Value pairs = e.ceilDiv(panels, e.index(2)), done = e.index(0);
  // Warps next to each other have other panels and the same rows, which they find in the first cache.
  for (int64_t tiles : {8, 2}) {
    const int64_t ofUnit = tiles * kTileRows;
    Value left = e.sub(rows, done);
    Value groups = tiles > 2 ? e.div(left, e.index(ofUnit)) : e.ceilDiv(left, e.index(ofUnit));
    e.loop(e.warp(), e.mul(groups, pairs), e.getWarps(),
           [&](Value number) { unit(e.rem(number, pairs), e.add(done, e.mul(e.div(number, pairs), ofUnit)), tiles); });
    done = e.add(done, e.mul(groups, ofUnit));
  }
}

void GemmEmitter::multiply(ArrayRef<Value> a, ArrayRef<Value> b, MutableArrayRef<Value> c) {
  Type f32 = e.getF32Type();
  auto type = LLVM::LLVMStructType::getLiteral(e.getContext(), {f32, f32, f32, f32});
  Value d = NVVM::MmaOp::create(e, type, a, b, c, ArrayRef<int64_t>{16, 8, 16}, std::nullopt, std::nullopt,
                                std::array{NVVM::MMATypes::bf16, NVVM::MMATypes::bf16},
                                std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  for (int64_t i = 0; i < 4; ++i)
    c[i] = LLVM::ExtractValueOp::create(e, d, i);
}

GemmEmitter::Values GemmEmitter::addColumns(Value column, bool isWhole, Value panel, Value row, int64_t tiles,
                                            ValueRange before) {
  auto words = VectorType::get({4}, e.getI32Type());
  // The lane's columns in each half of the 64; they are inside of the matrix, or all outside.
  Values begins, areInside;
  for (int64_t half = 0; half < 2; ++half) {
    begins.push_back(e.add(e.add(column, half * kColumns / 2), e.mul(member(), 8)));
    areInside.push_back(isWhole ? Value() : e.less(begins[half], columns));
  }
  auto ifInside = [&](int64_t half, Value inside, Value outside) {
    return areInside[half] ? e.select(areInside[half], inside, outside) : inside;
  };
  SmallVector<Values> weights; // [half][pair], four words each
  for (int64_t half = 0; half < 2; ++half) {
    Value first = e.add(panel, e.mul(e.div(begins[half], e.index(2)), kPairBytes));
    Values pairs;
    for (int64_t pair = 0; pair < 4; ++pair)
      pairs.push_back(e.loadBytes(words, segment, ifInside(half, e.add(first, pair * kPairBytes), panel), 16));
    weights.push_back(pairs);
  }
  Values sums(before);
  Value last = e.add(e.rowsOf(input), -1), none = e.number(words, 0);
  for (int64_t tile = 0; tile < tiles; ++tile) {
    Value at = e.minimum(e.add(e.add(row, tile * kTileRows), group()), last);
    for (int64_t half = 0; half < 2; ++half) {
      auto eight = VectorType::get({8}, e.getBF16Type());
      Value column = ifInside(half, begins[half], e.index(0));
      Value values =
          vector::LoadOp::create(e, eight, input, ValueRange{at, column}, /*nontemporal=*/false, llvm::MaybeAlign(16));
      Value x = ifInside(half, e.bitcast(words, values), none);
      for (int64_t pair = 0; pair < 4; pair += 2) {
        Value first = weights[half][pair], second = weights[half][pair + 1];
        for (int64_t i = 0; i < 2; ++i)
          multiply(
              {extract(first, 2 * i), extract(first, 2 * i + 1), extract(second, 2 * i), extract(second, 2 * i + 1)},
              {extract(x, pair), extract(x, pair + 1)}, MutableArrayRef(sums).slice((tile * 2 + i) * 4, 4));
      }
    }
  }
  return sums;
}

void GemmEmitter::unit(Value pair, Value row, int64_t tiles) {
  Values none(tiles * 2 * 4, e.number(e.getF32Type(), 0));
  // Where the number of panels is odd, the second of the last pair is not there: it reads the first.
  Value count = e.ceilDiv(e.columnsOf(out), e.index(kPanelRows));
  Value number = e.minimum(e.add(e.mul(pair, 2), e.div(group(), e.index(4))), e.add(count, -1));
  Value panel = e.add(e.add(offset, e.mul(number, panelStride)), e.mul(e.rem(group(), e.index(4)), 16));
  Value whole = e.mul(e.div(columns, e.index(kColumns)), kColumns);
  Values sums = e.loop(e.index(0), whole, kColumns, none, [&](Value column, ValueRange before) {
    return addColumns(column, /*isWhole=*/true, panel, row, tiles, before);
  });
  sums = e.loop(whole, columns, kColumns, sums, [&](Value column, ValueRange before) {
    return addColumns(column, /*isWhole=*/false, panel, row, tiles, before);
  });
  store(pair, row, tiles, sums);
}

/// Of an instruction's result a lane has outputs g and g + 8 at rows 2 t and 2 t + 1.
void GemmEmitter::store(Value pair, Value row, int64_t tiles, ValueRange sums) {
  Value first = e.add(e.mul(pair, 2 * kPanelRows), e.mul(group(), 4));
  for (int64_t tile = 0; tile < tiles; ++tile)
    for (int64_t r = 0; r < 2; ++r) {
      Value at = e.add(e.add(row, tile * kTileRows + r), e.mul(member(), 2));
      e.ifThen(e.less(at, e.rowsOf(out)), [&] {
        for (int64_t output = 0; output < 4; ++output) {
          Value column = e.add(first, output), sum = sums[(tile * 2 + output / 2) * 4 + output % 2 * 2 + r];
          e.ifThen(e.less(column, e.columnsOf(out)),
                   [&] { memref::StoreOp::create(e, sum, out, ValueRange{at, column}); });
        }
      });
    }
}

} // namespace

void lathe::emitGemm(BlockEmitter &e, func::FuncOp function) { GemmEmitter(e, function).run(); }
