//===- Pieces.cpp - the tensor section, computed by several threads -----------------------------------------------===//

#include "compiler/weights/Pieces.h"

using namespace lathe;

absl::Status Piece::run(uint8_t *out, RoundingError &error) const {
  if (matrix->type.isMatrix())
    return matrix->writePanels(panel, panels, out, error);
  matrix->writeVector(out);
  return absl::OkStatus();
}

void Piece::release() const {
  if (!matrix->type.isMatrix())
    return;
  const int64_t rows = PanelLayout(matrix->type).rows;
  matrix->reader->release({panel * rows, std::min((panel + panels) * rows, matrix->type.getRows())});
}

/// About the size of a core's cache.
static constexpr int64_t kPieceBytes = 1 << 20;

std::vector<Piece> lathe::cutIntoPieces(llvm::ArrayRef<PackedMatrix> matrices) {
  std::vector<Piece> pieces;
  for (const PackedMatrix &matrix : matrices) {
    if (!matrix.type.isMatrix()) {
      pieces.push_back({&matrix, 0, 0, matrix.offset, matrix.size});
      continue;
    }
    const PanelLayout layout(matrix.type);
    const int64_t atOnce = std::max<int64_t>(1, kPieceBytes / layout.panelBytes);
    for (int64_t panel = 0; panel < layout.panels; panel += atOnce) {
      const int64_t count = std::min(atOnce, layout.panels - panel);
      pieces.push_back({&matrix, panel, count, matrix.offset + panel * layout.panelBytes, count * layout.panelBytes});
    }
  }
  return pieces;
}

PieceWorkers::~PieceWorkers() {
  {
    std::lock_guard lock(mutex);
    started = pieces.size();
  }
  changed.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

absl::StatusOr<PieceWorkers::Result> PieceWorkers::next(size_t index) {
  std::unique_lock lock(mutex);
  taken = index;
  changed.notify_all();
  Slot &slot = slots[index % slots.size()];
  changed.wait(lock, [&] { return slot.done == index + 1; });
  if (!slot.status.ok())
    return slot.status;
  return Result{{reinterpret_cast<const char *>(slot.bytes.data()), static_cast<size_t>(pieces[index].size)},
                slot.error};
}

void PieceWorkers::work() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [&] { return started == pieces.size() || started < taken + slots.size(); });
    if (started == pieces.size())
      return;
    const size_t index = started++;
    Slot &slot = slots[index % slots.size()];
    lock.unlock();
    slot.bytes.assign(pieces[index].size, 0);
    slot.error = {};
    slot.status = pieces[index].run(slot.bytes.data(), slot.error);
    pieces[index].release();
    lock.lock();
    slot.done = index + 1;
    changed.notify_all();
  }
}
