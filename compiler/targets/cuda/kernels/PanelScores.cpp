#include "compiler/targets/cuda/kernels/PanelScores.h"
#include "compiler/targets/cuda/kernels/LanePanel.h"

using namespace lathe;

static constexpr int64_t kUnrolled = 8;             // loads that are begun before the first is used
static constexpr int64_t kLaneMasks[] = {16, 8, 4}; // of the lanes that have the same positions

PanelScores::PanelScores(BlockEmitter &e, Format format, int64_t columns, int64_t rows)
    : e(e), format(format), columns(columns), rows(rows), rowsOfLane(rows), firstRow(e.index(0)) {
  for (int64_t mask : kLaneMasks)
    if (rowsOfLane % 2 == 0) {
      rowsOfLane /= 2;
      firstRow = e.add(firstRow, e.select(isUpper(mask), e.index(rowsOfLane), e.index(0)));
    }
}

/// `isPartial`: some lines of the step are beyond the last column. The lanes that would read them read the first line.
PanelScores::Line PanelScores::lineAt(Value step, bool isPartial) {
  Value begin = e.mul(step, kLinesAtOnce), number = e.add(begin, lineOfLane());
  if (!isPartial)
    return {number, Value()};
  Value isInside = e.less(number, e.index(columns / getDepth()));
  return {e.select(isInside, number, begin), isInside};
}

PanelScores::Values PanelScores::addStep(Value loaded, const Line &line, LoadRow loadRow, Values sums) {
  SmallVector<Values> wide;
  for (int64_t d = 0; d < getDepth(); ++d)
    wide.push_back(widen(e, format, loaded, getDepth(), d));
  Value column = e.mul(line.number, getDepth()), zero = e.number(e.getF32Type(), 0);
  for (int64_t row = 0; row < rows; ++row)
    for (auto [d, value] : llvm::enumerate(loadRow(row, column))) {
      Value x = line.isInside ? e.select(line.isInside, value, zero) : value;
      for (int64_t i = 0; i < kPositions; ++i) {
        Value &sum = sums[row * kPositions + i];
        sum = e.fma(x, wide[d][i], sum);
      }
    }
  return sums;
}

/// Adds the sums of the lanes that have the same positions. Where the rows can be halved, a lane goes on with one half.
PanelScores::Values PanelScores::addLanes(Values sums) {
  for (int64_t mask : kLaneMasks) {
    if (sums.size() / kPositions % 2) {
      for (Value &sum : sums)
        sum = e.add(sum, e.exchange(sum, mask));
      continue;
    }
    const size_t half = sums.size() / 2;
    Value upper = isUpper(mask);
    for (size_t i = 0; i < half; ++i) {
      Value kept = e.select(upper, sums[i + half], sums[i]), given = e.select(upper, sums[i], sums[i + half]);
      sums[i] = e.add(kept, e.exchange(given, mask));
    }
    sums.truncate(half);
  }
  return sums;
}

PanelScores::Values PanelScores::compute(function_ref<Value(Value line)> load, LoadRow loadRow) {
  auto add = [&](Value begin, int64_t count, bool isPartial, Values sums) {
    SmallVector<Line> lines;
    Values loaded;
    for (int64_t s = 0; s < count; ++s) {
      lines.push_back(lineAt(e.add(begin, s), isPartial));
      loaded.push_back(load(lines.back().number));
    }
    for (int64_t s = 0; s < count; ++s)
      sums = addStep(loaded[s], lines[s], loadRow, sums);
    return sums;
  };
  const int64_t lines = columns / getDepth(), whole = lines / kLinesAtOnce, looped = whole / kUnrolled * kUnrolled;
  Values sums(rows * kPositions, e.number(e.getF32Type(), 0));
  if (looped)
    sums = e.loop(e.index(0), e.index(looped), kUnrolled, sums, [&](Value step, ValueRange before) {
      return add(step, kUnrolled, /*isPartial=*/false, Values(before));
    });
  sums = add(e.index(looped), whole - looped, /*isPartial=*/false, sums);
  return addLanes(add(e.index(whole), lines % kLinesAtOnce ? 1 : 0, /*isPartial=*/true, sums));
}
