//===- Append.cpp - keys and values enter the cache, and are read back --------------------------------------------===//
//
// The threads of a block divide the values of all rows among themselves: neighbouring threads have neighbouring values
// of a row.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/codegen/kernels/CacheAddress.h"
#include "compiler/targets/cuda/kernels/Kernels.h"
#include "dialects/lm/Layout.h"

using namespace lathe;

/// Visits the values of rows that hold one head after another.
static void forValues(BlockEmitter &e, Value rows, int64_t dim,
                      function_ref<void(Value row, Value column, Value head, Value i)> body) {
  Value columns = e.columnsOf(rows);
  e.forThreads(e.index(0), e.mul(e.rowsOf(rows), columns), [&](Value value) {
    Value column = e.rem(value, columns);
    body(e.div(value, columns), column, e.div(column, e.index(dim)), e.rem(column, e.index(dim)));
  });
}

void lathe::expand(kernel::AppendOp op, BlockEmitter &e) {
  auto type = cast<lm::CacheType>(op.getCache().getType());
  Value segment = getSegmentAndOffset(op.getCache()).first;
  forValues(e, op.getInput(), type.getDim(), [&](Value row, Value column, Value head, Value i) {
    Value value = e.loadScalar(op.getInput(), {row, column});
    Value at =
        cacheAddress(e, op.getCache(), op.getValues(), e.add(op.getPosition(), row), e.add(op.getHead(), head), i);
    e.storeBytes(type.getElement().isBF16() ? e.toBF16(value) : value, segment, at);
  });
}

void lathe::expand(kernel::CachedOp op, BlockEmitter &e) {
  auto type = cast<lm::CacheType>(op.getCache().getType());
  Value segment = getSegmentAndOffset(op.getCache()).first;
  const int64_t dim = op.getValues() ? type.getValueDim() : type.getDim();
  forValues(e, op.getOut(), dim, [&](Value position, Value column, Value head, Value i) {
    Value at = cacheAddress(e, op.getCache(), op.getValues(), position, head, i), value;
    if (type.getElement().isF32()) {
      value = e.loadBytes(e.getF32Type(), segment, at, /*alignment=*/4);
    } else {
      // A bf16 is the upper half of an f32.
      Value bits = e.loadBytes(e.getI16Type(), segment, at, /*alignment=*/2);
      value = e.bitcast(e.getF32Type(), e.shl(e.extend(bits, e.getI32Type()), 16));
    }
    memref::StoreOp::create(e, value, op.getOut(), ValueRange{position, column});
  });
}
