//===- Pack.cpp - the weights file --------------------------------------------------------------------------------===//

#include "compiler/weights/Pack.h"
#include "compiler/support/Errors.h"
#include "compiler/weights/ContentId.h"
#include "compiler/weights/Pieces.h"
#include "lrt/abi.h"
#include "lrt/weights.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe;
using namespace mlir;

namespace {

class Packer {
public:
  Packer(ModuleOp module, OutputFile &output, const PackOptions &options)
      : module(module), output(output), options(options) {}

  absl::Status collect();
  absl::StatusOr<PackedWeights> write(llvm::StringRef tokenizer);

private:
  absl::Status writeTensors(ContentId &id);
  absl::Status writeZeros(uint64_t count, ContentId *id = nullptr);

  ModuleOp module;
  OutputFile &output;
  const PackOptions &options;
  MappedFiles files;
  std::vector<PackedMatrix> matrices; // by offset
};

absl::Status Packer::collect() {
  for (auto weight : module.getOps<lm::WeightOp>())
    LATHE_RETURN_IF_ERROR(addMatrices(weight, files, matrices));
  auto about = [](const PackedMatrix &matrix, const llvm::Twine &message) {
    return absl::InvalidArgumentError(("lm.weight @" + matrix.name + ": " + message).str());
  };
  for (const PackedMatrix &matrix : matrices)
    if (matrix.offset < 0 || matrix.offset > options.tensorsBytes || matrix.size > options.tensorsBytes - matrix.offset)
      return about(matrix, "expects an offset in the tensor section of " + llvm::Twine(options.tensorsBytes) +
                               " bytes, found " + llvm::Twine(matrix.offset) + " for " + llvm::Twine(matrix.size) +
                               " bytes");
  llvm::sort(matrices, [](const PackedMatrix &a, const PackedMatrix &b) { return a.offset < b.offset; });
  for (size_t i = 1; i < matrices.size(); ++i)
    if (matrices[i].offset < matrices[i - 1].offset + matrices[i - 1].size)
      return about(matrices[i], "expects an offset of its own, but @" + matrices[i - 1].name + " lies there");
  // Bytes that no weight covers are written as zeros. A dump may have a very large offset, which would take hours.
  int64_t end = 0;
  auto isNear = [&](int64_t offset) { return offset - end < LRT_WEIGHTS_ALIGN; };
  for (const PackedMatrix &matrix : matrices) {
    if (!isNear(matrix.offset))
      return about(matrix, "expects an offset right after the weight before, at byte " + llvm::Twine(end) +
                               ", but it is at " + llvm::Twine(matrix.offset));
    end = matrix.offset + matrix.size;
  }
  if (!isNear(options.tensorsBytes))
    return absl::InvalidArgumentError("lm.program: weights_bytes: expects the end of the last weight, " +
                                      std::to_string(end) + ", but found " + std::to_string(options.tensorsBytes));
  return absl::OkStatus();
}

absl::Status Packer::writeZeros(uint64_t count, ContentId *id) {
  static const char zeros[LRT_WEIGHTS_ALIGN] = {};
  while (count > 0) {
    llvm::StringRef some(zeros, std::min<uint64_t>(count, sizeof zeros));
    LATHE_RETURN_IF_ERROR(output.write(some));
    if (id)
      id->add(some);
    count -= some.size();
  }
  return absl::OkStatus();
}

/// A block whose largest value is below 127 (q8) or 15 (q4) times 2^-14 has a scale that f16 holds with less than 11
/// bits; below 2^-25 the scale is zero. Single blocks like that are expected: rows of tokens that no text had, neurons
/// that died. Their error is small beside the rounding of the same matrix's other blocks, and products add both. So a
/// matrix is refused only where its largest error exceeds what so many bits make of the matrix's own largest values.
static absl::Status checkError(const PackedMatrix &matrix, const RoundingError &error) {
  if (!error.isWorse())
    return absl::OkStatus();
  const llvm::StringRef format = matrix.type.getInfo().name;
  return matrix.cannotHold("expected values large enough for the f16 scales of " + format + ", which then is off by " +
                           numberString(error.promised) + " at most, found ones that it is off by " +
                           numberString(error.found));
}

absl::Status Packer::writeTensors(ContentId &id) {
  const std::vector<Piece> pieces = cutIntoPieces(matrices);
  const unsigned threads = options.threads ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  PieceWorkers workers(pieces, threads);
  int64_t end = 0;
  RoundingError error; // of the matrix that the piece belongs to
  for (auto [index, piece] : llvm::enumerate(pieces)) {
    LATHE_RETURN_IF_ERROR(writeZeros(piece.offset - end, &id));
    LATHE_ASSIGN_OR_RETURN(const PieceWorkers::Result result, workers.next(index));
    if (index == 0 || pieces[index - 1].matrix != piece.matrix)
      error = {};
    error.add(result.error);
    if (index + 1 == pieces.size() || pieces[index + 1].matrix != piece.matrix)
      LATHE_RETURN_IF_ERROR(checkError(*piece.matrix, error));
    LATHE_RETURN_IF_ERROR(output.write(result.bytes));
    id.add(result.bytes);
    end = piece.offset + piece.size;
    if (options.progress)
      options.progress(end, options.tensorsBytes);
  }
  return writeZeros(options.tensorsBytes - end, &id);
}

absl::StatusOr<PackedWeights> Packer::write(llvm::StringRef tokenizer) {
  lrt_weights_header header = {};
  header.magic = LRT_WEIGHTS_MAGIC;
  header.version = LRT_ABI_VERSION;
  header.header_bytes = sizeof header;
  header.tensors_offset = LRT_WEIGHTS_ALIGN;
  header.tensors_bytes = options.tensorsBytes;
  header.tokenizer_offset = llvm::alignTo(header.tensors_offset + header.tensors_bytes, LRT_WEIGHTS_ALIGN);
  header.tokenizer_bytes = tokenizer.size();
  header.file_bytes = header.tokenizer_offset + header.tokenizer_bytes;

  ContentId tensors, tokens;
  LATHE_RETURN_IF_ERROR(writeZeros(header.tensors_offset));
  LATHE_RETURN_IF_ERROR(writeTensors(tensors));
  LATHE_RETURN_IF_ERROR(writeZeros(header.tokenizer_offset - header.tensors_offset - header.tensors_bytes));
  LATHE_RETURN_IF_ERROR(output.write(tokenizer));
  tokens.add(tokenizer);

  // Last, so that what was interrupted is no weights file.
  header.content_id[0] = tensors.finish();
  header.content_id[1] = tokens.finish();
  LATHE_RETURN_IF_ERROR(output.writeAt(0, {reinterpret_cast<const char *>(&header), sizeof header}));
  return PackedWeights{{header.content_id[0], header.content_id[1]}, header.file_bytes};
}

} // namespace

bool lathe::hasWeights(ModuleOp module) {
  return llvm::any_of(module.getOps<lm::WeightOp>(),
                      [](lm::WeightOp weight) { return weight.getSources().has_value(); });
}

absl::StatusOr<PackedWeights> lathe::packWeights(ModuleOp module, llvm::StringRef tokenizer, OutputFile &output,
                                                 const PackOptions &options) {
  Packer packer(module, output, options);
  LATHE_RETURN_IF_ERROR(packer.collect());
  return packer.write(tokenizer);
}
