#include "compiler/targets/cpu/CPUTarget.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void lathe::populateLLVMPipeline(OpPassManager &pm) {
  pm.addPass(lm::createLowerDots());
  pm.addPass(arith::createArithExpandOpsPass()); // ceildivui
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass()); // what the pass before computes offsets with
  ConvertVectorToLLVMPassOptions vectorOptions;
  // Sums over lanes have no order of their own; in order they would be one scalar chain.
  vectorOptions.reassociateFPReductions = true;
  pm.addPass(createConvertVectorToLLVMPass(vectorOptions));
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(lm::createExportEntries());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}
