//===- Matmul.cpp - products of rows with packed panels -----------------------------------------------------------===//
//
// One function per (segment, format, depth), whose body ProductEmitter writes.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cpu/kernels/ProductEmitter.h"

using namespace lathe;

/// The number of rows if it is worth a function of its own, or else dynamic. Query heads of one row that share a KV
/// head are worth it: their loops are short, and the branches for any number of rows take a seventh of the time
/// (docs/experiments/2026-11-27-shared-heads-code.md).
static int64_t ownRows(const Product &product) {
  int64_t rows = cast<MemRefType>(product.input.getType()).getDimSize(0);
  return product.panels == Panels::Cache ? rows : ShapedType::kDynamic;
}

void ProductEmitter::run() {
  Value zero = e.index(0), rows = e.rowsOf(input), outputs = e.columnsOf(out);
  Value panelCount = e.ceilDiv(outputs, e.index(R));
  RegisterTile registers = cpu.getTile(shape.format);
  if (info.isQuantised()) {
    reader.emplace(e, segment, shape.format, shape.depth, !cpu.widensBytes());
    rowReader.emplace(e, input, reader->hasWideValues());
  }

  // The rows of a tile stay in the first cache while they are multiplied by the panels of a group, which come from the
  // second. Panels of a KV cache have no groups: all rows prefetch the next panel.
  auto panels = [&](Value begin, Value end, int64_t width) {
    int64_t groupSize =
        shape.panels == Panels::Cache ? width : std::max(cpu.registers.groupPanels / width * width, width);
    groupStride = e.mul(panelStride, groupSize);
    e.loop(begin, end, groupSize, [&](Value group) {
      Value done = zero, groupEnd = e.minimum(e.add(group, groupSize), end);
      auto tileAt = [&](Value row, int64_t count, Value panel) {
        Values bases;
        for (int64_t p = 0; p < width; ++p)
          bases.push_back(e.add(offset, e.mul(e.add(panel, p), panelStride)));
        panelNumber = panel;
        storeTile(row, count, e.mul(panel, R), tile(row, count, bases));
      };
      auto tiles = [&](int64_t count, Value begin, Value end, bool prefetches) {
        isPrefetching = prefetches;
        e.loop(begin, end, count, [&](Value row) {
          if (groupSize == width)
            return tileAt(row, count, group);
          e.loop(group, groupEnd, width, [&](Value panel) { tileAt(row, count, panel); });
        });
      };
      int64_t known = ownRows(shape); // rows; negative: any number
      for (int64_t count = registers.rows; count >= 1; count = count > 4 ? count / 2 : count - 1) {
        Value rest = e.sub(rows, done), end = e.sub(rows, count == 1 ? zero : e.rem(rest, e.index(count)));
        // The first rows read the panel from memory, the rows after them from a cache, so only the first tile
        // prefetches. For quantised values, intTile has a branch in each block. A loop over floats has no room for a
        // branch, so its first tile is a separate loop.
        bool isApart = count == registers.rows && count > 1 && !info.isQuantised();
        if (isApart) {
          Value first = e.minimum(end, e.index(count));
          tiles(count, done, first, true);
          done = first;
        }
        tiles(count, done, end, !isApart && (known < 0 || known >= count));
        if (known >= count)
          known = 0;
        done = end;
      }
    });
  };
  if (registers.panels == 1)
    return panels(zero, panelCount, 1);
  Value whole = e.mul(e.div(panelCount, e.index(registers.panels)), registers.panels);
  panels(zero, whole, registers.panels);
  panels(whole, panelCount, 1);
}

void ProductEmitter::storeTile(Value first, int64_t count, Value output, ArrayRef<Value> sums) {
  int64_t panels = sums.size() / count;
  for (int64_t p = 0; p < panels; ++p) {
    Value column = e.add(output, p * R), left = e.sub(e.columnsOf(out), column);
    auto whole = [&] {
      for (int64_t i = 0; i < count; ++i) {
        Value sum = sums[i * panels + p];
        if (shape.accumulates)
          sum = e.add(sum, e.load(e.f32s(), out, {row(first, i), column}));
        e.store(sum, out, {row(first, i), column});
      }
    };
    auto part = [&] {
      Value mask = vector::CreateMaskOp::create(e, e.vec(R, e.getI1Type()), left);
      for (int64_t i = 0; i < count; ++i) {
        Value sum = sums[i * panels + p], at = row(first, i);
        if (shape.accumulates) {
          Value old =
              vector::MaskedLoadOp::create(e, e.f32s(), out, ValueRange{at, column}, mask, e.number(e.f32s(), 0));
          sum = e.add(sum, old);
        }
        vector::MaskedStoreOp::create(e, out, ValueRange{at, column}, mask, sum);
      }
    };
    e.ifThen(e.lessEqual(e.index(R), left), whole, part);
  }
}

ProductEmitter::Values ProductEmitter::tile(Value row, int64_t count, ArrayRef<Value> panels) {
  if (info.isQuantised())
    return intTile(row, count, panels);
  bool isRounded = shape.isPaired || cast<MemRefType>(input.getType()).getElementType().isBF16();
  if (info.isScaled())
    return scaledTile(row, count, panels);
  return isRounded ? bf16Tile(row, count, panels) : floatTile(row, count, panels, e.index(0), columns);
}

static MemRefType anyRows(Type element, int64_t rows) {
  auto layout = StridedLayoutAttr::get(element.getContext(), ShapedType::kDynamic, {ShapedType::kDynamic, 1});
  return MemRefType::get({rows, ShapedType::kDynamic}, element, layout);
}

func::FuncOp ProductLibrary::get(const Product &product, bool isBlocked) {
  auto segmentType = cast<MemRefType>(product.segment.getType());
  Type element = cast<MemRefType>(product.input.getType()).getElementType();
  int64_t rows = ownRows(product);
  constexpr StringLiteral names[] = {"product.", "attend.", "make.", "scratch."};
  StringRef kind = isBlocked ? StringRef("blocked.") : StringRef(names[static_cast<size_t>(product.panels)]);
  // Memory of each kind has its own type, so each kind of panels has functions of its own. A bf16 dot product takes
  // other rows than bf16 widened to f32.
  std::string name = (kind + getFormatInfo(product.format).name + "." + Twine(product.depth) +
                      (product.isPaired   ? ".paired"
                       : element.isBF16() ? ".dot"
                                          : "") +
                      (rows == ShapedType::kDynamic ? std::string() : "." + std::to_string(rows)) +
                      (product.accumulates ? ".add" : "") + (product.prefetch.offset ? ".prefetch" : ""))
                         .str();
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  OpBuilder builder(module.getContext());
  builder.setInsertionPointToEnd(module.getBody());
  VectorEmitter e(UnknownLoc::get(module.getContext()), builder);
  Type index = e.getIndexType();
  SmallVector<Type> types = {segmentType, index, index, index, anyRows(element, rows), anyRows(e.getF32Type(), rows)};
  if (product.prefetch.offset)
    types.append(3, index);
  auto function = func::FuncOp::create(e, name, e.getFunctionType(types, {}));
  function.setPrivate();
  e.setInsertionPointToEnd(function.addEntryBlock());
  if (isBlocked)
    emitBlockedProduct(e, cpu, product, function);
  else
    ProductEmitter(e, cpu, product, function).run();
  func::ReturnOp::create(e);
  return function;
}

void ProductLibrary::call(VectorEmitter &e, const Product &product) {
  auto general = [&](Value rows) -> Value {
    Type element = cast<MemRefType>(rows.getType()).getElementType();
    return memref::CastOp::create(e, anyRows(element, ownRows(product)), rows);
  };
  auto callOne = [&](bool isBlocked) {
    SmallVector<Value> operands = {product.segment, product.offset,         product.panelStride,
                                   product.columns, general(product.input), general(product.out)};
    if (const auto &[offset, panelStride, runStride] = product.prefetch; offset)
      operands.append({offset, panelStride, runStride});
    func::CallOp::create(e, get(product, isBlocked), operands);
  };
  int64_t many = cpu.blocked.minRows, rows = cast<MemRefType>(product.input.getType()).getDimSize(0);
  bool isStatic = !ShapedType::isDynamic(rows);
  if (!getFormatInfo(product.format).isQuantised() || !many || (isStatic && rows < many))
    return callOne(false);
  if (isStatic)
    return callOne(true);
  e.ifThen(e.less(e.rowsOf(product.input), e.index(many)), [&] { callOne(false); }, [&] { callOne(true); });
}

void lathe::expand(kernel::MatmulOp op, VectorEmitter &e, KernelContext &context) {
  auto type = cast<lm::WeightType>(op.getWeight().getType());
  PanelLayout layout(type);
  auto [segment, offset] = getSegmentAndOffset(op.getWeight());
  Value first = e.div(op.getFirst(), e.index(layout.rows));
  Value at = e.add(offset, e.mul(first, layout.panelBytes));
  auto product = [&, segment = segment](Value at) {
    context.products.call(e, {segment, at, e.index(layout.panelBytes), e.index(type.getColumns()), op.getInput(),
                              op.getOut(), type.getFormat(), layout.depth});
  };
  if (op.getHead())
    return product(e.add(at, e.mul(op.getHead(), getExpertBytes(type))));
  if (!op.getExpert())
    return product(at);
  e.forExpert(op.getExpert(), [&](Value number) { product(e.add(at, e.mul(number, getExpertBytes(type)))); });
}
