// A module without #lm.target, in a program that registers no targets.

#include "compiler/support/TargetInfo.h"
#include "dialects/lm/LMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include <gtest/gtest.h>

using namespace mlir;

TEST(TargetInfo, NeedsTargetsOrTheAttribute) {
  MLIRContext context;
  context.loadDialect<lm::LMDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { message = diagnostic.str(); });
  EXPECT_TRUE(failed(lathe::getTarget(*module)));
  EXPECT_EQ(message, "expected lm.target, or a tool that describes targets; found none");
}
