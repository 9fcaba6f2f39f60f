// Every kernel has a form for the threads of a GPU's block.

#include "compiler/targets/cuda/kernels/Kernels.h"
#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>
#include <set>

using namespace lathe;
using namespace mlir;

TEST(BlockExpansionsTest, HoldsEveryOpOnMemory) {
  MLIRContext context;
  context.loadDialect<kernel::KernelDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  const CUDAInfo gpu;
  BlockContext block{*module, gpu};
  Expansions expansions = getBlockExpansions(block);

  std::set<std::string> ofBlock, missing;
  for (RegisteredOperationName op : context.getRegisteredOperations())
    if (op.getDialectNamespace() == "kernel" && op.hasInterface<kernel::KernelOpInterface>())
      (expansions.lookup(op) ? ofBlock : missing).insert(op.stripDialect().str());
  EXPECT_GT(ofBlock.size(), 30u);
  // kernel.compute is lowered before, with the ops of lm inside it.
  EXPECT_EQ(missing, (std::set<std::string>{"compute"}));
}
