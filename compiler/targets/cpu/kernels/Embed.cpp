//===- Embed.cpp - rows of a packed table -------------------------------------------------------------------------===//
//
// A row is spread over its panel, so values are read one by one: an embedding is a thousandth of a step's work.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cpu/kernels/Kernels.h"

using namespace lathe;

namespace {

struct RowReader {
  VectorEmitter &e;
  lm::WeightType type;
  PanelLayout layout{type};
  Value segment = {}, panel = {}, lane = {}; // byte of the panel, row in it

  Value f32(Value bytes16, bool isBF16) {
    if (isBF16)
      return e.bitcast(e.getF32Type(), e.shl(e.extend(bytes16, e.getI32Type()), 16));
    return arith::ExtFOp::create(e, e.getF32Type(), e.bitcast(e.getF16Type(), bytes16));
  }
  Value f16At(Value base, int64_t offset) {
    Value at = e.add(e.add(base, offset), e.mul(lane, 2));
    return f32(e.loadBytes(e.getI16Type(), segment, at), false);
  }
  Value powerAt(Value base, int64_t offset) {
    Value bits = e.shl(byteAt(e.add(e.add(base, offset), lane)), 23);
    return e.mul(e.bitcast(e.getF32Type(), bits), e.number(e.getF32Type(), 0.5));
  }
  Value byteAt(Value base) { return e.extend(e.loadScalar(segment, base), e.getI32Type()); }

  /// The value of column k, for formats that are not quantised.
  Value plain(Value k) {
    int64_t bytes = type.getInfo().bits / 8, depth = layout.depth;
    Value step = e.div(k, e.index(depth)), within = e.rem(k, e.index(depth));
    Value value = e.add(e.mul(e.add(e.mul(step, layout.rows), lane), depth), within);
    Value at = e.add(e.add(panel, layout.scalesBytes), e.mul(value, bytes));
    if (type.getInfo().isScaled()) {
      Value bits = e.andBits(e.shl(e.extendSigned(e.loadScalar(segment, at), e.getI16Type()), 7), 0xbfff);
      Value scale = e.loadBytes(e.getF32Type(), segment, e.add(panel, e.mul(e.div(k, e.index(kScaleBlock)), 4)));
      return e.mul(f32(bits, false), scale);
    }
    if (bytes == 4)
      return e.loadBytes(e.getF32Type(), segment, at);
    return f32(e.loadBytes(e.getI16Type(), segment, at), type.getFormat() == Format::BF16);
  }

  /// The quantised value of column k < 32 of the run at `run`.
  Value quantised(Value run, Value k) {
    int bits = type.getInfo().bits;
    if (bits == 8) {
      Value step = e.div(k, e.index(layout.depth)), within = e.rem(k, e.index(layout.depth));
      return byteAt(e.add(run, e.add(e.mul(e.add(e.mul(step, layout.rows), lane), layout.depth), within)));
    }
    Value step = e.div(k, e.index(4)), position = e.add(e.mul(lane, 4), e.rem(k, e.index(4)));
    Value low = byteAt(e.add(run, e.add(e.mul(e.rem(step, e.index(4)), 4 * layout.rows), position)));
    Value isHigh = e.lessEqual(e.index(4), step);
    Value result = e.select(isHigh, e.shr(low, 4), e.andBits(low, 15));
    if (type.getInfo().hasTable()) {
      SmallVector<int32_t> numbers(std::begin(kMXFP4Values), std::end(kMXFP4Values));
      Value values = arith::ConstantOp::create(e, DenseIntElementsAttr::get(e.i32s(16), ArrayRef(numbers)));
      return vector::ExtractOp::create(e, values, e.cast(result, e.getIndexType()));
    }
    Value i32Step = e.cast(step, e.getI32Type()), high = e.add(run, layout.highOffset);
    if (bits == 5) {
      Value bit = e.andBits(arith::ShRUIOp::create(e, byteAt(e.add(high, position)), i32Step), 1);
      result = e.orBits(result, e.shl(bit, 4));
    } else if (bits == 6) {
      Value half = e.mul(e.div(step, e.index(4)), 4 * layout.rows);
      Value shift = e.mul(e.andBits(i32Step, 3), 2);
      Value two = e.andBits(arith::ShRUIOp::create(e, byteAt(e.add(high, e.add(half, position))), shift), 3);
      result = e.orBits(result, e.shl(two, 4));
    }
    return result;
  }
};

} // namespace

void lathe::readRow(VectorEmitter &e, Value matrix, Value id, function_ref<void(Value column, Value value)> put,
                    Value expert) {
  auto type = cast<lm::WeightType>(matrix.getType());
  const FormatInfo &info = type.getInfo();
  auto [segment, offset] = getSegmentAndOffset(matrix);
  if (expert)
    offset = e.add(offset, e.mul(expert, getExpertBytes(type)));
  Value zero = e.index(0);
  RowReader reader{e, type};
  const PanelLayout &layout = reader.layout;
  reader.segment = segment;
  reader.panel = e.add(offset, e.mul(e.div(id, e.index(layout.rows)), layout.panelBytes));
  reader.lane = e.rem(id, e.index(layout.rows));
  if (!info.isQuantised()) {
    e.loop(zero, e.index(type.getColumns()), 1, [&](Value k) { put(k, reader.plain(k)); });
    return;
  }
  int64_t runs = info.block / 32;
  e.loop(zero, e.index(type.getColumns() / info.block), 1, [&](Value block) {
    Value base = e.add(reader.panel, e.mul(block, layout.blockBytes));
    int64_t scales = info.subscales ? 0 : layout.codesBytes;
    Value d = info.hasTable() ? reader.powerAt(base, scales) : reader.f16At(base, scales);
    Value m = info.minimum ? reader.f16At(base, scales + 2 * layout.rows) : Value();
    e.loop(zero, e.index(runs), 1, [&](Value run) {
      Value at = e.add(e.add(base, layout.headBytes), e.mul(run, layout.runBytes));
      Value first = e.add(e.mul(block, info.block), e.mul(run, 32));
      e.loop(zero, e.index(32), 1, [&](Value k) {
        Value groupScale = d, groupMinimum = m;
        if (info.subscales) {
          Value sub = e.add(e.add(at, layout.codesBytes), reader.lane);
          if (info.group == 16)
            sub = e.add(sub, e.mul(e.div(k, e.index(16)), layout.rows));
          Value byte = e.loadScalar(segment, sub);
          Value integer = info.minimum ? e.extend(byte, e.getI32Type()) : e.extendSigned(byte, e.getI32Type());
          groupScale = e.mul(d, e.toF32(integer));
          if (info.minimum)
            groupMinimum = e.mul(m, e.toF32(reader.byteAt(e.add(sub, layout.rows))));
        }
        Value value = e.mul(groupScale, e.toF32(e.add(reader.quantised(at, k), -info.offset)));
        if (groupMinimum)
          value = e.sub(value, groupMinimum);
        put(e.add(first, k), value);
      });
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
