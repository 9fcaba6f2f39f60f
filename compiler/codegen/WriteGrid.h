//===- WriteGrid.h - which tile writes which part of a buffer -----------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_WRITEGRID_H
#define LATHE_COMPILER_CODEGEN_WRITEGRID_H

#include "compiler/codegen/Footprint.h"
#include "llvm/ADT/STLExtras.h"

namespace lathe {

/// The tile that writes each cell of a grid. The grid's lines are the edges of the written parts.
class WriteGrid {
public:
  explicit WriteGrid(llvm::ArrayRef<Access> writes) {
    for (const Access &write : writes) {
      rows.append({write.part.row, write.part.rowEnd});
      columns.append({write.part.column, write.part.columnEnd});
    }
    for (auto *lines : {&rows, &columns}) {
      llvm::sort(*lines);
      lines->erase(llvm::unique(*lines), lines->end());
    }
    owners.assign((rows.size() - 1) * (columns.size() - 1), kNobody);
    for (const Access &write : writes)
      forCells(write.part, [&](int32_t &owner, const Rect &cell) {
        if (owner != kNobody && owner != write.tile && !twice)
          twice = Twice{cell, owner, write.tile};
        owner = write.tile;
      });
  }

  struct Twice {
    Rect part;
    int32_t first, second;
  };
  /// A part that two tiles write.
  std::optional<Twice> twice;

  /// A part inside the whole that nobody writes.
  std::optional<Rect> findGap() {
    std::optional<Rect> gap;
    forCells({rows.front(), rows.back(), columns.front(), columns.back()}, [&](int32_t &owner, const Rect &cell) {
      if (owner == kNobody && !gap)
        gap = cell;
    });
    return gap;
  }
  /// A part of `read` that another tile writes.
  std::optional<std::pair<Rect, int32_t>> findOther(const Access &read) {
    std::optional<std::pair<Rect, int32_t>> other;
    forCells(read.part, [&](int32_t &owner, const Rect &cell) {
      if (owner != kNobody && owner != read.tile && !other)
        other = {cell.intersect(read.part), owner};
    });
    return other;
  }

private:
  static constexpr int32_t kNobody = -3;

  template <typename Visitor> void forCells(const Rect &part, Visitor visit) {
    auto first = [](llvm::ArrayRef<int64_t> lines, int64_t at) -> size_t {
      size_t above = llvm::upper_bound(lines, at) - lines.begin();
      return above ? above - 1 : 0;
    };
    size_t width = columns.size() - 1;
    for (size_t r = first(rows, part.row); r + 1 < rows.size() && rows[r] < part.rowEnd; ++r)
      for (size_t c = first(columns, part.column); c < width && columns[c] < part.columnEnd; ++c) {
        Rect cell{rows[r], rows[r + 1], columns[c], columns[c + 1]};
        if (!cell.intersect(part).isEmpty())
          visit(owners[r * width + c], cell);
      }
  }

  llvm::SmallVector<int64_t> rows, columns;
  std::vector<int32_t> owners;
};

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_WRITEGRID_H
