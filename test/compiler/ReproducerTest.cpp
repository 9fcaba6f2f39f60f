// A mistake of the compiler leaves a file behind, and the command that repeats it.

#include "compiler/driver/Reproducer.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include <gtest/gtest.h>

using namespace lathe;
using namespace mlir;

namespace {

struct Broken : PassWrapper<Broken, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Broken)
  explicit Broken(bool crashes) : crashes(crashes) {}
  StringRef getArgument() const override { return "broken"; }
  void runOnOperation() override {
    getOperation()->setAttr("touched", UnitAttr::get(&getContext()));
    if (crashes)
      abort();
    signalPassFailure();
  }
  bool crashes;
};

class ReproducerTest : public testing::Test {
protected:
  ReproducerTest() : context(MLIRContext::Threading::DISABLED) {
    llvm::sys::fs::createUniqueDirectory("lathe-reproducer-test", folder);
    setenv("TMPDIR", folder.c_str(), 1);
    llvm::sys::PrintStackTraceOnErrorSignal(""); // as lathe does: before MLIR puts its own handlers in front
  }
  ~ReproducerTest() override {
    unsetenv("TMPDIR");
    llvm::sys::fs::remove_directories(folder);
  }

  std::string run(bool crashes) {
    module = parseSourceString<ModuleOp>("module attributes {test.whole} {}", ParserConfig(&context));
    PassManager passes(&context);
    passes.addPass(std::make_unique<Broken>(crashes));
    std::string noted;
    EXPECT_TRUE(
        failed(runReproducibly(passes, *module, "graph", [&](const llvm::Twine &line) { noted = line.str(); })));
    return noted;
  }

  /// The one file in the folder; "" for none.
  std::string leftBehind(llvm::StringRef &name) {
    std::error_code error;
    for (llvm::sys::fs::directory_iterator it(folder, error), end; it != end && !error; it.increment(error)) {
      path = it->path();
      name = path;
      return (*llvm::MemoryBuffer::getFile(path))->getBuffer().str();
    }
    return "";
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  llvm::SmallString<128> folder;
  std::string path;
};

} // namespace

TEST_F(ReproducerTest, APassThatFailsOrCrashesIsRepeatable) {
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
  for (bool crashes : {false, true}) {
    SCOPED_TRACE(crashes);
    const std::string noted = run(crashes);
    llvm::StringRef name;
    const std::string text = leftBehind(name);
    EXPECT_EQ(noted, ("to repeat: lathe-opt --run-reproducer " + name).str());
    EXPECT_TRUE(llvm::sys::path::filename(name).starts_with("lathe-graph-"));
    EXPECT_NE(text.find("{test.whole}"), std::string::npos) << text; // as it was before the pass
    EXPECT_NE(text.find("pipeline: \"builtin.module(broken"), std::string::npos) << text;
    llvm::sys::fs::remove(name);
  }
}

TEST_F(ReproducerTest, ACrashOutsideOfPassesLeavesTheDump) {
  EXPECT_DEATH(
      {
        CrashDump dump("object", "the module", "--from llvm --emit object");
        abort();
      },
      "to repeat: lathe compile .*/lathe-object-[0-9]+.mlir --from llvm --emit object");
  llvm::StringRef name;
  EXPECT_EQ(leftBehind(name), "the module");
}
