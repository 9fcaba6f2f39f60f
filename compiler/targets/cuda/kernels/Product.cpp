//===- Product.cpp - products of a few rows with packed panels ---------------------------------------------------===//
//
// One function per (format, depth, rows). The warps of a block divide the columns of a panel among themselves: warp w
// of n takes steps w, w + n, ... The lanes of a warp that have the same outputs add up their sums by shuffles, the
// warps in shared memory. The order of additions depends on the number of threads, but not on the number of blocks.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cuda/kernels/Kernels.h"
#include "compiler/targets/cuda/kernels/LanePanel.h"

using namespace lathe;

namespace {

class ProductEmitter {
public:
  ProductEmitter(BlockEmitter &e, const CUDAInfo &gpu, Format format, int64_t depth, func::FuncOp function)
      : e(e), gpu(gpu), offset(function.getArgument(1)), panelStride(function.getArgument(2)),
        columns(function.getArgument(3)), input(function.getArgument(4)), out(function.getArgument(5)),
        lanes(LanePanel::create(e, format, depth, function.getArgument(0), columns)) {}

  void run();

private:
  using Values = SmallVector<Value>;
  static constexpr int64_t kRows = 4;  // rows of the largest tile
  static constexpr int64_t kLoads = 8; // loads of weights that are begun before the first is multiplied

  /// Products of `count` rows from `row` on and `panels` panels from `panel` on.
  void tile(Value row, int64_t count, Value panel, int64_t panels);
  /// The sums of this lane, [count][panels][outputs of a lane].
  Values sumsOfLane(Value row, int64_t count, ArrayRef<Value> panels);
  /// Adds the products of `steps` steps, each as far from the one before as the block has warps.
  Values addSteps(Value step, int64_t steps, bool isWhole, Value row, int64_t count, ArrayRef<Value> panels,
                  ValueRange before);

  BlockEmitter &e;
  const CUDAInfo &gpu;
  Value offset, panelStride, columns, input, out;
  std::unique_ptr<LanePanel> lanes;
};

void ProductEmitter::run() {
  const int64_t known = cast<MemRefType>(input.getType()).getDimSize(0);
  Value zero = e.index(0), rows = e.rowsOf(input), panels = e.ceilDiv(e.columnsOf(out), e.index(kPanelRows));
  auto tiles = [&](Value begin, Value end, int64_t count) {
    e.loop(begin, end, count, [&](Value row) {
      // Several rows take the registers of several panels.
      const int64_t width = count == 1 ? gpu.warpPanels : 1;
      Value whole = e.mul(e.div(panels, e.index(width)), width);
      e.loop(zero, whole, width, [&](Value panel) { tile(row, count, panel, width); });
      if (width > 1)
        e.loop(whole, panels, 1, [&](Value panel) { tile(row, count, panel, 1); });
    });
  };
  if (known == 1)
    return tiles(zero, rows, 1);
  Value whole = e.mul(e.div(rows, e.index(kRows)), kRows);
  tiles(zero, whole, kRows);
  tiles(whole, rows, 1);
}

ProductEmitter::Values ProductEmitter::addSteps(Value step, int64_t steps, bool isWhole, Value row, int64_t count,
                                                ArrayRef<Value> panels, ValueRange before) {
  SmallVector<Values> weights;
  SmallVector<Value> numbers;
  for (int64_t s = 0; s < steps; ++s) {
    numbers.push_back(e.add(step, s * e.getWarps()));
    for (Value panel : panels)
      weights.push_back(lanes->load(panel, numbers.back()));
  }
  Values sums(before);
  for (int64_t s = 0; s < steps; ++s)
    for (int64_t i = 0; i < count; ++i) {
      Values x = lanes->loadRow(input, e.add(row, i), numbers[s], isWhole);
      for (size_t p = 0; p < panels.size(); ++p)
        lanes->multiply(weights[s * panels.size() + p], x,
                        MutableArrayRef(sums).slice((i * panels.size() + p) * lanes->outputs, lanes->outputs));
    }
  return sums;
}

ProductEmitter::Values ProductEmitter::sumsOfLane(Value row, int64_t count, ArrayRef<Value> panels) {
  Values none(count * panels.size() * lanes->outputs, e.number(e.getF32Type(), 0));
  const int64_t warps = e.getWarps();
  // Several rows take most registers for their sums.
  const int64_t unrolled = (count == 1 ? kLoads : 2) / panels.size();
  // Whole steps, several at once: from `step` on while step + (unrolled - 1) * warps < whole.
  Value step = e.warp(), whole = e.div(columns, e.index(lanes->stepColumns));
  Value end = e.maximum(e.add(whole, -(unrolled - 1) * warps), step);
  Values sums = e.loop(step, end, unrolled * warps, none, [&](Value at, ValueRange before) {
    return addSteps(at, unrolled, /*isWhole=*/true, row, count, panels, before);
  });
  Value done = e.mul(e.ceilDiv(e.sub(end, step), e.index(unrolled * warps)), unrolled * warps);
  // The others. The last step may be outside of the matrix for some lanes.
  Value steps = e.ceilDiv(columns, e.index(lanes->stepColumns));
  return e.loop(e.add(step, done), steps, warps, sums, [&](Value at, ValueRange before) {
    Value isInside = e.less(lanes->firstColumn(at), columns);
    auto choice = scf::IfOp::create(e, before.getTypes(), isInside, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(e);
    e.setInsertionPointToStart(choice.thenBlock());
    scf::YieldOp::create(e, addSteps(at, 1, /*isWhole=*/false, row, count, panels, before));
    e.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(e, before);
    return llvm::to_vector_of<Value>(choice.getResults());
  });
}

void ProductEmitter::tile(Value row, int64_t count, Value panel, int64_t panels) {
  Values bases;
  for (int64_t p = 0; p < panels; ++p)
    bases.push_back(e.add(offset, e.mul(e.add(panel, p), panelStride)));
  Values sums = sumsOfLane(row, count, bases);
  for (Value &sum : sums)
    for (int64_t mask = lanes->lanesPerColumn(); mask < BlockEmitter::kWarp; mask *= 2)
      sum = e.add(sum, e.exchange(sum, mask));

  // [warps][count][panels][16]
  const int64_t ofWarp = count * panels * kPanelRows;
  Value ofWarps = e.shared("product", e.getWarps() * ofWarp);
  e.sync(); // the sums of the tile before have been read
  e.ifThen(e.less(e.lane(), e.index(lanes->lanesPerColumn())), [&] {
    Value first = e.add(e.mul(e.warp(), ofWarp), lanes->firstOutput());
    for (auto [i, sum] : llvm::enumerate(sums))
      memref::StoreOp::create(e, sum, ofWarps, e.add(first, i / lanes->outputs * kPanelRows + i % lanes->outputs));
  });
  e.sync();
  e.forThreads(ofWarp, [&](Value i) {
    Value column = e.add(e.mul(panel, kPanelRows), e.rem(i, e.index(panels * kPanelRows)));
    e.ifThen(e.less(column, e.columnsOf(out)), [&] {
      Value sum = e.loadScalar(ofWarps, i);
      for (int64_t warp = 1; warp < e.getWarps(); ++warp)
        sum = e.add(sum, e.loadScalar(ofWarps, e.add(i, warp * ofWarp)));
      memref::StoreOp::create(e, sum, out, ValueRange{e.add(row, e.div(i, e.index(panels * kPanelRows))), column});
    });
  });
}

MemRefType anyRows(Type element, int64_t rows) {
  auto layout = StridedLayoutAttr::get(element.getContext(), ShapedType::kDynamic, {ShapedType::kDynamic, 1});
  return MemRefType::get({rows, ShapedType::kDynamic}, element, layout);
}

} // namespace

namespace {

/// How many rows a function multiplies.
enum class Rows { One, Few, Many };

/// Whether there is a function for many rows on tensor cores (Gemm.cpp).
bool hasGemm(const BlockProduct &product) {
  auto input = cast<MemRefType>(product.input.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  return product.format == Format::BF16 && product.depth == 2 && input.getElementType().isBF16() &&
         succeeded(input.getStridesAndOffset(strides, offset)) && !ShapedType::isDynamic(strides[0]) &&
         strides[0] % 8 == 0 && input.getDimSize(1) % 8 == 0 && !ShapedType::isDynamic(input.getDimSize(1));
}

void callFor(Rows rows, BlockEmitter &e, BlockContext &context, const BlockProduct &product) {
  auto typeOf = [](Value memref) { return cast<MemRefType>(memref.getType()); };
  const StringRef kind = rows == Rows::Many ? "gemm." : "product.";
  const std::string name =
      (kind + getFormatInfo(product.format).name + "." + Twine(product.depth) + (rows == Rows::One ? ".row" : ""))
          .str();
  const int64_t count = rows == Rows::One ? 1 : ShapedType::kDynamic;
  MemRefType input = anyRows(typeOf(product.input).getElementType(), count), out = anyRows(e.getF32Type(), count);
  auto function = context.module.lookupSymbol<func::FuncOp>(name);
  if (!function) {
    OpBuilder builder(context.module.getContext());
    builder.setInsertionPointToEnd(context.module.getBody());
    BlockEmitter inside(e.getLoc(), builder, context.module, e.getThreads());
    Type index = e.getIndexType();
    function = func::FuncOp::create(
        inside, name, inside.getFunctionType({product.segment.getType(), index, index, index, input, out}, {}));
    function.setPrivate();
    inside.setInsertionPointToEnd(function.addEntryBlock());
    if (rows == Rows::Many)
      emitGemm(inside, function);
    else
      ProductEmitter(inside, context.gpu, product.format, product.depth, function).run();
    func::ReturnOp::create(inside);
  }
  func::CallOp::create(e, function,
                       ValueRange{product.segment, product.offset, product.panelStride, product.columns,
                                  memref::CastOp::create(e, input, product.input),
                                  memref::CastOp::create(e, out, product.out)});
}

} // namespace

void lathe::callProduct(BlockEmitter &e, BlockContext &context, const BlockProduct &product) {
  constexpr int64_t many = 5; // an instruction of the tensor cores multiplies 8 rows
  const int64_t rows = cast<MemRefType>(product.input.getType()).getDimSize(0);
  auto call = [&](Rows rows) { callFor(rows, e, context, product); };
  if (rows == 1)
    return call(Rows::One);
  if (!hasGemm(product))
    return call(Rows::Few);
  e.ifThen(e.less(e.rowsOf(product.input), e.index(many)), [&] { call(Rows::Few); }, [&] { call(Rows::Many); });
}

void lathe::expand(kernel::MatmulOp op, BlockEmitter &e, BlockContext &context) {
  auto type = cast<lm::WeightType>(op.getWeight().getType());
  PanelLayout layout(type);
  auto [segment, offset] = getSegmentAndOffset(op.getWeight());
  Value first = e.div(op.getFirst(), e.index(layout.rows));
  Value at = e.add(offset, e.mul(first, layout.panelBytes));
  auto product = [&, segment = segment](Value at) {
    callProduct(e, context,
                {segment, at, e.index(layout.panelBytes), e.index(type.getColumns()), op.getInput(), op.getOut(),
                 type.getFormat(), layout.depth});
  };
  if (op.getHead())
    return product(e.add(at, e.mul(op.getHead(), getExpertBytes(type))));
  if (!op.getExpert())
    return product(at);
  e.forExpert(op.getExpert(), [&](Value number) { product(e.add(at, e.mul(number, getExpertBytes(type)))); });
}
