//===- Rope.cpp - angles of a call's positions, and the rotation --------------------------------------------------===//

#include "compiler/codegen/kernels/Rowwise.h"
#include <numbers>

namespace lathe {

namespace {

/// A constant of the module with these numbers. Equal constants share one global.
Value getConstants(RowEmitter &e, ModuleOp module, ArrayRef<float> numbers) {
  auto type = MemRefType::get({static_cast<int64_t>(numbers.size())}, e.getF32Type());
  auto values = DenseElementsAttr::get(RankedTensorType::get(type.getShape(), e.getF32Type()), numbers);
  std::string name;
  for (auto global : module.getOps<memref::GlobalOp>())
    if (global.getInitialValue() == values)
      name = global.getSymName().str();
  if (name.empty()) {
    int count = llvm::range_size(module.getOps<memref::GlobalOp>());
    name = "constants." + std::to_string(count);
    OpBuilder::InsertionGuard guard(e);
    e.setInsertionPointToStart(module.getBody());
    memref::GlobalOp::create(e, name, e.getStringAttr("private"), type, values, /*constant=*/true, IntegerAttr());
  }
  return memref::GetGlobalOp::create(e, type, name);
}

/// Sine and cosine of f64s in [-pi, pi] by their series, to 1e-9.
std::pair<Value, Value> sinCos(RowEmitter &e, Value x) {
  Value square = e.mul(x, x), sine = e.number(x.getType(), 0), cosine = sine;
  auto horner = [&](Value sum, double coefficient) { return e.fma(sum, square, e.number(x.getType(), coefficient)); };
  double factorial[24] = {1};
  for (int i = 1; i < 24; ++i)
    factorial[i] = factorial[i - 1] * i;
  for (int n = 11; n >= 0; --n) {
    double sign = n % 2 ? -1 : 1;
    sine = horner(sine, sign / factorial[2 * n + 1]);
    cosine = horner(cosine, sign / factorial[2 * n]);
  }
  return {e.mul(sine, x), cosine};
}

} // namespace

static void expand(kernel::RopeTableOp op, RowEmitter &e) {
  // f64 values take twice the registers.
  int64_t half = op.getRope().getDim() / 2, count = e.countFor(half, /*isWide=*/true);
  Value frequencies =
      getConstants(e, op->getParentOfType<ModuleOp>(), SmallVector<float>(op.getRope().getFrequencies()));
  Type f64s = e.runOf(e.getF64Type(), count);
  e.forRows(op.getOut(), [&](Value row) {
    Value position = e.cast(e.add(op.getPosition(), row), e.getI64Type());
    Value p = e.splat(arith::SIToFPOp::create(e, e.getF32Type(), position), count);
    auto body = [&](Run run) {
      // The angle is rounded to f32, as transformers rounds it. The rest is computed in f64.
      Value angle = e.mul(p, e.load(frequencies, run.column, count));
      Value x = arith::ExtFOp::create(e, f64s, angle);
      Value magic = e.number(f64s, 6755399441055744.0); // 1.5 * 2^52: rounds to an integer
      Value turns = e.sub(e.fma(x, e.number(f64s, 0.5 / std::numbers::pi), magic), magic);
      x = e.fma(turns, e.number(f64s, -6.283185307179586232), x);
      x = e.fma(turns, e.number(f64s, -2.4492935982947064e-16), x); // the rounding error of 2 pi
      auto [sine, cosine] = sinCos(e, x);
      auto narrow = [&](Value value) -> Value {
        if (double factor = op.getRope().getAttentionFactor(); factor != 1)
          value = e.mul(value, e.number(f64s, factor));
        return arith::TruncFOp::create(e, e.f32s(count), value);
      };
      e.store(narrow(cosine), op.getOut(), row, run);
      e.store(narrow(sine), op.getOut(), row, run.from(e.add(run.column, half)));
    };
    e.forRuns(half, body, /*isWide=*/true);
  });
}

static void expand(kernel::RopeOp op, RowEmitter &e) {
  int64_t half = RowEmitter::staticColumns(op.getTable()) / 2;
  e.forRows(op.getOut(), [&](Value row) {
    e.loop(e.index(0), e.columnsOf(op.getOut()), op.getHead(), [&](Value head) {
      e.forRuns(half, [&](Run run) {
        Run low = run.from(e.add(e.add(head, run.column), static_cast<int64_t>(op.getFrom())));
        Run high = run.from(e.add(low.column, half));
        Value x = e.load(op.getOut(), row, low), y = e.load(op.getOut(), row, high);
        Value cosine = e.load(op.getTable(), row, run);
        Value sine = e.load(op.getTable(), row, run.from(e.add(run.column, half)));
        e.store(e.sub(e.mul(x, cosine), e.mul(y, sine)), op.getOut(), row, low);
        e.store(e.add(e.mul(y, cosine), e.mul(x, sine)), op.getOut(), row, high);
      });
    });
  });
}

void addRope(Expansions &table) { table.add<kernel::RopeTableOp, kernel::RopeOp>(); }

} // namespace lathe
