#include "compiler/codegen/Pipeline.h"
#include "compiler/codegen/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void lathe::populateSchedulePipeline(OpPassManager &pm) {
  pm.addPass(lm::createSchedule());
  pm.addPass(createCSEPass());
  pm.addPass(lm::createPlanMemory());
  // After memory planning: it compares the bytes of buffers.
  pm.addPass(lm::createVerifySchedule());
  pm.addPass(lm::createPredictCost());
  // After both: it reads the offsets and the costs.
  pm.addPass(lm::createDescribeProgram());
}
