// The CPU's table of expansions is complete: a kernel without one would be an error of every model that uses it.

#include "compiler/targets/cpu/kernels/Kernels.h"
#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>

using namespace lathe;
using namespace mlir;

TEST(CPUExpansionsTest, HoldsEveryOpOnMemory) {
  MLIRContext context;
  context.loadDialect<kernel::KernelDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  CPUInfo cpu;
  ProductLibrary products(*module, cpu);
  KernelContext kernels{*module, cpu, products};
  Expansions expansions = getCPUExpansions(kernels);

  std::vector<std::string> onMemory, missing, others;
  for (RegisteredOperationName op : context.getRegisteredOperations()) {
    if (op.getDialectNamespace() != "kernel")
      continue;
    std::string name = op.stripDialect().str();
    if (!op.hasInterface<kernel::KernelOpInterface>())
      others.push_back(name);
    else if (!expansions.lookup(op))
      missing.push_back(name);
    else
      onMemory.push_back(name);
  }
  EXPECT_GT(onMemory.size(), 30u);
  // Lowered before, with the ops of lm inside it.
  EXPECT_EQ(missing, std::vector<std::string>{"compute"});
  EXPECT_EQ(others, std::vector<std::string>{"yield"});
}
