//===- Expansions.h - how a target lowers each op of kernel -------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_KERNELS_EXPANSIONS_H
#define LATHE_COMPILER_CODEGEN_KERNELS_EXPANSIONS_H

#include "compiler/codegen/kernels/RowEmitter.h"
#include "llvm/ADT/DenseMap.h"
#include <functional>

namespace lathe {

/// A target's table from op names to expansions. An expansion creates the code of an op at the emitter's insertion
/// point; the caller erases the op.
class Expansions {
public:
  using Expansion = std::function<void(mlir::Operation *, RowEmitter &)>;

  /// Adds lathe::expand(Op, RowEmitter &) for each op.
  template <typename... Ops> void add() { addOwn<RowEmitter, Ops...>(); }
  /// Adds lathe::expand(Op, Own &) for each op. `Own` is the target's emitter, which must be the one that the target
  /// passes to the table.
  template <typename Own, typename... Ops> void addOwn() {
    (set(mlir::TypeID::get<Ops>(),
         [](mlir::Operation *op, RowEmitter &emitter) { expand(mlir::cast<Ops>(op), static_cast<Own &>(emitter)); }),
     ...);
  }
  /// Adds lathe::expand(Op, Own &, Context &) for each op. The context must outlive the table.
  template <typename Own, typename... Ops, typename Context> void addWith(Context &context) {
    (set(mlir::TypeID::get<Ops>(),
         [&context](mlir::Operation *op, RowEmitter &emitter) {
           expand(mlir::cast<Ops>(op), static_cast<Own &>(emitter), context);
         }),
     ...);
  }

  /// Null: the target has no expansion for the op.
  const Expansion *lookup(mlir::OperationName op) const {
    auto found = expansions.find(op.getTypeID());
    return found == expansions.end() ? nullptr : &found->second;
  }

private:
  void set(mlir::TypeID op, Expansion expansion) {
    bool isNew = expansions.try_emplace(op, std::move(expansion)).second;
    assert(isNew && "expects one expansion of an op");
    (void)isNew;
  }
  llvm::DenseMap<mlir::TypeID, Expansion> expansions;
};

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_KERNELS_EXPANSIONS_H
