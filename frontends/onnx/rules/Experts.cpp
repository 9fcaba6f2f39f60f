//===- Experts.cpp - mixtures of experts --------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/onnx/Raise.h"

using namespace lathe;
using namespace lathe::onnx;

llvm::ArrayRef<RuleEntry> lathe::onnx::expertsRules() { return {}; }
