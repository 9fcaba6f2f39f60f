//===- Embed.cpp - rows of packed matrices ------------------------------------------------------------------------===//
//
// The threads of a block divide the columns of a row. A row is spread over its panel, so each value is a load of its
// own; a thread begins several of them before it uses the first.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/codegen/kernels/PackedRow.h"
#include "compiler/targets/cuda/kernels/Kernels.h"

using namespace lathe;

/// Calls put(column, value) for each column of row `id`. `expert` selects one of several matrices.
static void readRow(BlockEmitter &e, Value matrix, Value id, function_ref<void(Value column, Value value)> put,
                    Value expert = {}) {
  constexpr int64_t kUnrolled = 8;
  PackedRow row(e, matrix, id, expert);
  const int64_t columns = row.type.getColumns(), threads = e.getThreads();
  const int64_t count = std::min<int64_t>(kUnrolled, llvm::divideCeil(columns, threads));
  const bool isWhole = columns % (count * threads) == 0;
  Value end = e.index(columns);
  e.loop(e.thread(), end, count * threads, [&](Value first) {
    SmallVector<Value> values;
    for (int64_t i = 0; i < count; ++i) {
      Value column = e.add(first, i * threads);
      values.push_back(row.at(i == 0 || isWhole ? column : e.minimum(column, e.index(columns - 1))));
    }
    for (auto [i, value] : llvm::enumerate(values)) {
      Value column = e.add(first, int64_t(i) * threads);
      if (i == 0 || isWhole)
        put(column, value);
      else
        e.ifThen(e.less(column, end), [&, value = value] { put(column, value); });
    }
  });
}

void lathe::expand(kernel::EmbedOp op, BlockEmitter &e) {
  Value scale = e.number(e.getF32Type(), op.getScale().convertToDouble());
  e.forRows(op.getOut(), [&](Value row) {
    Value id = e.cast(e.loadScalar(op.getIds(), {row, e.index(0)}), e.getIndexType());
    int64_t rows = cast<lm::WeightType>(op.getTable().getType()).getRows();
    id = e.select(e.less(id, e.index(rows)), id, e.index(0));
    readRow(e, op.getTable(), id,
            [&](Value column, Value value) { e.store(e.mul(value, scale), op.getOut(), {row, column}); });
  });
}

void lathe::expand(kernel::AddPositionsOp op, BlockEmitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    readRow(e, op.getTable(), e.add(op.getPosition(), row), [&](Value column, Value value) {
      Value x = e.loadScalar(op.getOut(), {row, column});
      e.store(e.add(x, value), op.getOut(), {row, column});
    });
  });
}

void lathe::expand(kernel::ValuesOp op, BlockEmitter &e) {
  auto type = cast<lm::WeightType>(op.getWeight().getType());
  if (type.isVector()) {
    e.forRuns(type.getRows(),
              [&](Run run) { e.store(e.loadWeight(op.getWeight(), run), op.getOut(), e.index(0), run); });
    return;
  }
  e.loop(e.index(0), e.index(type.getExperts()), 1, [&](Value expert) {
    e.loop(e.index(0), e.index(type.getRows()), 1, [&](Value row) {
      Value at = e.add(e.mul(expert, type.getRows()), row);
      readRow(
          e, op.getWeight(), row, [&](Value column, Value value) { e.store(value, op.getOut(), {at, column}); },
          type.isExperts() ? expert : Value());
    });
  });
}
