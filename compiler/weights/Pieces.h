//===- Pieces.h - the tensor section, computed by several threads -------------------------------------------------===//

#ifndef LATHE_COMPILER_WEIGHTS_PIECES_H
#define LATHE_COMPILER_WEIGHTS_PIECES_H

#include "absl/status/statusor.h"
#include "compiler/weights/PackedMatrix.h"
#include <condition_variable>
#include <mutex>
#include <thread>

namespace lathe {

/// A unit of work: a vector, or some panels of a matrix.
struct Piece {
  const PackedMatrix *matrix;
  int64_t panel, panels; // of a matrix
  int64_t offset, size;  // in the tensor section, bytes

  absl::Status run(uint8_t *out, RoundingError &error) const;
  /// Releases the pages that it has read.
  void release() const;
};

/// Divides the matrices into pieces of about the size of a core's cache, in order.
std::vector<Piece> cutIntoPieces(llvm::ArrayRef<PackedMatrix> matrices);

/// Threads compute pieces in any order; `next` returns them in order. At most two per worker are in memory.
class PieceWorkers {
public:
  PieceWorkers(llvm::ArrayRef<Piece> pieces, unsigned size) : pieces(pieces), slots(2 * size) {
    for (unsigned i = 0; i < size; ++i)
      workers.emplace_back([this] { work(); });
  }
  ~PieceWorkers();

  struct Result {
    llvm::StringRef bytes; // valid until the next call
    RoundingError error;
  };
  /// Waits for piece `index` and returns its result.
  absl::StatusOr<Result> next(size_t index);

private:
  struct Slot {
    std::vector<uint8_t> bytes;
    absl::Status status;
    RoundingError error;
    size_t done = 0; // number of the piece it holds, plus one
  };

  void work();

  llvm::ArrayRef<Piece> pieces;
  std::vector<Slot> slots;
  std::vector<std::thread> workers;
  std::mutex mutex;
  std::condition_variable changed;
  size_t started = 0; // pieces before it are being computed or done
  size_t taken = 0;   // pieces before it are no longer needed
};

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_PIECES_H
