#include "compiler/targets/cpu/kernels/VectorEmitter.h"

using namespace lathe;

void VectorEmitter::forRows(Value memref, function_ref<void(Value row)> body) {
  if (mlir::cast<MemRefType>(memref.getType()).getDimSize(0) == 1)
    return body(index(0));
  loop(index(0), rowsOf(memref), 1, body);
}

void VectorEmitter::forRuns(Value memref, function_ref<void(Run run)> body) {
  if (int64_t columns = staticColumns(memref); !ShapedType::isDynamic(columns))
    return forRuns(columns, body, /*isWide=*/false);
  // Vectors, then single values.
  Value end = columnsOf(memref), whole = mul(div(end, index(kLanes)), kLanes);
  loop(index(0), whole, kLanes, [&](Value column) { body({column, kLanes}); });
  loop(whole, end, 1, [&](Value column) { body({column, 1}); });
}

void VectorEmitter::forRuns(int64_t columns, function_ref<void(Run run)> body, bool isWide) {
  int64_t lanes = countFor(columns, isWide);
  loop(index(0), index(columns), lanes, [&](Value column) { body({column, lanes}); });
}

Value VectorEmitter::sum(Value begin, int64_t columns, int64_t chains, function_ref<Value(Run run, Value sum)> add) {
  int64_t lanes = lanesFor(columns);
  if (columns % (chains * lanes))
    chains = 1;
  SmallVector<Value> none(chains, number(f32s(lanes), 0));
  SmallVector<Value> sums = loop(index(0), index(columns), chains * lanes, none, [&](Value column, ValueRange before) {
    SmallVector<Value> sums(before);
    for (auto [chain, sum] : llvm::enumerate(sums)) {
      Value at = Emitter::add(Emitter::add(begin, column), chain * lanes);
      sum = add({at, lanes}, sum);
    }
    return sums;
  });
  for (Value sum : ArrayRef(sums).drop_front())
    sums[0] = Emitter::add(sums[0], sum);
  return sum(sums[0]);
}

Value VectorEmitter::load(Value memref, ValueRange at, int64_t count) {
  return load(vec(count, mlir::cast<MemRefType>(memref.getType()).getElementType()), memref, at);
}

Value VectorEmitter::loadWeight(Value weight, Run run) {
  auto [segment, offset] = getSegmentAndOffset(weight);
  Value bytes = load(i8s(4 * run.count), segment, add(offset, mul(run.column, 4)));
  return bitcast(f32s(run.count), bytes);
}

SmallVector<Value> VectorEmitter::transpose(SmallVector<Value> rows) {
  constexpr int64_t n = kLanes;
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < n / 2; ++i) {
    low.append({i, n + i});
    high.append({n / 2 + i, n + n / 2 + i});
  }
  for (int64_t round = 1; round < n; round *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < n / 2; ++i)
      for (ArrayRef<int64_t> half : {ArrayRef(low), ArrayRef(high)})
        next.push_back(vector::ShuffleOp::create(*this, rows[i], rows[i + n / 2], half));
    rows = next;
  }
  return rows;
}

Value VectorEmitter::asRows(Value row, int64_t columns) {
  auto type = mlir::cast<MemRefType>(row.getType());
  int64_t parts = type.getDimSize(1) / columns;
  if (parts == 1)
    return row;
  Value line = memref::CollapseShapeOp::create(*this, row, ArrayRef<ReassociationIndices>{{0, 1}});
  return memref::ExpandShapeOp::create(*this, {parts, columns}, line, ArrayRef<ReassociationIndices>{{0, 1}});
}

Value VectorEmitter::asLine(Value rows) {
  Type element = mlir::cast<MemRefType>(rows.getType()).getElementType();
  auto layout = StridedLayoutAttr::get(getContext(), ShapedType::kDynamic, 1);
  Value line = memref::CollapseShapeOp::create(*this, rows, ArrayRef<ReassociationIndices>{{0, 1}});
  return memref::CastOp::create(*this, MemRefType::get({ShapedType::kDynamic}, element, layout), line);
}
