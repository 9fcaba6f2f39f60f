#include "compiler/codegen/schedule/Operands.h"
#include "dialects/lm/QuantizedRow.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::lm;
using lathe::QuantizedRow;

static bool isQuantised(OperandEncoding encoding) {
  return encoding == OperandEncoding::Q8 || encoding == OperandEncoding::Q16;
}

Type lm::elementOf(ScheduleBuilder &b, OperandEncoding encoding) {
  return isQuantised(encoding)               ? Type(b.getI8Type())
         : encoding == OperandEncoding::BF16 ? Type(b.getBF16Type())
                                             : b.getF32Type();
}

OpFoldResult lm::encodedColumns(ScheduleBuilder &b, OperandEncoding encoding, OpFoldResult columns) {
  if (!isQuantised(encoding))
    return columns;
  QuantizedRow layout(encoding == OperandEncoding::Q16);
  if (std::optional<int64_t> known = getConstantIntValue(columns))
    return b.getIndexAttr(layout.bytesOf(*known));
  Value blocks = arith::DivUIOp::create(b, cast<Value>(columns), b.constant(QuantizedRow::kBlock));
  return b.times(blocks, layout.blockBytes);
}

void lm::encode(ScheduleBuilder &b, OperandEncoding encoding, Value from, Value to) {
  if (isQuantised(encoding))
    kernel::QuantizeOp::create(b, from, to, encoding == OperandEncoding::Q16);
  else
    kernel::RoundOp::create(b, from, to);
}

static spmd::BufferOp makeEncodedBuffer(ScheduleBuilder &b, const Twine &name, Value value, OperandEncoding encoding) {
  int64_t columns = *getConstantIntValue(encodedColumns(b, encoding, b.getIndexAttr(columnsOf(value))));
  return b.rowsBuffer(name + "." + stringifyOperandEncoding(encoding), columns, elementOf(b, encoding));
}

spmd::BufferOp lm::operandFor(ScheduleBuilder &b, Value value, Value weight) {
  OperandEncoding encoding = b.options.target.getRows(cast<WeightType>(weight.getType()));
  spmd::BufferOp rows = b.bufferOf(value);
  if (encoding == OperandEncoding::F32)
    return rows;
  spmd::BufferOp &known = b.encodedBuffer(value, encoding);
  if (!known) {
    spmd::BufferOp out = known = makeEncodedBuffer(b, rows.getSymName(), value, encoding);
    b.onRows([=, &b](Value row, Value count) {
      encode(b, encoding, b.readRows(rows, row, count), b.writeRows(out, row, count));
    });
  }
  return known;
}

/// All encodings in which products read the value.
static llvm::SmallSetVector<OperandEncoding, 2> encodingsOf(ScheduleBuilder &b, Value value) {
  llvm::SmallSetVector<OperandEncoding, 2> used;
  for (Operation *user : value.getUsers()) {
    if (!isa<QKVOp, LinearOp, GatedLinearOp>(user) || b.isDecomposed(user)) {
      used.insert(OperandEncoding::F32);
      continue;
    }
    for (Type type : user->getOperandTypes())
      if (auto matrix = dyn_cast<WeightType>(type); matrix && matrix.isMatrix())
        used.insert(b.options.target.getRows(matrix));
  }
  return used;
}

bool lm::canEncodeTiles(ScheduleBuilder &b, OperandEncoding encoding, int64_t step) {
  bool isWholeBlocks = isQuantised(encoding) && step % QuantizedRow::kBlock == 0;
  return !b.hasFewRows && (encoding == OperandEncoding::BF16 || isWholeBlocks);
}

TileDestination lm::destinationFor(ScheduleBuilder &b, Value value, const Twine &name, int64_t maxRows, int64_t step) {
  TileDestination to{{}, {}, std::min(maxRows, b.options.maxRows), step};
  bool needsRows = false;
  for (OperandEncoding encoding : encodingsOf(b, value))
    if (canEncodeTiles(b, encoding, step))
      to.encoded.push_back({encoding, b.encodedBuffer(value, encoding) = makeEncodedBuffer(b, name, value, encoding)});
    else
      needsRows = true;
  if (needsRows || to.encoded.empty())
    to.rows = b.outputBuffer(value, name);
  // f32 in scratch is a tile's own: no other op reads it.
  b.setBuffer(value, to.rows ? to.rows : to.encoded.front().second);
  return to;
}

void lm::fillTile(ScheduleBuilder &b, const TileDestination &to, const TilePart &part,
                  function_ref<void(Value out)> fill, bool rounds) {
  if (rounds && !to.rows && to.encoded.size() == 1 && to.encoded[0].first == OperandEncoding::BF16)
    return fill(b.write(to.encoded[0].second, part.row, part.column, part.rows, part.columns));
  spmd::BufferOp rows = to.rows;
  OpFoldResult row = part.row, column = part.column;
  if (!rows) {
    rows = b.buffer("tile." + Twine(to.step), to.maxRows, to.step, b.getF32Type(), spmd::Space::Scratch);
    row = column = b.getIndexAttr(0);
  }
  fill(b.write(rows, row, column, part.rows, part.columns));
  for (auto [encoding, out] : to.encoded)
    encode(b, encoding, b.read(rows, row, column, part.rows, part.columns),
           b.write(out, part.row, encodedColumns(b, encoding, part.column), part.rows,
                   encodedColumns(b, encoding, part.columns)));
}
