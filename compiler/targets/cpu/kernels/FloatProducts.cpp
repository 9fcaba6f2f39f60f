//===- FloatProducts.cpp - tiles of products with weights that are not quantised ----------------------------------===//

#include "compiler/targets/cpu/kernels/ProductEmitter.h"

using namespace lathe;

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
