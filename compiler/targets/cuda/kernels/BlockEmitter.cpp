#include "compiler/targets/cuda/kernels/BlockEmitter.h"

using namespace lathe;

Value BlockEmitter::thread() {
  return cast(NVVM::ThreadIdXOp::create(*this, getI32Type()).getResult(), getIndexType());
}

static Value shuffle(BlockEmitter &e, NVVM::ShflKind kind, Value value, Value lanes) {
  auto i32 = [&](int64_t number) { return e.number(e.getI32Type(), number); };
  return NVVM::ShflOp::create(e, value.getType(), i32(-1), value, lanes, i32(31), kind, UnitAttr());
}

Value BlockEmitter::exchange(Value value, int64_t mask) {
  return shuffle(*this, NVVM::ShflKind::bfly, value, number(getI32Type(), mask));
}

Value BlockEmitter::fromLane(Value value, Value lane) { return shuffle(*this, NVVM::ShflKind::idx, value, lane); }

Value BlockEmitter::combineLanes(Value value, int64_t lanes, function_ref<Value(Value, Value)> operation) {
  for (int64_t mask = lanes / 2; mask; mask /= 2)
    value = operation(value, exchange(value, mask));
  return value;
}

Value BlockEmitter::combine(Value value, function_ref<Value(Value, Value)> operation) {
  value = combineLanes(value, kWarp, operation);
  if (getWarps() == 1)
    return value;
  Value ofWarps = shared("warps", getWarps());
  sync(); // the values of the use before have been read
  ifThen(arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, lane(), index(0)),
         [&] { memref::StoreOp::create(*this, value, ofWarps, warp()); });
  sync();
  Value result = loadScalar(ofWarps, index(0));
  for (int64_t warp = 1; warp < getWarps(); ++warp)
    result = operation(result, loadScalar(ofWarps, index(warp)));
  return result;
}

Value BlockEmitter::shared(StringRef name, int64_t count, Type element) {
  const std::string symbol = ("shared." + name + "." + Twine(count)).str();
  auto type = MemRefType::get({count}, element ? element : getF32Type(), MemRefLayoutAttrInterface(),
                              getI64IntegerAttr(int64_t(NVVM::NVVMMemorySpace::Shared)));
  if (!module.lookupSymbol(symbol)) {
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(module.getBody());
    memref::GlobalOp::create(*this, symbol, getStringAttr("private"), type, /*initial_value=*/getUnitAttr(),
                             /*constant=*/false, /*alignment=*/getI64IntegerAttr(16));
  }
  return memref::GetGlobalOp::create(*this, type, symbol);
}

Value BlockEmitter::loadBytes(Type type, Value bytes, ValueRange at, int64_t alignment) {
  auto vector = dyn_cast<VectorType>(type);
  const int64_t count = vector ? vector.getNumElements() : 1;
  Type element = getElementTypeOrSelf(type);
  const int64_t total = count * element.getIntOrFloatBitWidth() / 8;
  if (total == 1)
    return bitcast(type, loadScalar(bytes, at));
  Value loaded = vector::LoadOp::create(*this, VectorType::get({total}, getI8Type()), bytes, at,
                                        /*nontemporal=*/false, llvm::MaybeAlign(alignment));
  Value values = bitcast(VectorType::get({count}, element), loaded);
  return vector ? values : vector::ExtractOp::create(*this, values, 0).getResult();
}

void BlockEmitter::storeBytes(Value value, Value bytes, ValueRange at) {
  const int64_t size = value.getType().getIntOrFloatBitWidth() / 8;
  Value one = vector::BroadcastOp::create(*this, VectorType::get({1}, value.getType()), value);
  vector::StoreOp::create(*this, bitcast(VectorType::get({size}, getI8Type()), one), bytes, at, /*nontemporal=*/false,
                          llvm::MaybeAlign(size));
}

SmallVector<Value> BlockEmitter::loadFour(Value rows, Value row, Value column) {
  constexpr int64_t kCount = 4;
  auto type = mlir::cast<MemRefType>(rows.getType());
  auto [strides, offset] = type.getStridesAndOffset();
  SmallVector<Value> values;
  if (!ShapedType::isDynamic(strides[0]) && strides[0] % kCount == 0) {
    Value four = vector::LoadOp::create(*this, VectorType::get({kCount}, getF32Type()), rows, ValueRange{row, column},
                                        /*nontemporal=*/false, llvm::MaybeAlign(16));
    for (int64_t i = 0; i < kCount; ++i)
      values.push_back(vector::ExtractOp::create(*this, four, i));
  } else {
    for (int64_t i = 0; i < kCount; ++i)
      values.push_back(loadScalar(rows, {row, Emitter::add(column, i)}));
  }
  return values;
}

SmallVector<Value> BlockEmitter::loadVector(int64_t count, Value memref, ValueRange at) {
  if (count == 1)
    return {loadScalar(memref, at)};
  Value vector = vector::LoadOp::create(*this, VectorType::get({count}, getF32Type()), memref, at,
                                        /*nontemporal=*/false, llvm::MaybeAlign(4 * count));
  SmallVector<Value> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(vector::ExtractOp::create(*this, vector, i));
  return values;
}

void BlockEmitter::storeVector(ArrayRef<Value> values, Value memref, ValueRange at) {
  Value vector = vector::FromElementsOp::create(*this, VectorType::get({int64_t(values.size())}, getF32Type()), values);
  vector::StoreOp::create(*this, vector, memref, at, /*nontemporal=*/false, llvm::MaybeAlign(4 * values.size()));
}

void BlockEmitter::forRows(Value memref, function_ref<void(Value row)> body) {
  if (mlir::cast<MemRefType>(memref.getType()).getDimSize(0) == 1)
    return body(index(0));
  loop(index(0), rowsOf(memref), 1, body);
}

void BlockEmitter::forRuns(Value memref, function_ref<void(Run run)> body) {
  forThreads(index(0), columnsOf(memref), [&](Value column) { body({column, 1}); });
}

void BlockEmitter::forRuns(int64_t columns, function_ref<void(Run run)> body, bool) {
  forThreads(columns, [&](Value column) { body({column, 1}); });
}

Value BlockEmitter::sum(Value begin, int64_t columns, int64_t, function_ref<Value(Run run, Value sum)> add) {
  Value none = number(getF32Type(), 0);
  SmallVector<Value> own = loop(thread(), index(columns), threads, none, [&](Value column, ValueRange before) {
    return SmallVector<Value>{add({Emitter::add(begin, column), 1}, before.front())};
  });
  return sumOfBlock(own.front());
}

Value BlockEmitter::loadWeight(Value weight, Run run) {
  auto [segment, offset] = getSegmentAndOffset(weight);
  return loadBytes(getF32Type(), segment, Emitter::add(offset, mul(run.column, 4)), /*alignment=*/4);
}
