//===- Embed.cpp - rows of a packed table -------------------------------------------------------------------------===//
//
// A row is spread over its panel, so values are read one by one: an embedding is a thousandth of a step's work.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/codegen/kernels/PackedRow.h"
#include "compiler/targets/cpu/kernels/Kernels.h"

using namespace lathe;

void lathe::readRow(VectorEmitter &e, Value matrix, Value id, function_ref<void(Value column, Value value)> put,
                    Value expert) {
  PackedRow row(e, matrix, id, expert);
  const FormatInfo &info = row.type.getInfo();
  const int64_t columns = row.type.getColumns();
  Value zero = e.index(0);
  if (!info.isQuantised()) {
    e.loop(zero, e.index(columns), 1, [&](Value k) { put(k, row.at(k)); });
    return;
  }
  e.loop(zero, e.index(columns / info.block), 1, [&](Value number) {
    Value block = row.getBlock(number);
    PackedRow::Factors factors = row.getFactors(block);
    e.loop(zero, e.index(info.block / 32), 1, [&](Value run) {
      Value first = e.add(e.mul(number, info.block), e.mul(run, 32));
      e.loop(zero, e.index(32), 1, [&](Value k) { put(e.add(first, k), row.inRun(block, factors, run, k)); });
    });
  });
}

void lathe::expand(kernel::EmbedOp op, VectorEmitter &e) {
  Value scale = e.number(e.getF32Type(), op.getScale().convertToDouble());
  e.forRows(op.getOut(), [&](Value row) {
    Value id = e.cast(e.loadScalar(op.getIds(), {row, e.index(0)}), e.getIndexType());
    int64_t rows = cast<lm::WeightType>(op.getTable().getType()).getRows();
    id = e.select(e.less(id, e.index(rows)), id, e.index(0));
    readRow(e, op.getTable(), id, [&](Value column, Value value) {
      memref::StoreOp::create(e, e.mul(value, scale), op.getOut(), ValueRange{row, column});
    });
  });
}

void lathe::expand(kernel::AddPositionsOp op, VectorEmitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    readRow(e, op.getTable(), e.add(op.getPosition(), row), [&](Value column, Value value) {
      Value x = e.loadScalar(op.getOut(), {row, column});
      memref::StoreOp::create(e, e.add(x, value), op.getOut(), ValueRange{row, column});
    });
  });
}

void lathe::expand(kernel::ValuesOp op, VectorEmitter &e) {
  auto store = [&](Value row, Value column, Value value) {
    memref::StoreOp::create(e, value, op.getOut(), ValueRange{row, column});
  };
  auto type = cast<lm::WeightType>(op.getWeight().getType());
  if (!type.isVector()) {
    e.loop(e.index(0), e.index(type.getExperts()), 1, [&](Value expert) {
      e.loop(e.index(0), e.index(type.getRows()), 1, [&](Value row) {
        Value at = e.add(e.mul(expert, type.getRows()), row);
        readRow(
            e, op.getWeight(), row, [&](Value column, Value value) { store(at, column, value); },
            type.isExperts() ? expert : Value());
      });
    });
    return;
  }
  auto [segment, offset] = getSegmentAndOffset(op.getWeight());
  e.loop(e.index(0), e.index(type.getRows()), 1, [&, segment = segment, offset = offset](Value column) {
    store(e.index(0), column, e.loadBytes(e.getF32Type(), segment, e.add(offset, e.mul(column, 4))));
  });
}
