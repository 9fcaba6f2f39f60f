// What kernels answer about themselves, and for the ops of lm inside kernel.compute.

#include "dialects/kernel/KernelOps.h"
#include "dialects/lm/LMDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::kernel;

namespace {

class KernelInterfaceTest : public testing::Test {
protected:
  KernelInterfaceTest() { context.loadDialect<KernelDialect, func::FuncDialect, tensor::TensorDialect>(); }

  /// The kernel of a function with these arguments.
  KernelOpInterface parse(const std::string &arguments, const std::string &kernel) {
    module = parseSourceString<ModuleOp>("func.func @f(" + arguments + ") {\n" + kernel + "\nreturn\n}", &context);
    if (!module)
      return {};
    function = *module->getOps<func::FuncOp>().begin();
    return cast<KernelOpInterface>(function.getBody().front().front());
  }
  Value argument(unsigned index) { return function.getArgument(index); }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  func::FuncOp function;
};

TEST_F(KernelInterfaceTest, AnOpOnRowsAnswersWithItsOperands) {
  KernelOpInterface op = parse("%x: memref<?x64xf32>, %out: memref<?x64xf32>, %w: !lm.weight<64xf32>",
                               "kernel.norm %x by %w : !lm.weight<64xf32> to %out group 64 eps 1.0e-5 "
                               ": memref<?x64xf32>, memref<?x64xf32>");
  ASSERT_TRUE(op);
  Accesses accesses = op.getAccesses();
  ASSERT_EQ(accesses.buffers.size(), 2u);
  EXPECT_EQ(accesses.buffers[0].view, argument(0));
  EXPECT_TRUE(accesses.buffers[0].reads);
  EXPECT_FALSE(accesses.buffers[0].writes);
  EXPECT_EQ(accesses.buffers[1].view, argument(1));
  EXPECT_FALSE(accesses.buffers[1].reads);
  EXPECT_TRUE(accesses.buffers[1].writes);
  ASSERT_EQ(accesses.weights.size(), 1u);
  EXPECT_EQ(accesses.weights[0].weight, argument(2));
  EXPECT_EQ(accesses.weights[0].part, WeightAccess::Part::All);
  EXPECT_TRUE(accesses.states.empty());
  EXPECT_TRUE(op.getCost().empty());
}

TEST_F(KernelInterfaceTest, AProductReadsSomeOutputsOfItsMatrix) {
  KernelOpInterface op = parse(
      "%x: memref<?x104xi8>, %w: !lm.weight<96x64xq8_0, <16 x 4>>, %first: index, %out: memref<?x?xf32>",
      "kernel.matmul %x, %w[%first] to %out : memref<?x104xi8>, !lm.weight<96x64xq8_0, <16 x 4>>, memref<?x?xf32>");
  ASSERT_TRUE(op);
  Accesses accesses = op.getAccesses();
  ASSERT_EQ(accesses.weights.size(), 1u);
  const WeightAccess &weight = accesses.weights[0];
  EXPECT_EQ(weight.part, WeightAccess::Part::Outputs);
  EXPECT_EQ(weight.first.getKind(), Number::Kind::Index);
  EXPECT_EQ(weight.first.getValue(), argument(2));
  EXPECT_EQ(weight.count.getKind(), Number::Kind::Columns);
  EXPECT_EQ(weight.count.getValue(), argument(3));
  EXPECT_FALSE(weight.isChosen);
  Cost cost = op.getCost();
  ASSERT_EQ(cost.size(), 1u);
  EXPECT_EQ(cost[0].kind, Operations::Kind::Int8);
  EXPECT_EQ(cost[0].per, Operations::Per::WeightValue);
  EXPECT_EQ(cost[0].weight, argument(1));
  EXPECT_EQ(cost[0].factor, 2);
}

TEST_F(KernelInterfaceTest, AttentionFillsItsScratchAndReadsOneHead) {
  KernelOpInterface op = parse(
      "%q: memref<?x16xf32>, %cache: !lm.cache<2 x 16 x bf16, window = 0, rows = 32>, %head: index, %position: index, "
      "%scores: memref<?x32xf32>, %out: memref<?x16xf32>",
      "kernel.attention rounded %q, %cache[%head] at %position scores %scores to %out scale 0.25 softcap 0.0 "
      ": memref<?x16xf32>, !lm.cache<2 x 16 x bf16, window = 0, rows = 32>, memref<?x32xf32>, memref<?x16xf32>");
  ASSERT_TRUE(op);
  Accesses accesses = op.getAccesses();
  ASSERT_EQ(accesses.buffers.size(), 3u);
  EXPECT_EQ(accesses.buffers[1].view, argument(4));
  EXPECT_FALSE(accesses.buffers[1].reads);
  EXPECT_TRUE(accesses.buffers[1].writes);
  ASSERT_EQ(accesses.states.size(), 1u);
  const StateAccess &state = accesses.states[0];
  EXPECT_EQ(state.kind, StateAccess::Kind::Attend);
  EXPECT_TRUE(state.keys && state.values);
  EXPECT_EQ(state.index, argument(2));
  EXPECT_EQ(state.position, argument(3));
  EXPECT_EQ(state.rows, argument(0));
  Cost cost = op.getCost();
  ASSERT_EQ(cost.size(), 1u);
  EXPECT_EQ(cost[0].kind, Operations::Kind::BF16);
  EXPECT_EQ(cost[0].per, Operations::Per::Position);
  EXPECT_EQ(cost[0].factor, 2 * (16 + 16));
  ASSERT_EQ(cost[0].counts.size(), 1u);
  EXPECT_EQ(cost[0].counts[0].getValue(), argument(0));
}

TEST_F(KernelInterfaceTest, ComputeAnswersForOpsOfLMInTermsOfItsFirstInput) {
  KernelOpInterface op = parse("%x: memref<?x64xf32>, %out: memref<?x64xf32>, %cache: !lm.cache<2 x 16 x f32, window = "
                               "0, rows = 32>, %w: !lm.weight<256xf32>, %state: !lm.recurrent_state<2 x 96>, %n: index",
                               R"(kernel.compute (%x : memref<?x64xf32>) to (%out : memref<?x64xf32>) {
    ^bb0(%rows: tensor<?x64xf32>):
      %y = lm.attention %rows, %cache at %n heads 4 scale 1.0
        : tensor<?x64xf32>, !lm.cache<2 x 16 x f32, window = 0, rows = 32>
      %z = lm.causal_conv1d %y, %w width 4 to %state at %n : tensor<?x64xf32>, !lm.weight<256xf32>, !lm.recurrent_state<2 x 96>
      kernel.yield %z : tensor<?x64xf32>
    })");
  ASSERT_TRUE(op);
  Accesses accesses = op.getAccesses();
  EXPECT_EQ(accesses.buffers.size(), 2u);
  ASSERT_EQ(accesses.states.size(), 2u);
  EXPECT_EQ(accesses.states[0].kind, StateAccess::Kind::Attend);
  EXPECT_EQ(accesses.states[1].kind, StateAccess::Kind::Advance);
  for (const StateAccess &state : accesses.states) {
    EXPECT_NE(state.op, op.getOperation());
    EXPECT_FALSE(state.index); // all heads, all parts
    EXPECT_EQ(state.position, argument(5));
    EXPECT_EQ(state.rows, argument(0));
  }
  ASSERT_EQ(accesses.weights.size(), 1u);
  EXPECT_EQ(accesses.weights[0].part, WeightAccess::Part::All);
  Cost cost = op.getCost();
  ASSERT_EQ(cost.size(), 2u);
  EXPECT_EQ(cost[0].per, Operations::Per::Position);
  EXPECT_EQ(cost[0].factor, 2 * 4 * (16 + 16));
  EXPECT_EQ(cost[1].per, Operations::Per::Tile);
  EXPECT_EQ(cost[1].factor, 2 * 4);
  for (const Operations &operations : cost) {
    ASSERT_FALSE(operations.counts.empty());
    EXPECT_EQ(operations.counts[0].getKind(), Number::Kind::Rows);
    EXPECT_EQ(operations.counts[0].getValue(), argument(0));
  }
}

TEST_F(KernelInterfaceTest, ComputeKnowsLookUpsAndChosenExperts) {
  KernelOpInterface op =
      parse("%x: memref<?x72xf32>, %weights: memref<?x2xf32>, %ids: memref<?x2xi32>, %gate: !lm.weight<8x100x72xbf16>, "
            "%down: !lm.weight<8x72x100xbf16>, %bias: !lm.weight<800xf32>, %table: !lm.weight<96x72xf32>, %n: index",
            R"(kernel.compute (%x, %weights, %ids : memref<?x72xf32>, memref<?x2xf32>, memref<?x2xi32>)
        to (%x : memref<?x72xf32>) {
    ^bb0(%rows: tensor<?x72xf32>, %share: tensor<?x2xf32>, %experts: tensor<?x2xi32>):
      %y = lm.experts %rows, %share, %experts, %gate, %gate, %down gate_bias %bias : !lm.weight<800xf32> silu
        : tensor<?x72xf32>, tensor<?x2xf32>, tensor<?x2xi32>, !lm.weight<8x100x72xbf16>, !lm.weight<8x100x72xbf16>,
          !lm.weight<8x72x100xbf16>
      %z = lm.add_positions %y, %table at %n : tensor<?x72xf32>, !lm.weight<96x72xf32>
      kernel.yield %z : tensor<?x72xf32>
    })");
  ASSERT_TRUE(op);
  Accesses accesses = op.getAccesses();
  ASSERT_EQ(accesses.weights.size(), 5u);
  for (unsigned matrix : {0, 1, 2})
    EXPECT_TRUE(accesses.weights[matrix].isChosen);
  EXPECT_FALSE(accesses.weights[3].isChosen); // the bias
  EXPECT_EQ(accesses.weights[4].part, WeightAccess::Part::Rows);
  EXPECT_EQ(accesses.weights[4].count.getValue(), argument(0));
  Cost cost = op.getCost();
  EXPECT_EQ(cost.size(), 3u); // no dot product reads the bias or the table
  for (const Operations &operations : cost)
    EXPECT_EQ(operations.per, Operations::Per::WeightValue);
}

TEST_F(KernelInterfaceTest, AnOpWithoutAModelUsesItsCacheNobodyKnowsWhere) {
  KernelOpInterface op =
      parse("%out: memref<?x32xf32>, %cache: !lm.cache<2 x 16 x f32, window = 0, rows = 32>, %n: index",
            R"(kernel.compute to (%out : memref<?x32xf32>) {
      %k = lm.cached keys %cache to %n : !lm.cache<2 x 16 x f32, window = 0, rows = 32> -> tensor<?x32xf32>
      kernel.yield %k : tensor<?x32xf32>
    })");
  ASSERT_TRUE(op);
  Accesses accesses = op.getAccesses();
  ASSERT_EQ(accesses.states.size(), 1u);
  EXPECT_FALSE(accesses.states[0].position);
}

} // namespace
