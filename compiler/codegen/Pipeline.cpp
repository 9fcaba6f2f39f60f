#include "compiler/codegen/Pipeline.h"
#include "compiler/codegen/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void lathe::populateSchedulePipeline(OpPassManager &pm) {
  pm.addPass(lm::createSchedule());
  pm.addPass(createCSEPass());
  pm.addPass(lm::createPlanMemory());
  // On the bytes that were planned.
  pm.addPass(lm::createVerifySchedule());
  pm.addPass(lm::createPredictCost());
  // Reads the places and the costs.
  pm.addPass(lm::createDescribeProgram());
}

void lathe::populateVectorPipeline(OpPassManager &pm) {
  // While ops still say what the code will rely on.
  pm.addPass(lm::createRecordChecksum());
  pm.addPass(lm::createLowerPhases());
  // Weights and caches are places by now: what lm-lower-compute copies into tensors.
  pm.addPass(lm::createDecompose());
  pm.addPass(lm::createLowerCompute());
  pm.addPass(lm::createLowerKernels());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}
