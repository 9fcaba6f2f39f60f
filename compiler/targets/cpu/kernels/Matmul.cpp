//===- Matmul.cpp - products of rows with packed panels -----------------------------------------------------------===//
//
// One function per (segment, format, depth). For each panel of 16 outputs, it takes the input rows in register tiles;
// smaller tiles take the rows that remain. A tile unpacks a step of weights once and multiplies every row by it.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cpu/kernels/Kernels.h"
#include "compiler/targets/cpu/kernels/Quantized.h"

using namespace lathe;

namespace {

/// The number of rows if it is worth a function of its own, or else dynamic. Query heads of one row that share a KV
/// head are worth it: their loops are short, and the branches for any number of rows take a seventh of the time
/// (docs/experiments/2026-11-27-shared-heads-code.md).
int64_t ownRows(const Product &product) {
  int64_t rows = cast<MemRefType>(product.input.getType()).getDimSize(0);
  return product.panels == Panels::Cache ? rows : ShapedType::kDynamic;
}

class ProductEmitter {
public:
  ProductEmitter(VectorEmitter &e, const CPUInfo &cpu, const Product &shape, func::FuncOp function)
      : e(e), cpu(cpu), shape(shape), info(getFormatInfo(shape.format)), segment(function.getArgument(0)),
        offset(function.getArgument(1)), panelStride(function.getArgument(2)), columns(function.getArgument(3)),
        input(function.getArgument(4)), out(function.getArgument(5)) {
    if (shape.prefetch.offset)
      prefetched = {function.getArgument(6), function.getArgument(7), function.getArgument(8)};
  }

  void run();

private:
  static constexpr int64_t R = kPanelRows;
  using Values = SmallVector<Value>;

  /// Products of `count` rows from `row` on and the panels at `panels`: [count][panels] vectors of 16.
  Values tile(Value row, int64_t count, ArrayRef<Value> panels);
  /// Prefetches `bytes` of weights from `at` on. The hardware's own prefetching stops at the end of each 4 KiB page.
  void prefetch(Value at, int64_t bytes) { prefetch(at, bytes, cpu.prefetch.cacheLevel); }
  void prefetch(Value at, int64_t bytes, int64_t cache);
  /// Bytes between the weights that a tile of `count` rows uses and those that it prefetches.
  int64_t prefetchDistance(int64_t count) const {
    return count > 1 ? cpu.prefetch.tileBytes : info.bits < 8 ? cpu.prefetch.narrowRowBytes : cpu.prefetch.rowBytes;
  }
  /// Returns what a tile of float or bf16 products emits in each round of steps to prefetch weights. A step reads
  /// `stepBytes` of each panel.
  std::function<void(Value step, int64_t count)> makePrefetcher(Value first, int64_t count, ArrayRef<Value> panels,
                                                                Value steps, int64_t stepBytes);
  /// The same for the tiles of rows after the first one. They find this group of panels in a cache. So that memory
  /// stays busy, each of them prefetches its share of a later group. Returns null if these tiles do not prefetch.
  std::function<void(Value panel, Value step, int64_t count)> makeGroupPrefetcher(Value first, int64_t count,
                                                                                  Value steps, int64_t stepBytes);
  /// Adds up independent sums, [chains][outputs of a tile], to one sum for each output.
  Values addChains(Values sums, int64_t chains);
  Values floatTile(Value row, int64_t count, ArrayRef<Value> panels, Value begin, Value end);
  Values scaledTile(Value row, int64_t count, ArrayRef<Value> panels);
  Values bf16Tile(Value row, int64_t count, ArrayRef<Value> panels);
  Values intTile(Value row, int64_t count, ArrayRef<Value> panels);
  void storeTile(Value row, int64_t count, Value output, ArrayRef<Value> sums);

  Value row(Value first, int64_t i) { return e.add(first, i); }
  struct IntSum {
    Value sum; // 16 x i32
    Value sum16;
    int64_t products = 0;
    void add(ProductEmitter &p, Value weights, Value x);
    void flush(ProductEmitter &p);
  };
  /// Integer sums of one run, [count][panels], with the format's offset subtracted and no scale applied. If a run has
  /// two groups, `second` has the sums of the second one.
  struct RunSums {
    Values first, second;
  };
  /// What the sums begin with: the offset's part.
  RunSums startSums(Value first, int64_t count, int64_t panels, Value block);
  /// The sums of the run at `at` of each panel and the rows' `block`.
  RunSums rolledRun(Value first, int64_t count, ArrayRef<Value> at, Value block);
  /// The same for one row and one panel, unrolled, because one row is limited by memory. Adds to `sum` and, for a
  /// second group, to `sum2`.
  void addRun(Value &sum, Value &sum2, Value row, Value at, Value block);

  VectorEmitter &e;
  const CPUInfo &cpu;
  const Product &shape;
  const FormatInfo &info;
  Value segment, offset, panelStride, columns, input, out;
  Product::Prefetch prefetched = {};
  Value panelNumber;                 // the first panel of the tile that is being emitted
  bool isPrefetching = false;        // that tile prefetches: its rows are the first ones
  Value groupStride;                 // bytes from a group of panels to the next
  std::optional<PanelReader> reader; // of a quantised format
  std::optional<RowReader> rowReader;
};

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

//===--------------------------------------------------------------------------------------------------------------===//
// f32, f16, bf16: widened to f32
//===--------------------------------------------------------------------------------------------------------------===//

void ProductEmitter::prefetch(Value at, int64_t bytes, int64_t cache) {
  constexpr int64_t line = 64;
  for (int64_t byte = 0; byte < bytes; byte += line)
    e.prefetch(segment, e.add(at, byte), cache);
}

std::function<void(Value, int64_t)> ProductEmitter::makePrefetcher(Value first, int64_t count, ArrayRef<Value> panels,
                                                                   Value steps, int64_t stepBytes) {
  if (prefetched.offset) {
    int64_t run = R / shape.depth,
            cache = std::max<int64_t>(cpu.prefetch.cacheLevel, 2); // the first cache is too small
    return [=, this, number = panelNumber, active = isPrefetching](Value step, int64_t stepsHere) {
      for (int64_t s = 0; active && s < stepsHere; ++s)
        for (size_t p = 0; p < panels.size(); ++p) {
          Value here = e.add(step, s), inRun = e.mul(e.rem(here, e.index(run)), stepBytes);
          Value at = e.add(prefetched.offset, e.mul(e.add(number, p), prefetched.panelStride));
          prefetch(e.add(e.add(at, e.mul(e.div(here, e.index(run)), prefetched.runStride)), inRun), stepBytes, cache);
        }
    };
  }
  if (shape.panels == Panels::Cache) {
    // A few rows are multiplied by each panel, tile after tile. Each tile prefetches its share of the next panel, so
    // that memory stays busy.
    Value share = e.div(e.index(stepBytes), e.maximum(e.rowsOf(input), e.index(1)));
    Value distance = e.add(e.mul(panelStride, panels.size()), e.mul(e.mul(first, share), steps));
    share = e.mul(share, count);
    return [=, this](Value step, int64_t stepsHere) {
      for (Value panel : panels)
        prefetch(e.add(e.add(panel, distance), e.mul(step, share)), stepsHere * stepBytes);
    };
  }
  if (shape.panels == Panels::Weights && isPrefetching)
    return [=, this](Value step, int64_t stepsHere) {
      for (Value panel : panels)
        prefetch(e.add(panel, e.add(e.mul(step, stepBytes), prefetchDistance(count))), stepsHere * stepBytes);
    };
  if (auto prefetchShare = makeGroupPrefetcher(first, count, steps, stepBytes))
    return [=](Value step, int64_t stepsHere) {
      for (Value panel : panels)
        prefetchShare(panel, step, stepsHere);
    };
  return [](Value, int64_t) {};
}

std::function<void(Value, Value, int64_t)> ProductEmitter::makeGroupPrefetcher(Value first, int64_t count, Value steps,
                                                                               int64_t stepBytes) {
  int64_t others = cpu.tiles.rows / count - 1;
  if (!cpu.prefetch.groups || shape.panels != Panels::Weights || count != cpu.getTile(shape.format).rows || others < 1)
    return nullptr;
  int64_t share = llvm::divideCeil(stepBytes, others);
  Value tile = e.add(e.div(first, e.index(count)), -1);
  Value from = e.add(e.mul(groupStride, cpu.prefetch.groups), e.mul(e.mul(tile, share), steps));
  return [=, this](Value panel, Value step, int64_t stepsHere) {
    prefetch(e.add(e.add(panel, from), e.mul(step, share)), stepsHere * share);
  };
}

ProductEmitter::Values ProductEmitter::addChains(Values sums, int64_t chains) {
  const size_t outputs = sums.size() / chains;
  for (size_t i = outputs; i < sums.size(); ++i)
    sums[i % outputs] = e.add(sums[i % outputs], sums[i]);
  sums.resize(outputs);
  return sums;
}

/// Multiplies the sum of each block of columns by the panel's scale for that block.
ProductEmitter::Values ProductEmitter::scaledTile(Value first, int64_t count, ArrayRef<Value> panels) {
  Value blocks = e.ceilDiv(columns, e.index(kScaleBlock));
  Value scalesBytes = e.mul(e.ceilDiv(e.mul(blocks, 4), e.index(64)), 64);
  Values values, none(count * panels.size(), e.number(e.f32s(), 0));
  for (Value panel : panels)
    values.push_back(e.add(panel, scalesBytes));
  return e.loop(e.index(0), blocks, 1, none, [&](Value block, ValueRange before) {
    Values next(before);
    Value begin = e.mul(block, kScaleBlock), end = e.minimum(e.add(begin, kScaleBlock), columns);
    Values sums = floatTile(first, count, values, begin, end);
    for (size_t p = 0; p < panels.size(); ++p) {
      Value scale = e.splat(e.loadBytes(e.getF32Type(), segment, e.add(panels[p], e.mul(block, 4))));
      for (int64_t i = 0; i < count; ++i) {
        Value &sum = next[i * panels.size() + p];
        sum = e.fma(sums[i * panels.size() + p], scale, sum);
      }
    }
    return next;
  });
}

/// Sums over the columns [begin, end).
ProductEmitter::Values ProductEmitter::floatTile(Value first, int64_t count, ArrayRef<Value> panels, Value begin,
                                                 Value end) {
  int64_t depth = shape.depth, stepBytes = R * depth * (info.bits / 8);
  int64_t stepSize = shape.panels == Panels::Scratch ? R * depth : stepBytes;
  Value zero = e.div(begin, e.index(depth)), steps = e.div(end, e.index(depth));
  // One row has too few independent sums to keep the multipliers busy, so it takes several steps at once. Each step has
  // sums of its own.
  int64_t chains = std::max<int64_t>(1, 4 / (count * panels.size()));
  int64_t stepsAtOnce = std::max<int64_t>(1, chains / depth);
  int64_t tileSums = count * panels.size();

  auto prefetchSteps = makePrefetcher(first, count, panels, steps, stepBytes);
  auto round = [&](Value step, int64_t stepsHere, ValueRange sums) {
    Values next(sums.begin(), sums.end());
    prefetchSteps(step, stepsHere);
    for (int64_t s = 0; s < stepsHere; ++s) {
      SmallVector<Values> weights;
      for (Value panel : panels)
        weights.push_back(
            loadStep(e, segment, e.add(e.add(panel, e.mul(step, stepSize)), s * stepSize), shape.format, depth));
      for (int64_t d = 0; d < depth; ++d) {
        Value column = e.add(e.mul(step, depth), s * depth + d);
        for (int64_t i = 0; i < count; ++i) {
          Value x = e.splat(e.loadScalar(input, {row(first, i), column}));
          for (size_t p = 0; p < panels.size(); ++p) {
            int64_t chain = (s * depth + d) % chains;
            Value &sum = next[chain * tileSums + i * panels.size() + p];
            sum = e.fma(x, weights[p][d], sum);
          }
        }
      }
    }
    return next;
  };
  Values sums(chains * tileSums, e.number(e.f32s(), 0));
  Value whole = e.add(zero, e.mul(e.div(e.sub(steps, zero), e.index(stepsAtOnce)), stepsAtOnce));
  sums = e.loop(zero, whole, stepsAtOnce, sums,
                [&](Value step, ValueRange args) { return round(step, stepsAtOnce, args); });
  if (stepsAtOnce > 1)
    sums = e.loop(whole, steps, 1, sums, [&](Value step, ValueRange args) { return round(step, 1, args); });
  return addChains(sums, chains);
}

//===--------------------------------------------------------------------------------------------------------------===//
// bf16 dot products
//===--------------------------------------------------------------------------------------------------------------===//

ProductEmitter::Values ProductEmitter::bf16Tile(Value first, int64_t count, ArrayRef<Value> panels) {
  int64_t stepBytes = R * 4, tileSums = count * panels.size();
  Value steps = e.div(columns, e.index(2));
  VectorType pairs = e.vec(2 * R, e.getBF16Type());
  // A few sums would wait for one another, so a tile takes several steps at once. Each step has sums of its own.
  int64_t chains = std::max<int64_t>(1, 4 / tileSums);
  auto prefetchSteps = makePrefetcher(first, count, panels, steps, stepBytes);
  auto pairAt = [&](Value row, Value step) -> Value {
    if (shape.isPaired)
      return e.loadScalar(input, {row, step});
    Value two = e.load(e.vec(2, e.getBF16Type()), input, {row, e.mul(step, 2)});
    return vector::ExtractOp::create(e, e.bitcast(e.i32s(1), two), 0);
  };
  auto round = [&](Value step, int64_t stepsHere, ValueRange sums) {
    Values next(sums.begin(), sums.end());
    prefetchSteps(step, stepsHere);
    for (int64_t s = 0; s < stepsHere; ++s) {
      Values weights;
      for (Value panel : panels)
        weights.push_back(
            e.bitcast(pairs, e.load(e.i8s(stepBytes), segment, e.add(panel, e.mul(e.add(step, s), stepBytes)))));
      for (int64_t i = 0; i < count; ++i) {
        Value x = e.bitcast(pairs, e.splat(pairAt(row(first, i), e.add(step, s))));
        for (size_t p = 0; p < panels.size(); ++p) {
          Value &sum = next[s * tileSums + i * panels.size() + p];
          sum = cpu::DotBF16Op::create(e, e.f32s(), sum, weights[p], x);
        }
      }
    }
    return next;
  };
  Values sums(chains * tileSums, e.number(e.f32s(), 0));
  Value zero = e.index(0), whole = e.mul(e.div(steps, e.index(chains)), chains);
  sums = e.loop(zero, whole, chains, sums, [&](Value step, ValueRange args) { return round(step, chains, args); });
  if (chains > 1)
    sums = e.loop(whole, steps, 1, sums, [&](Value step, ValueRange args) { return round(step, 1, args); });
  return addChains(sums, chains);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Quantised: integer dot products, multiplied by the scales once per group
//===--------------------------------------------------------------------------------------------------------------===//

/// One sum of integer products. Without a dot product instruction, products of bytes are summed in 16 bits as long as
/// the sums fit.
void ProductEmitter::IntSum::add(ProductEmitter &p, Value weights, Value x) {
  VectorEmitter &e = p.e;
  if (!p.cpu.widensBytes()) {
    sum = cpu::DotU8S8Op::create(e, sum.getType(), sum, weights, x);
    return;
  }
  Value product = cpu::MaddU8S8Op::create(e, e.vec(2 * R, e.getI16Type()), weights, x);
  sum16 = sum16 ? e.add(sum16, product) : product;
  if (++products == p.cpu.getStepsIn16Bits(p.info.maxQuantised()))
    flush(p);
}

void ProductEmitter::IntSum::flush(ProductEmitter &p) {
  if (!sum16)
    return;
  Value ones = p.e.number(p.e.vec(2 * R, p.e.getI16Type()), 1);
  sum = p.e.add(sum, cpu::MaddI16Op::create(p.e, p.e.i32s(), sum16, ones));
  sum16 = {};
  products = 0;
}

ProductEmitter::RunSums ProductEmitter::startSums(Value first, int64_t count, int64_t panels, Value block) {
  RunSums starts;
  for (int64_t i = 0; i < count; ++i) {
    auto get = [&](std::optional<int64_t> half) {
      return rowReader->getStart(row(first, i), block, reader->getOffset(), half);
    };
    starts.first.append(panels, get(info.group == 16 ? std::optional<int64_t>(0) : std::nullopt));
    if (info.group == 16)
      starts.second.append(panels, get(1));
  }
  return starts;
}

/// A loop over the steps of a run: it unpacks one step and uses it for all rows. Without the loop, LLVM unpacks the
/// whole run first and spills registers (docs/experiments/2026-11-26-rolled-loop.md).
ProductEmitter::RunSums ProductEmitter::rolledRun(Value first, int64_t count, ArrayRef<Value> at, Value block) {
  bool isWide = reader->hasWideValues(), isSplit = info.group == 16;
  int64_t panels = at.size(), tileSums = count * panels;
  Value zero = e.index(0);
  RunSums starts = startSums(first, count, panels, block);
  if (info.bits == 8) {
    int64_t steps = isWide ? 16 : 8, stepBytes = R * 32 / steps;
    return {e.loop(zero, e.index(steps), 2, starts.first,
                   [&](Value step, ValueRange before) {
                     Values next(before);
                     for (int64_t s = 0; s < 2; ++s)
                       for (int64_t p = 0; p < panels; ++p) {
                         Value here = e.add(step, s);
                         Value values = e.load(e.i8s(stepBytes), segment, e.add(at[p], e.mul(here, stepBytes)));
                         Value words = isWide ? e.extend(values, e.getI16Type()) : Value();
                         for (int64_t i = 0; i < count; ++i) {
                           Value &sum = next[i * panels + p], x = rowReader->getValues(row(first, i), block, here);
                           if (isWide)
                             sum = e.add(sum, cpu::MaddI16Op::create(e, e.i32s(), words, x));
                           else
                             sum = cpu::DotU8S8Op::create(e, e.i32s(), sum, values, x);
                         }
                       }
                     return next;
                   }),
            {}};
  }

  // If 16 bits hold the sums of a whole run, the loop has sums of 16 bits.
  bool gathers = cpu.widensBytes() && cpu.getStepsIn16Bits(info.maxQuantised()) >= (isSplit ? 4 : 8);
  int64_t groups = isSplit ? 2 : 1, highWords = info.bits - 4;
  Values begun = starts.first;
  begun.append(starts.second);
  Values carried = gathers ? Values(begun.size(), e.number(e.vec(2 * R, e.getI16Type()), 0)) : begun;
  for (Value panel : at)
    llvm::append_range(carried, reader->loadHighBits(panel));
  carried = e.loop(zero, e.index(4), 1, carried, [&](Value step, ValueRange before) {
    Values next(before);
    Value upStep = e.add(step, 4);
    for (int64_t p = 0; p < panels; ++p) {
      MutableArrayRef<Value> high = MutableArrayRef(next).slice(tileSums * groups + p * highWords, highWords);
      auto [values, upValues] = reader->unpackSteps(e.add(at[p], e.mul(step, 4 * R)), high, 0);
      for (int64_t i = 0; i < count; ++i) {
        IntSum low, up;
        Value &sum = next[i * panels + p], &other = next[isSplit ? tileSums + i * panels + p : 0];
        (gathers ? low.sum16 : low.sum) = sum;
        (gathers ? up.sum16 : up.sum) = other;
        low.add(*this, values, rowReader->getValues(row(first, i), block, step));
        (isSplit ? up : low).add(*this, upValues, rowReader->getValues(row(first, i), block, upStep));
        if (!gathers)
          low.flush(*this), up.flush(*this);
        sum = gathers ? low.sum16 : low.sum;
        if (isSplit)
          other = gathers ? up.sum16 : up.sum;
      }
      // Shift the next step's high bits to where this step's were. Bits that come from a neighbouring byte are masked
      // away when they are used.
      for (Value &word : high)
        word = e.bitcast(e.i8s(4 * R), e.shr(e.bitcast(e.i32s(), word), info.bits - 4));
    }
    return next;
  });
  carried.resize(tileSums * groups);
  if (gathers)
    for (auto [sum, start] : llvm::zip_equal(carried, begun)) {
      IntSum whole{start, sum};
      whole.flush(*this);
      sum = whole.sum;
    }
  return {Values(carried.begin(), carried.begin() + tileSums), Values(carried.begin() + tileSums, carried.end())};
}

void ProductEmitter::addRun(Value &sum, Value &sum2, Value row, Value at, Value block) {
  bool isSplit = info.group == 16;
  auto activations = [&](int64_t step) { return rowReader->getValues(row, block, e.index(step)); };
  if (reader->hasWideValues()) {
    for (int64_t s = 0; s < 16; ++s) {
      Value words = e.extend(e.load(e.i8s(2 * R), segment, e.add(at, s * 2 * R)), e.getI16Type());
      sum = e.add(sum, cpu::MaddI16Op::create(e, e.i32s(), words, activations(s)));
    }
    return;
  }
  IntSum low, up;
  low.sum = sum;
  up.sum = sum2;
  if (info.bits == 8) {
    for (int64_t g = 0; g < 8; ++g)
      low.add(*this, e.load(e.i8s(4 * R), segment, e.add(at, g * 4 * R)), activations(g));
  } else {
    Values high = reader->loadHighBits(at);
    for (int64_t j = 0; j < 4; ++j) {
      auto [values, upValues] = reader->unpackSteps(at, high, j);
      low.add(*this, values, activations(j));
      (isSplit ? up : low).add(*this, upValues, activations(j + 4));
    }
  }
  low.flush(*this);
  up.flush(*this);
  sum = low.sum;
  sum2 = up.sum;
}

ProductEmitter::Values ProductEmitter::intTile(Value first, int64_t count, ArrayRef<Value> panels) {
  Value zero = e.index(0);
  int64_t tileSums = count * panels.size(), runs = info.block / 32;
  const PanelLayout &layout = reader->layout;
  // One run of 32 columns: its number in the row, its byte in each panel, scales and minima of its block.
  auto doRun = [&](Value run, ArrayRef<Value> at, ArrayRef<PanelReader::Factors> factorsOfBlock, Values &sums) {
    Value block = rowReader->getBlock(run);
    // The products come before the rows' scales are loaded, which would occupy registers meanwhile.
    RunSums integers;
    if (count > 1) {
      integers = rolledRun(first, count, at, block);
    } else {
      integers = startSums(first, 1, panels.size(), block);
      Value none;
      for (size_t p = 0; p < panels.size(); ++p)
        addRun(integers.first[p], integers.second.empty() ? none : integers.second[p], first, at[p], block);
    }
    Values scale(count), scaledSum(count);
    for (int64_t i = 0; i < count; ++i) {
      scale[i] = e.splat(rowReader->getScale(row(first, i), block));
      if (info.minimum)
        scaledSum[i] = e.splat(rowReader->getScaledSum(row(first, i), block));
    }
    for (size_t p = 0; p < panels.size(); ++p) {
      PanelReader::Factors factors = reader->getRunFactors(factorsOfBlock[p], at[p]);
      for (int64_t i = 0; i < count; ++i) {
        int64_t n = i * panels.size() + p;
        Value &sum = sums[n], first = e.toF32(integers.first[n]);
        if (factors.scale2) {
          Value both = e.fma(e.toF32(integers.second[n]), factors.scale2, e.mul(first, factors.scale));
          sum = e.fma(both, scale[i], sum);
        } else {
          sum = e.fma(first, e.mul(factors.scale, scale[i]), sum);
        }
        if (factors.minimum)
          sum = e.fma(factors.minimum, scaledSum[i], sum);
      }
    }
  };

  Values sums(tileSums, e.number(e.f32s(), 0));
  Value blocks = e.div(columns, e.index(info.block));
  auto prefetchShare = makeGroupPrefetcher(first, count, blocks, layout.blockBytes);
  return e.loop(zero, blocks, 1, sums, [&](Value block, ValueRange args) {
    Values next(args.begin(), args.end()), bases;
    SmallVector<PanelReader::Factors> factors;
    for (Value panel : panels) {
      Value base = e.add(panel, e.mul(block, layout.blockBytes));
      auto prefetchBlock = [&] { prefetch(e.add(base, prefetchDistance(count)), layout.blockBytes); };
      if (count == 1)
        prefetchBlock();
      else if (prefetchShare)
        e.ifThen(e.less(first, e.index(1)), prefetchBlock, [&] { prefetchShare(panel, block, 1); });
      else
        e.ifThen(e.less(first, e.index(1)), prefetchBlock);
      bases.push_back(base);
      factors.push_back(reader->getBlockFactors(base));
    }
    if (runs == 1) {
      doRun(block, bases, factors, next);
      return next;
    }
    return e.loop(zero, e.index(runs), 1, next, [&](Value run, ValueRange inner) {
      Values sums(inner.begin(), inner.end()), at;
      for (Value base : bases)
        at.push_back(e.add(e.add(base, layout.headBytes), e.mul(run, layout.runBytes)));
      doRun(e.add(e.mul(block, runs), run), at, factors, sums);
      return sums;
    });
  });
}

MemRefType anyRows(Type element, int64_t rows) {
  auto layout = StridedLayoutAttr::get(element.getContext(), ShapedType::kDynamic, {ShapedType::kDynamic, 1});
  return MemRefType::get({rows, ShapedType::kDynamic}, element, layout);
}

} // namespace

SmallVector<Value> lathe::loadStep(VectorEmitter &e, Value segment, Value at, Format format, int64_t depth) {
  constexpr int64_t R = kPanelRows;
  if (cast<MemRefType>(segment.getType()).getElementType().isF32())
    return {e.load(e.f32s(), segment, at)};
  int64_t bytes = getFormatInfo(format).bits / 8;
  Value raw = e.load(e.i8s(R * depth * bytes), segment, at);
  switch (format) {
  case Format::F32:
    return {e.bitcast(e.f32s(), raw)};
  case Format::F8E4M3: {
    // The f16 with the same sign, exponent and fraction is 256 times too small; the packed scale is 256 times as large.
    Value bits = e.andBits(e.shl(e.extendSigned(raw, e.getI16Type()), 7), 0xbfff);
    return {arith::ExtFOp::create(e, e.f32s(), e.bitcast(e.vec(R, e.getF16Type()), bits))};
  }
  case Format::F16:
    return {arith::ExtFOp::create(e, e.f32s(), e.bitcast(e.vec(R, e.getF16Type()), raw))};
  default:
    break;
  }
  if (depth == 1)
    return {e.bitcast(e.f32s(), e.shl(e.extend(e.bitcast(e.vec(R, e.getI16Type()), raw), e.getI32Type()), 16))};
  // A bf16 is the upper half of an f32. In a pair, the lower one is shifted up, and for the upper one the lower is
  // masked away.
  Value pairs = e.bitcast(e.i32s(), raw);
  return {e.bitcast(e.f32s(), e.shl(pairs, 16)), e.bitcast(e.f32s(), e.andBits(pairs, 0xffff0000))};
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
