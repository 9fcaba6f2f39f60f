#include "frontends/onnx/rules/Quantized.h"
#include "compiler/support/Errors.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

/// Bits and sizes that the attributes give.
struct Blocks {
  int64_t bits, block;
};

absl::StatusOr<Blocks> blocksOf(const Node &node) {
  const Blocks blocks = {node.integer("bits", 4), node.integer("block_size", 0)};
  if (blocks.bits != 4 && blocks.bits != 8)
    return invalid("expected values of 4 or 8 bits, got " + llvm::Twine(blocks.bits));
  if (blocks.block < 16 || blocks.block > 1 << 16 || (blocks.block & (blocks.block - 1)))
    return invalid("expected blocks of a power of two from 16 on, got " + llvm::Twine(blocks.block));
  if (node.integer("weight_prepacked", 0) != 0)
    return invalid("expected weights in their plain layout, got weight_prepacked " +
                   llvm::Twine(node.integer("weight_prepacked", 0)));
  return blocks;
}

absl::StatusOr<std::shared_ptr<const Constant>> constantOf(const RuleContext &context, size_t i, int64_t count,
                                                           llvm::StringRef what) {
  if (!context.has(i) || context.isData(i) || !context.evaluated(i).stored || context.evaluated(i).stored->transposed)
    return invalid("expected " + what + " from the file");
  const auto &constant = context.evaluated(i).stored->constant;
  if (elementsOf(constant->shape) != count)
    return invalid("expected " + llvm::Twine(count) + " " + what + ", got " + shapeString(constant->shape));
  if (!constant->file)
    return invalid("expected " + what + " as raw data, got a list of numbers");
  return constant;
}

/// Scales and zero points of `rows` rows of `count` blocks.
absl::Status addScales(const RuleContext &context, size_t scales, size_t zeroPoints, int64_t rows, int64_t count,
                       Stored &stored) {
  LATHE_ASSIGN_OR_RETURN(stored.scales, constantOf(context, scales, rows * count, "scales"));
  if (stored.scales->type != DataType::Float && stored.scales->type != DataType::Float16)
    return invalid("expected scales of float or float16, got " + nameOf(stored.scales->type));
  if (!context.has(zeroPoints))
    return absl::OkStatus();
  const int64_t bytes = (count * stored.bits + 7) / 8 * rows;
  LATHE_ASSIGN_OR_RETURN(stored.zeroPoints, constantOf(context, zeroPoints, bytes, "zero points, in bytes"));
  if (stored.zeroPoints->type != DataType::UInt8)
    return invalid("expected zero points of uint8, got " + nameOf(stored.zeroPoints->type));
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<Weight> lathe::onnx::nBitsMatrix(const RuleContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Blocks blocks, blocksOf(context.node));
  const int64_t n = context.node.integer("N", 0), k = context.node.integer("K", 0);
  if (n < 1 || k < 1 || n > int64_t(1) << 31 || k > int64_t(1) << 31)
    return invalid("expected N and K, got " + llvm::Twine(n) + " and " + llvm::Twine(k));
  if (context.has(4))
    return invalid("expected columns in order, got g_idx");
  const int64_t count = (k + blocks.block - 1) / blocks.block;
  auto stored = std::make_shared<Stored>();
  stored->bits = blocks.bits;
  stored->block = blocks.block;
  stored->pitch = count * blocks.block;
  LATHE_ASSIGN_OR_RETURN(stored->constant,
                         constantOf(context, 1, n * count * blocks.block * blocks.bits / 8, "bytes of values"));
  if (stored->constant->type != DataType::UInt8)
    return invalid("expected values as uint8, got " + nameOf(stored->constant->type));
  LATHE_RETURN_IF_ERROR(addScales(context, 2, 3, n, count, *stored));
  Weight weight;
  weight.stored = std::move(stored);
  weight.isMatrix = true;
  weight.rows = n;
  weight.columns = k;
  return weight;
}

absl::StatusOr<Weight> lathe::onnx::gatheredTable(const RuleContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Blocks blocks, blocksOf(context.node));
  if (context.isData(0) || !context.evaluated(0).stored)
    return invalid("expected a table from the file");
  const Constant &values = *context.evaluated(0).stored->constant;
  const int64_t rank = static_cast<int64_t>(values.shape.size());
  if (rank != 2 || context.node.integer("gather_axis", 0) != 0 ||
      normalizeAxis(context.node.integer("quantize_axis", 1), rank) != 1)
    return invalid("expected rows of a matrix, quantised along its columns");
  if (values.type != DataType::UInt8)
    return invalid("expected values as uint8, got " + nameOf(values.type));
  const int64_t rows = values.shape[0], columns = values.shape[1] * 8 / blocks.bits;
  if (columns % blocks.block)
    return invalid("expected rows of whole blocks of " + llvm::Twine(blocks.block) + ", got rows of " +
                   llvm::Twine(columns));
  auto stored = std::make_shared<Stored>();
  stored->bits = blocks.bits;
  stored->block = blocks.block;
  stored->pitch = columns;
  LATHE_ASSIGN_OR_RETURN(stored->constant, constantOf(context, 0, rows * values.shape[1], "bytes of values"));
  LATHE_RETURN_IF_ERROR(addScales(context, 2, 3, rows, columns / blocks.block, *stored));
  Weight weight;
  weight.stored = std::move(stored);
  weight.isMatrix = true;
  weight.rows = rows;
  weight.columns = columns;
  return weight;
}

absl::StatusOr<Weight> lathe::onnx::quantisedExperts(const RuleContext &context, size_t values, size_t scales,
                                                     size_t zeroPoints, int64_t columns) {
  const int64_t bits = context.node.integer("expert_weight_bits", 4), block = context.node.integer("block_size", 0);
  if (bits != 4 && bits != 8)
    return invalid("expected values of 4 or 8 bits, got " + llvm::Twine(bits));
  if (block != 0 && (block < 16 || block > 1 << 16 || (block & (block - 1))))
    return invalid("expected blocks of a power of two from 16 on, got " + llvm::Twine(block));
  if (!context.has(values) || context.isData(values) || !context.evaluated(values).stored)
    return invalid("expected the matrices of experts from the file as input " + llvm::Twine(values));
  const Shape &shape = context.evaluated(values).shape;
  if (shape.size() != 3 || shape[2] * 8 / bits != columns)
    return invalid("expected matrices with " + llvm::Twine(columns) + " columns, got " + shapeString(shape));
  auto stored = std::make_shared<Stored>();
  stored->bits = bits;
  stored->pitch = columns;
  // One scale for a row is one for a block that is at least as long.
  stored->block = block ? block : std::max<int64_t>(llvm::PowerOf2Ceil(columns), 32);
  if (stored->block > 1 << 16)
    return invalid("expected rows of at most 65536 values, got " + llvm::Twine(columns));
  LATHE_ASSIGN_OR_RETURN(stored->constant,
                         constantOf(context, values, shape[0] * shape[1] * shape[2], "bytes of values"));
  const int64_t count = (columns + stored->block - 1) / stored->block;
  LATHE_RETURN_IF_ERROR(addScales(context, scales, zeroPoints, shape[0] * shape[1], count, *stored));
  Weight weight;
  weight.stored = std::move(stored);
  weight.isMatrix = true;
  weight.experts = shape[0];
  weight.rows = shape[1];
  weight.columns = columns;
  return weight;
}
