#include "compiler/driver/Pipelines.h"
#include "compiler/codegen/Passes.h"
#include "compiler/codegen/Pipeline.h"
#include "compiler/driver/Program.h"
#include "compiler/graph/Passes.h"
#include "compiler/graph/Pipeline.h"
#include "compiler/support/Errors.h"
#include "compiler/targets/Passes.h"
#include "compiler/targets/Registry.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/spmd/SPMDOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"

using namespace lathe;
using namespace mlir;

void lathe::registerDialects(DialectRegistry &registry) {
  registry.insert<lm::LMDialect, spmd::SPMDDialect, kernel::KernelDialect, arith::ArithDialect,
                  bufferization::BufferizationDialect, cf::ControlFlowDialect, func::FuncDialect, linalg::LinalgDialect,
                  LLVM::LLVMDialect, math::MathDialect, memref::MemRefDialect, scf::SCFDialect, tensor::TensorDialect,
                  vector::VectorDialect>();
  // For upstream's bufferization of decomposed ops.
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerBufferizableOpInterfaceExternalModels(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  for (const std::unique_ptr<Target> &target : allTargets())
    target->registerDialects(registry);
  registerTargetDescriber(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

/// Stages that need the target describe it first, unless the module has a description.
static void populateGraphStage(OpPassManager &pm, const GraphOptions &options) {
  pm.addPass(lm::createDescribeTarget());
  populateGraphPipeline(pm, options);
}

static void populateScheduleStage(OpPassManager &pm) {
  pm.addPass(lm::createDescribeTarget());
  populateSchedulePipeline(pm);
}

void lathe::registerPasses() {
  registerTransformsPasses();
  lm::registerLatheGraphPasses();
  lm::registerLatheCodegenPasses();
  lm::registerLatheTargetsPasses();
  for (const std::unique_ptr<Target> &target : allTargets())
    target->registerPasses();
  static PassPipelineRegistration<GraphOptions> graph("lm-graph", "stage graph", populateGraphStage);
  static PassPipelineRegistration<> schedule("lm-schedule-stage", "stage schedule", populateScheduleStage);
}

absl::Status lathe::populateStage(Stage stage, ModuleOp module, OpPassManager &pm) {
  LATHE_ASSIGN_OR_RETURN(const Target *target, targetOf(module));
  switch (stage) {
  case Stage::Graph: {
    GraphOptions options;
    LATHE_ASSIGN_OR_RETURN(options.weights, moduleString(module, kOptionsAttr, "weights"));
    populateGraphStage(pm, options);
    break;
  }
  case Stage::Schedule:
    populateScheduleStage(pm);
    break;
  case Stage::Vector:
    target->addLowering(pm);
    break;
  case Stage::LLVM:
    target->addLLVMLowering(pm);
    break;
  case Stage::Import:
  case Stage::Object:
  case Stage::Executable:
    llvm_unreachable("not a stage of passes");
  }
  return absl::OkStatus();
}
