//===- Term.h - what the rules make of nodes -----------------------------------------------------------------===//
//
// Rules read the nodes in order and make operations. Most kinds are ops of lm; the others are steps on the way to one:
// the square of a row becomes the mean of squares, then a norm. A step that nothing completes is refused by name.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_TERM_H
#define LATHE_FRONTENDS_ONNX_TERM_H

#include "dialects/lm/LMOps.h"
#include "frontends/onnx/View.h"

namespace lathe::onnx {

enum class Kind : uint8_t {
  // Ops of lm.
  Embed,
  AddPositions,
  Norm,
  Linear,
  Rope,
  Append,
  Attention,
  Glu,
  Activation,
  Add,
  Scale,
  Multiply,
  Softcap,
  Route,
  Experts,
  // Inputs.
  Ids,
  Past,
  // Steps.
  Square,       // x^2
  Cube,         // x^3
  Mean,         // of parts of x
  Centered,     // x - mean of parts of x
  MeanSquare,   // mean of squares of parts of x, plus eps
  Rms,          // its root
  InverseRms,   // 1 / root
  PlusConstant, // x + number
  Product,      // x * y of any two
  Negated,
  Sigmoid,
  Tanh,
  Erf,
  RotatedHalf, // (x1, x2) -> (-x2, x1) in part of each head
  TimesTable,  // x times a table with a row for each token
  Scores,
  Masked,
  WithSinks,
  LargestScore,
  Shifted, // scores minus the largest
  Probabilities,
  IsNaN,
  // Steps to experts.
  RouterProbabilities, // softmax or sigmoid of all scores
  TopWeights,          // the largest of them
  TopIndices,
  SumOfTop,
  ChosenWeights,   // matrices of the chosen experts
  ExpertProduct,   // rows times them: a row for each chosen expert
  WeightedExperts, // times the experts' weights
  GatedShared,     // rows of a shared expert times the sigmoid of its gate
};

llvm::StringRef nameOf(Kind kind);

/// A vector, a matrix [rows, columns] or matrices of experts in a file.
struct Weight {
  std::shared_ptr<const Stored> stored; // null: there is none
  int64_t experts = 0;                  // 0: one matrix or vector
  int64_t rows = 0, columns = 1;        // columns 1 and !isMatrix: a vector
  bool isMatrix = false;
  bool storedByColumns = false; // the file has [columns, rows]
  // Which rows of the stored ones: row i is firstRow + i / group * stride + i % group.
  int64_t firstRow = 0, group = 1, stride = 1;
  int64_t unpermuteHeads = 0; // rows of these heads are interleaved for rotation; 0: halves

  explicit operator bool() const { return stored != nullptr; }
  bool operator==(const Weight &other) const;
  /// The rows [first, first + count) of it.
  Weight select(int64_t first, int64_t count) const;
};

struct RopeInfo {
  int64_t heads = 0, dim = 0, from = 0; // dim values of each head are rotated, those from `from` on
  // Tables of cosine and sine as values of the graph: a row for each token, or for each position if they are whole.
  int cosine = -1, sine = -1;
  bool areWhole = false;
  bool operator==(const RopeInfo &) const = default;
};

/// How a mask says what a token sees.
enum class MaskForm : uint8_t {
  None,
  Added,         // 0, or a large negative number
  TrueIsVisible, // booleans
  TrueIsHidden,
};

struct AttentionInfo {
  int64_t heads = 0, kvHeads = 0, dim = 0;
  double scale = 1, softcap = 0;
  int mask = -1; // value of the graph: which positions each token sees
  MaskForm maskForm = MaskForm::None;
  int64_t window = 0;    // that an op states; 0: none
  bool isCausal = false; // an op says so: without it, the mask decides
  bool operator==(const AttentionInfo &) const = default;
};

struct ExpertsInfo {
  int64_t experts = 0, top = 0;
  bool isNormalized = false;
  mlir::lm::Scoring scoring = mlir::lm::Scoring::Softmax;
  double limit = 0, upOffset = 0;
  bool operator==(const ExpertsInfo &) const = default;
};

struct Term {
  Kind kind;
  llvm::SmallVector<const Term *, 4> arguments;
  int64_t width = 0;                    // columns of the result
  int node = -1;                        // of the graph, for messages
  llvm::SmallVector<Weight, 2> weights; // by position; a missing one is empty
  double number = 0;                    // eps, factor, cap or constant
  int64_t groups = 1;                   // Norm, Mean and so on: parts of a row
  int64_t index = 0;                    // Past, Append: which cache
  mlir::lm::Activation activation = mlir::lm::Activation::Silu;
  RopeInfo rope;
  AttentionInfo attention;
  ExpertsInfo experts;
  Layout layout;  // RotatedHalf, TimesTable: of the tensor that it was applied to
  int table = -1; // TimesTable, Masked: value of the graph

  const Term *argument(size_t i = 0) const { return arguments[i]; }
  Weight weight(size_t i = 0) const { return i < weights.size() ? weights[i] : Weight(); }
};

/// Of a tensor: the operation, and how the tensor lays out its result. No operation: no rule could read the node.
struct View {
  const Term *operation = nullptr;
  Layout layout;
};

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_TERM_H
