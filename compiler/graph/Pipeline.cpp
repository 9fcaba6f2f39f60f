#include "compiler/graph/Pipeline.h"
#include "compiler/graph/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void lathe::populateGraphPipeline(OpPassManager &pm, const GraphOptions &options) {
  pm.addPass(lm::createFuseQKV());
  pm.addPass(lm::createFuseGatedLinear());
  // After the fusion of blocks: it looks for additions of a whole block's output.
  pm.addPass(lm::createDeferResiduals());
  pm.addPass(createCSEPass());
  pm.addPass(lm::createConvertWeights({options.weights}));
  // After formats are final: the layout depends on them.
  pm.addPass(lm::createPackWeights());
  // f32 is the reference mode: its caches do not round, either.
  pm.addPass(lm::createPlanCache({options.weights == "f32" ? "f32" : "bf16", 512}));
}
