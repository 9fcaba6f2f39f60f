// Which kernels all threads of a GPU's block run, and which only one of them.

#include "compiler/targets/cuda/kernels/Kernels.h"
#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>
#include <set>

using namespace lathe;
using namespace mlir;

TEST(BlockExpansionsTest, NamesTheOpsThatOneThreadRuns) {
  MLIRContext context;
  context.loadDialect<kernel::KernelDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  const CUDAInfo gpu;
  BlockContext block{*module, gpu};
  Expansions expansions = getBlockExpansions(block);

  std::set<std::string> ofBlock, ofThread;
  for (RegisteredOperationName op : context.getRegisteredOperations())
    if (op.getDialectNamespace() == "kernel" && op.hasInterface<kernel::KernelOpInterface>())
      (expansions.lookup(op) ? ofBlock : ofThread).insert(op.stripDialect().str());
  EXPECT_GT(ofBlock.size(), 30u);
  // kernel.compute is lowered before, with the ops of lm inside it.
  EXPECT_EQ(ofThread, (std::set<std::string>{"compute"}));
}
