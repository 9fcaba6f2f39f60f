//===- RecordChecksum.cpp - record the attributes that generated code depends on ----------------------------------===//

#include "compiler/codegen/Passes.h"
#include "compiler/support/Checksum.h"
#include "dialects/lm/ModuleAttributes.h"

namespace mlir::lm {
#define GEN_PASS_DEF_RECORDCHECKSUM
#include "compiler/codegen/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {
struct RecordChecksum : mlir::lm::impl::RecordChecksumBase<RecordChecksum> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    module->setAttr(kChecksumAttr, StringAttr::get(&getContext(), lathe::checksumOf(module)));
    markAllAnalysesPreserved();
  }
};
} // namespace
