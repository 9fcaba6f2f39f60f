//===- Infer.cpp - type and shape of data -------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/onnx/EvaluateOps.h"
#include "frontends/onnx/ShapeOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

Results one(DataType type, llvm::ArrayRef<int64_t> shape) { return llvm::SmallVector<Evaluated, 2>{data(type, shape)}; }
Results like(const NodeContext &context) { return one(context.inputs[0].type, context.inputs[0].shape); }

Results broadcastAll(const NodeContext &context) {
  Shape shape;
  for (const Evaluated &input : context.inputs) {
    if (!input.isSet)
      continue;
    const std::optional<Shape> both = broadcast(shape, input.shape);
    if (!both || !elementsOf(*both))
      return invalid("expected shapes that fit, got " + shapeString(shape) + " and " + shapeString(input.shape));
    shape = *both;
  }
  // Where: the type of the values.
  return one(context.inputs.back().type, shape);
}

Results compared(const NodeContext &context) {
  auto results = broadcastAll(context);
  if (results.ok())
    results->front().type = DataType::Bool;
  return results;
}

Results cast(const NodeContext &context) {
  const int64_t to = context.node.integer("to", 0);
  if (!isKnown(static_cast<int32_t>(to)))
    return invalid("expected a type of numbers, got type " + llvm::Twine(to));
  return one(static_cast<DataType>(to), context.inputs[0].shape);
}

template <absl::StatusOr<Shape> (*shapeOf)(const NodeContext &)> Results moved(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Shape shape, shapeOf(context));
  return one(context.inputs[0].type, shape);
}

Results transpose(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Shape permutation, permutationOf(context));
  Shape shape;
  for (int64_t axis : permutation)
    shape.push_back(context.inputs[0].shape[axis]);
  return one(context.inputs[0].type, shape);
}

Results slice(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const auto ranges, rangesOfSlice(context));
  Shape shape;
  for (const SliceRange &range : ranges)
    shape.push_back(range.count);
  return one(context.inputs[0].type, shape);
}

Results split(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const SplitParts parts, partsOfSplit(context));
  llvm::SmallVector<Evaluated, 2> results;
  for (int64_t size : parts.sizes) {
    Shape shape = context.inputs[0].shape;
    shape[parts.axis] = size;
    results.push_back(data(context.inputs[0].type, shape));
  }
  return results;
}

Results concat(const NodeContext &context) {
  int64_t axis;
  LATHE_ASSIGN_OR_RETURN(const Shape shape, shapeOfConcat(context, axis));
  return one(context.inputs[0].type, shape);
}

Results gather(const NodeContext &context) {
  int64_t axis;
  LATHE_ASSIGN_OR_RETURN(const Shape shape, shapeOfGather(context, axis));
  return one(context.inputs[0].type, shape);
}

Results gatherQuantized(const NodeContext &context) {
  int64_t axis;
  if (!context.has(2))
    return invalid("expected scales");
  LATHE_ASSIGN_OR_RETURN(Shape shape, shapeOfGather(context, axis));
  // Two values to a byte.
  const int64_t bits = context.node.integer("bits", 4);
  if (context.inputs[0].type == DataType::UInt8 && bits == 4)
    shape.back() *= 2;
  return one(context.inputs[2].type, shape);
}

Results gatherND(const NodeContext &context) {
  const Shape &from = context.inputs[0].shape, &indices = context.inputs[1].shape;
  const int64_t depth = indices.empty() ? 0 : indices.back(), batch = context.node.integer("batch_dims", 0);
  if (batch != 0 || depth < 1 || depth > static_cast<int64_t>(from.size()))
    return invalid("expected indices without batch dimensions");
  Shape shape(indices.begin(), indices.end() - 1);
  shape.append(from.begin() + depth, from.end());
  return one(context.inputs[0].type, shape);
}

Results matMul(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Shape shape, shapeOfMatMul(context.inputs[0].shape, context.inputs[1].shape));
  return one(context.inputs[0].type, shape);
}

Results gemm(const NodeContext &context) {
  Shape a = context.inputs[0].shape, b = context.inputs[1].shape;
  if (a.size() != 2 || b.size() != 2)
    return invalid("expected matrices, got " + shapeString(a) + " and " + shapeString(b));
  if (context.node.integer("transA", 0))
    std::swap(a[0], a[1]);
  if (context.node.integer("transB", 0))
    std::swap(b[0], b[1]);
  LATHE_ASSIGN_OR_RETURN(const Shape shape, shapeOfMatMul(a, b));
  return one(context.inputs[0].type, shape);
}

Results reduced(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Reduction reduction, reductionOf(context));
  return one(context.inputs[0].type, reduction.shape);
}

/// All results have the first input's shape; a norm's mean and deviation are not data that anything reads.
Results norm(const NodeContext &context) {
  llvm::SmallVector<Evaluated, 2> results(context.node.outputs.size(),
                                          data(context.inputs[0].type, context.inputs[0].shape));
  return results;
}

Results topK(const NodeContext &context) {
  const auto k = context.integers(1, "");
  Shape shape = context.inputs[0].shape;
  const int64_t axis = normalizeAxis(context.node.integer("axis", -1), shape.size());
  if (!k || k->size() != 1 || axis < 0 || axis >= int64_t(shape.size()) || k->front() < 0 || k->front() > shape[axis])
    return invalid("expected a fixed number of values");
  shape[axis] = k->front();
  return llvm::SmallVector<Evaluated, 2>{data(context.inputs[0].type, shape), data(DataType::Int64, shape)};
}

Results matMulNBits(const NodeContext &context) {
  Shape shape = context.inputs[0].shape;
  const int64_t k = context.node.integer("K", 0), n = context.node.integer("N", 0);
  if (shape.empty() || shape.back() != k || n < 1 || n > int64_t(1) << 31)
    return invalid("expected rows of " + llvm::Twine(k) + " values, got " + shapeString(shape));
  shape.back() = n;
  return one(context.inputs[0].type, shape);
}

/// Shape [1, length, heads * dim], then the two caches.
Results groupQueryAttention(const NodeContext &context) {
  const Node &node = context.node;
  const int64_t heads = node.integer("num_heads", 0), kvHeads = node.integer("kv_num_heads", 0);
  if (heads < 1 || kvHeads < 1 || heads > 1 << 20 || kvHeads > heads || !context.has(3) || !context.has(4) ||
      context.inputs[0].shape.size() != 3 || context.inputs[3].shape.size() != 4 || context.inputs[4].shape.size() != 4)
    return invalid("expected numbers of heads, rows of queries and two caches");
  Shape out = context.inputs[0].shape;
  if (!context.has(1))
    out[2] = out[2] / (heads + 2 * kvHeads) * heads;
  llvm::SmallVector<Evaluated, 2> results = {data(context.inputs[0].type, out)};
  for (int cache : {3, 4}) {
    Shape shape = context.inputs[cache].shape;
    shape[2] += out[1];
    results.push_back(data(context.inputs[cache].type, shape));
  }
  return results;
}

/// Queries of 3 or 4 dimensions; the result has the shape of the queries, with the width of the values.
Results attention(const NodeContext &context) {
  if (!context.has(1) || !context.has(2))
    return invalid("expected queries, keys and values");
  llvm::SmallVector<Evaluated, 2> results;
  Shape out = context.inputs[0].shape;
  const Shape &v = context.inputs[2].shape;
  if (out.size() == 4 && v.size() == 4) {
    out[3] = v[3];
  } else if (out.size() == 3 && v.size() == 3) {
    const int64_t heads = context.node.integer("q_num_heads", context.node.integer("num_heads", 0));
    const int64_t kvHeads = context.node.integer("kv_num_heads", heads);
    if (heads < 1 || kvHeads < 1)
      return invalid("expected numbers of heads");
    out[2] = v[2] / kvHeads * heads;
  } else if (out.size() == 3 && v.size() == 4) {
    const int64_t heads = context.node.integer("num_heads", 0);
    out[2] = v[3] * heads;
  } else {
    return invalid("expected queries and values of 3 or 4 dimensions");
  }
  results.push_back(data(context.inputs[0].type, out));
  // Present keys and values: past ones, then these, with heads in dimension 1.
  const size_t firstPast = context.node.domain.empty() ? 4 : 6;
  for (size_t i = 0; i < 2 && context.node.output(i + 1) >= 0; ++i) {
    if (!context.has(firstPast + i))
      return invalid("expected past keys and values for present ones");
    Shape shape = context.inputs[firstPast + i].shape;
    const Shape &own = context.inputs[1 + i].shape;
    if (shape.size() != 4 || own.size() < 3)
      return invalid("expected past keys and values of 4 dimensions");
    shape[2] += own[own.size() - 2];
    results.push_back(data(context.inputs[firstPast + i].type, shape));
  }
  return results;
}

Results skipNorm(const NodeContext &context) { return norm(context); }

struct DataOp {
  llvm::StringLiteral domain, name;
  Results (*infer)(const NodeContext &context);
};

constexpr DataOp ops[] = {
    {"", "Add", broadcastAll},
    {"", "Sub", broadcastAll},
    {"", "Mul", broadcastAll},
    {"", "Div", broadcastAll},
    {"", "Pow", broadcastAll},
    {"", "Max", broadcastAll},
    {"", "Min", broadcastAll},
    {"", "Where", broadcastAll},
    {"", "And", broadcastAll},
    {"", "Or", broadcastAll},
    {"", "Equal", compared},
    {"", "Less", compared},
    {"", "Greater", compared},
    {"", "LessOrEqual", compared},
    {"", "GreaterOrEqual", compared},
    {"", "Cast", cast},
    {"", "CastLike", like},
    {"", "Identity", like},
    {"", "Sigmoid", like},
    {"", "Tanh", like},
    {"", "Erf", like},
    {"", "Exp", like},
    {"", "Sqrt", like},
    {"", "Reciprocal", like},
    {"", "Neg", like},
    {"", "Abs", like},
    {"", "Relu", like},
    {"", "Gelu", like},
    {"", "Softplus", like},
    {"", "HardSigmoid", like},
    {"", "Swish", like},
    {"", "Clip", like},
    {"", "Softmax", like},
    {"", "IsNaN", compared},
    {"", "Not", like},
    {"", "Reshape", moved<shapeOfReshape>},
    {"", "Squeeze", moved<shapeOfSqueeze>},
    {"", "Unsqueeze", moved<shapeOfUnsqueeze>},
    {"", "Expand", moved<shapeOfExpand>},
    {"", "Transpose", transpose},
    {"", "Slice", slice},
    {"", "Split", split},
    {"", "Concat", concat},
    {"", "Gather", gather},
    {"", "GatherND", gatherND},
    {"", "MatMul", matMul},
    {"", "Gemm", gemm},
    {"", "ReduceMean", reduced},
    {"", "ReduceSum", reduced},
    {"", "ReduceMax", reduced},
    {"", "LayerNormalization", norm},
    {"", "SimplifiedLayerNormalization", norm},
    {"", "RMSNormalization", norm},
    {"", "RotaryEmbedding", like},
    {"", "Attention", attention},
    {"", "TopK", topK},
    {"com.microsoft", "RotaryEmbedding", like},
    {"com.microsoft", "SimplifiedLayerNormalization", norm},
    {"com.microsoft", "SkipSimplifiedLayerNormalization", skipNorm},
    {"com.microsoft", "SkipLayerNormalization", skipNorm},
    {"com.microsoft", "GroupQueryAttention", groupQueryAttention},
    {"com.microsoft", "MultiHeadAttention", attention},
    {"com.microsoft", "MatMulNBits", matMulNBits},
    {"com.microsoft", "GatherBlockQuantized", gatherQuantized},
    {"com.microsoft", "MoE", like},
    {"com.microsoft", "QMoE", like},
    {"com.microsoft", "Gelu", like},
    {"com.microsoft", "FastGelu", like},
    {"com.microsoft", "QuickGelu", like},
    {"com.microsoft", "BiasGelu", like},
};

} // namespace

Results lathe::onnx::inferNode(const NodeContext &context) {
  if (context.inputs.empty() || !context.inputs[0].isSet)
    return invalid("expected an input");
  for (const DataOp &op : ops)
    if (context.node.domain == op.domain && context.node.op == op.name) {
      const size_t needed = llvm::is_contained({"MatMul", "Gemm", "Gather", "GatherND"}, op.name) ? 2 : 1;
      if (!context.has(needed - 1))
        return invalid("expected " + llvm::Twine(needed) + " inputs");
      return op.infer(context);
    }
  return invalid("expected an op of a language model, got one that is not known");
}
