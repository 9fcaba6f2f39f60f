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
