//===- QuantizedProducts.cpp - tiles of products with quantised weights -------------------------------------------===//
//
// Integer dot products of quantised values, multiplied by the scales once per group.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cpu/kernels/ProductEmitter.h"

using namespace lathe;

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
