//===- Pipeline.h - stage 2 ---------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_GRAPH_PIPELINE_H
#define LATHE_COMPILER_GRAPH_PIPELINE_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace lathe {

struct GraphOptions : mlir::PassPipelineOptions<GraphOptions> {
  Option<std::string> weights{*this, "weights", llvm::cl::desc("as-stored, f32, bf16, q8 or q4"),
                              llvm::cl::init("as-stored")};
};

/// Fuses the ops of layers, packs the weights, and sets the rows of each cache.
void populateGraphPipeline(mlir::OpPassManager &pm, const GraphOptions &options);

} // namespace lathe

#endif // LATHE_COMPILER_GRAPH_PIPELINE_H
