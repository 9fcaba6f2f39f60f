//===- RowForms.cpp - rows as products take them ------------------------------------------------------------------===//

#include "compiler/codegen/schedule/Scheduler.h"
#include "dialects/lm/QuantizedRow.h"

using namespace mlir;
using namespace mlir::lm;
using lathe::QuantizedRow;

RowForm Scheduler::formFor(WeightType type) {
  switch (target.getRows(type)) {
  case OperandEncoding::F32:
    return RowForm::F32;
  case OperandEncoding::BF16:
    return RowForm::BF16;
  case OperandEncoding::Q8:
    return RowForm::Codes;
  case OperandEncoding::Q16:
    return RowForm::WideCodes;
  }
  llvm_unreachable("all encodings are above");
}

Type Scheduler::elementOf(RowForm form) {
  return form == RowForm::F32    ? Type(builder.getF32Type())
         : form == RowForm::BF16 ? Type(builder.getBF16Type())
                                 : builder.getI8Type();
}

static bool areCodes(RowForm form) { return form == RowForm::Codes || form == RowForm::WideCodes; }

static StringRef suffixOf(RowForm form) {
  return form == RowForm::BF16 ? ".bf16" : form == RowForm::Codes ? ".codes" : ".wide_codes";
}

OpFoldResult Scheduler::columnsIn(RowForm form, OpFoldResult columns) {
  if (!areCodes(form))
    return columns;
  QuantizedRow layout(form == RowForm::WideCodes);
  if (std::optional<int64_t> known = getConstantIntValue(columns))
    return builder.getIndexAttr(layout.bytesOf(*known));
  Value blocks = arith::DivUIOp::create(builder, loc, cast<Value>(columns), constant(QuantizedRow::kBlock));
  return arith::MulIOp::create(builder, loc, blocks, constant(layout.blockBytes)).getResult();
}

void Scheduler::convert(RowForm form, Value from, Value to) {
  if (areCodes(form))
    kernel::QuantizeOp::create(builder, loc, from, to, form == RowForm::WideCodes);
  else
    kernel::RoundOp::create(builder, loc, from, to);
}

spmd::BufferOp Scheduler::inputFor(Value value, Value weight) {
  RowForm form = formFor(cast<WeightType>(weight.getType()));
  spmd::BufferOp rowsIn = bufferOf(value);
  if (form == RowForm::F32)
    return rowsIn;
  spmd::BufferOp &entry = forms[{value, form}];
  if (!entry) {
    spmd::BufferOp out = entry = formBuffer(rowsIn.getSymName(), value, form);
    rowwise.push_back(
        [=, this](Value row, Value count) { convert(form, readRows(rowsIn, row, count), writeRows(out, row, count)); });
  }
  return entry;
}

spmd::BufferOp Scheduler::formBuffer(const Twine &suffix, Value value, RowForm form) {
  int64_t columns = *getConstantIntValue(columnsIn(form, builder.getIndexAttr(columnsOf(value))));
  return rowsBuffer(suffix + suffixOf(form), columns, elementOf(form));
}

llvm::SmallSetVector<RowForm, 2> Scheduler::takenForms(Value value) {
  llvm::SmallSetVector<RowForm, 2> taken;
  for (Operation *user : value.getUsers()) {
    if (!isa<QKVOp, LinearOp, GatedLinearOp>(user) || isDecomposed(user)) {
      taken.insert(RowForm::F32);
      continue;
    }
    for (Type type : user->getOperandTypes())
      if (auto matrix = dyn_cast<WeightType>(type); matrix && matrix.isMatrix())
        taken.insert(formFor(matrix));
  }
  return taken;
}

bool Scheduler::canConvertTiles(RowForm form, int64_t step) const {
  return !replicates && (form == RowForm::BF16 || (areCodes(form) && step % QuantizedRow::kBlock == 0));
}

Scheduler::Outlet Scheduler::outletFor(Value value, const Twine &suffix, int64_t mostRows, int64_t step) {
  Outlet outlet{{}, {}, std::min(mostRows, maxRows), step};
  bool needsRows = false;
  for (RowForm form : takenForms(value))
    if (canConvertTiles(form, step))
      outlet.forms.push_back({form, forms[{value, form}] = formBuffer(suffix, value, form)});
    else
      needsRows = true;
  if (needsRows || outlet.forms.empty())
    outlet.rows = isPending(value) ? pending(columnsOf(value)) : arenaBuffer(suffix, columnsOf(value));
  // Nobody looks at f32 in a room.
  buffers[value] = outlet.rows ? outlet.rows : outlet.forms.front().second;
  return outlet;
}

void Scheduler::put(const Outlet &outlet, Value row, Value column, OpFoldResult count, OpFoldResult width,
                    function_ref<void(Value out)> fill, bool rounds) {
  if (rounds && !outlet.rows && outlet.forms.size() == 1 && outlet.forms[0].first == RowForm::BF16)
    return fill(write(outlet.forms[0].second, row, column, count, width));
  spmd::BufferOp to = outlet.rows;
  OpFoldResult at = row, first = column;
  if (!to) {
    to = buffer("outlet." + Twine(outlet.step), outlet.mostRows, outlet.step, builder.getF32Type(),
                spmd::Space::Scratch);
    at = first = builder.getIndexAttr(0);
  }
  fill(write(to, at, first, count, width));
  for (auto [form, out] : outlet.forms)
    convert(form, read(to, at, first, count, width),
            write(out, row, columnsIn(form, column), count, columnsIn(form, width)));
}
