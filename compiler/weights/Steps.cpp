//===- Steps.cpp - what a recipe does to matrices -----------------------------------------------------------------===//
//
// A reader for each step of dialects/lm/WeightAttrs.td. Another step is a class here and its row in `steps`.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/weights/Steps.h"
#include "compiler/weights/Decode.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>
#include <cmath>
#include <cstring>

using namespace lathe;
using namespace mlir::lm;

namespace {

using Inputs = std::vector<std::unique_ptr<MatrixReader>>;

//===--------------------------------------------------------------------------------------------------------------===//
// Rows that move as they are
//===--------------------------------------------------------------------------------------------------------------===//

/// Row i of the result is row sourceRow(i) of the input.
class RowStep : public MatrixReader {
public:
  explicit RowStep(Inputs inputs) : input(std::move(inputs.front())) {}

  void read(IndexRange rows, IndexRange columns, float *out) const override {
    for (int64_t row = rows.begin; row < rows.end; ++row, out += columns.size()) {
      const int64_t source = sourceRow(row);
      input->read({source, source + 1}, columns, out);
    }
  }
  bool mixesRows() const override { return input->mixesRows(); }
  const uint8_t *storedRow(int64_t row, std::vector<uint8_t> &scratch) const override {
    return input->storedRow(sourceRow(row), scratch);
  }
  void readScales(int64_t row, float *out) const override { input->readScales(sourceRow(row), out); }

protected:
  virtual int64_t sourceRow(int64_t row) const = 0;

private:
  std::unique_ptr<MatrixReader> input;
};

int64_t sliced(SliceAttr step, int64_t i) { return i / step.getGroup() * step.getStride() + i % step.getGroup(); }

class RowSlice : public RowStep {
public:
  RowSlice(SliceAttr step, const StepContext &, Inputs inputs) : RowStep(std::move(inputs)), step(step) {}

private:
  int64_t sourceRow(int64_t row) const override { return sliced(step, row); }

  SliceAttr step;
};

class Unpermute : public RowStep {
public:
  Unpermute(UnpermuteAttr step, const StepContext &context, Inputs inputs)
      : RowStep(std::move(inputs)), width(context.result.rows / step.getHeads()), from(step.getFrom()),
        half((width - from) / 2) {}

private:
  int64_t sourceRow(int64_t row) const override {
    const int64_t inHead = row % width, rotated = inHead - from;
    return rotated < 0 ? row : row - inHead + from + rotated % half * 2 + rotated / half;
  }

  int64_t width, from, half; // rows of a head, those that stay, and half of the others
};

//===--------------------------------------------------------------------------------------------------------------===//
// Other shapes
//===--------------------------------------------------------------------------------------------------------------===//

class ColumnSlice : public MatrixReader {
public:
  ColumnSlice(SliceAttr step, const StepContext &, Inputs inputs) : step(step), input(std::move(inputs.front())) {}

  void read(IndexRange rows, IndexRange columns, float *out) const override {
    if (step.getGroup() == step.getStride()) {
      input->read(rows, columns, out);
      return;
    }
    const int64_t first = sliced(step, columns.begin), span = sliced(step, columns.end - 1) + 1 - first;
    llvm::SmallVector<float, 1024> values(span);
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      input->read({row, row + 1}, {first, first + span}, values.data());
      for (int64_t column = columns.begin; column < columns.end; ++column)
        *out++ = values[sliced(step, column) - first];
    }
  }
  bool mixesRows() const override { return input->mixesRows(); }
  const uint8_t *storedRow(int64_t row, std::vector<uint8_t> &scratch) const override {
    return step.getGroup() == step.getStride() ? input->storedRow(row, scratch) : nullptr;
  }

private:
  SliceAttr step;
  std::unique_ptr<MatrixReader> input;
};

class Transpose : public MatrixReader {
public:
  Transpose(TransposeAttr, const StepContext &, Inputs inputs) : input(std::move(inputs.front())) {}

  void read(IndexRange rows, IndexRange columns, float *out) const override {
    llvm::SmallVector<float, 1024> values(rows.size());
    for (int64_t column = columns.begin; column < columns.end; ++column) {
      input->read({column, column + 1}, rows, values.data());
      for (auto [row, value] : llvm::enumerate(values))
        out[row * columns.size() + column - columns.begin] = value;
    }
  }
  bool mixesRows() const override { return true; }

private:
  std::unique_ptr<MatrixReader> input;
};

/// Calls what(part, rows of the part) for each part that some of `rows` lie in.
template <typename What> void forParts(IndexRange rows, int64_t partRows, What what) {
  for (int64_t row = rows.begin; row < rows.end;) {
    const int64_t part = row / partRows, end = std::min(rows.end, (part + 1) * partRows);
    what(part, IndexRange{row - part * partRows, end - part * partRows});
    row = end;
  }
}

class RowConcat : public MatrixReader {
public:
  RowConcat(ConcatAttr, const StepContext &context, Inputs inputs)
      : inputs(std::move(inputs)), partRows(context.input.rows) {}

  void read(IndexRange rows, IndexRange columns, float *out) const override {
    forParts(rows, partRows, [&](int64_t part, IndexRange some) {
      inputs[part]->read(some, columns, out);
      out += some.size() * columns.size();
    });
  }
  const uint8_t *storedRow(int64_t row, std::vector<uint8_t> &scratch) const override {
    return inputs[row / partRows]->storedRow(row % partRows, scratch);
  }
  void readScales(int64_t row, float *out) const override { inputs[row / partRows]->readScales(row % partRows, out); }
  void release(IndexRange rows) const override {
    forParts(rows, partRows, [&](int64_t part, IndexRange some) { inputs[part]->release(some); });
  }

private:
  Inputs inputs;
  int64_t partRows;
};

class ColumnConcat : public MatrixReader {
public:
  ColumnConcat(ConcatAttr, const StepContext &context, Inputs inputs)
      : inputs(std::move(inputs)), partColumns(context.input.columns),
        partBytes(rowBytes(context.format, context.input.columns)),
        sharesScales(getFormatInfo(context.format).isScaled() && partColumns % kScaleBlock) {}

  void read(IndexRange rows, IndexRange columns, float *out) const override {
    for (int64_t row = rows.begin; row < rows.end; ++row)
      forParts(columns, partColumns, [&](int64_t part, IndexRange some) {
        inputs[part]->read({row, row + 1}, some, out);
        out += some.size();
      });
  }
  const uint8_t *storedRow(int64_t row, std::vector<uint8_t> &scratch) const override {
    if (sharesScales)
      return nullptr;
    scratch.resize(inputs.size() * partBytes);
    std::vector<uint8_t> partScratch;
    for (auto [index, input] : llvm::enumerate(inputs))
      std::memcpy(scratch.data() + index * partBytes, input->storedRow(row, partScratch), partBytes);
    return scratch.data();
  }
  void readScales(int64_t row, float *out) const override {
    for (const auto &input : inputs) {
      input->readScales(row, out);
      out += (partColumns + kScaleBlock - 1) / kScaleBlock;
    }
  }
  void release(IndexRange rows) const override {
    for (const auto &input : inputs)
      input->release(rows);
  }

private:
  Inputs inputs;
  int64_t partColumns;
  uint64_t partBytes; // of a stored row of a part
  bool sharesScales;  // parts end inside a block of columns, so two scales would meet in a block of the whole
};

//===--------------------------------------------------------------------------------------------------------------===//
// Values that change
//===--------------------------------------------------------------------------------------------------------------===//

/// Every value x becomes apply(x).
template <float (*apply)(float)> class ValueStep : public MatrixReader {
public:
  ValueStep(mlir::Attribute, const StepContext &, Inputs inputs) : input(std::move(inputs.front())) {}

  void read(IndexRange rows, IndexRange columns, float *out) const override {
    input->read(rows, columns, out);
    for (float *end = out + rows.size() * columns.size(); out != end; ++out)
      *out = apply(*out);
  }
  bool mixesRows() const override { return input->mixesRows(); }
  void release(IndexRange rows) const override { input->release(rows); }

private:
  std::unique_ptr<MatrixReader> input;
};

float addOne(float value) { return value + 1; }
float negateExp(float value) { return -std::exp(value); }

//===--------------------------------------------------------------------------------------------------------------===//
// All steps
//===--------------------------------------------------------------------------------------------------------------===//

using Make = std::unique_ptr<MatrixReader> (*)(RecipeStep, const StepContext &, Inputs);

template <typename Step, typename Reader>
std::unique_ptr<MatrixReader> make(RecipeStep step, const StepContext &context, Inputs inputs) {
  return std::make_unique<Reader>(mlir::cast<Step>(step), context, std::move(inputs));
}

/// Makes the reader of a step that has a dimension: OfRows or OfColumns.
template <typename Step, typename OfRows, typename OfColumns>
std::unique_ptr<MatrixReader> makeAlong(RecipeStep step, const StepContext &context, Inputs inputs) {
  return mlir::cast<Step>(step).getDimension() == Dimension::Rows
             ? make<Step, OfRows>(step, context, std::move(inputs))
             : make<Step, OfColumns>(step, context, std::move(inputs));
}

struct StepEntry {
  mlir::TypeID step;
  Make make;
};

llvm::ArrayRef<StepEntry> allSteps() {
  static const StepEntry steps[] = {
      {mlir::TypeID::get<ConcatAttr>(), makeAlong<ConcatAttr, RowConcat, ColumnConcat>},
      {mlir::TypeID::get<SliceAttr>(), makeAlong<SliceAttr, RowSlice, ColumnSlice>},
      {mlir::TypeID::get<TransposeAttr>(), make<TransposeAttr, Transpose>},
      {mlir::TypeID::get<UnpermuteAttr>(), make<UnpermuteAttr, Unpermute>},
      {mlir::TypeID::get<AddOneAttr>(), make<AddOneAttr, ValueStep<addOne>>},
      {mlir::TypeID::get<NegateExpAttr>(), make<NegateExpAttr, ValueStep<negateExp>>},
  };
  return steps;
}

} // namespace

std::unique_ptr<MatrixReader> lathe::makeStepReader(RecipeStep step, const StepContext &context, Inputs inputs) {
  for (const StepEntry &entry : allSteps())
    if (entry.step == step.getTypeID())
      return entry.make(step, context, std::move(inputs));
  llvm_unreachable("every step has a reader");
}
