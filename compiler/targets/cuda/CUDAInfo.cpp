#include "compiler/targets/cuda/CUDAInfo.h"

using namespace lathe;

llvm::SmallVector<TuningParameter> CUDAInfo::parameters() {
  return {{"block_threads", 32, 1024, &blockThreads},
          {"warp_panels", 1, 4, &warpPanels},
          {"tile_rows", 8, 512, &tileRows},
          {"attention_rows", 1, 64, &attentionRows},
          {"attention_tiles", 1, 1024, &attentionTiles},
          {"split_positions", 16, 4096, &splitPositions}};
}

mlir::FailureOr<CUDAInfo> CUDAInfo::get(mlir::ModuleOp module) {
  CUDAInfo info;
  if (std::string wrong = setTuning(info.parameters(), tuningOf(module)); !wrong.empty())
    return module.emitError() << "tuning: " << wrong;
  return info;
}

/// A bf16 panel is read as on CPUs that multiply pairs of bf16, and quantised panels as on CPUs that multiply four
/// bytes, so that both read the same weights file. 8-bit weights of lm_head are multiplied by 16-bit rows, as on the
/// CPU.
TargetInfo CUDAInfo::describe(mlir::MLIRContext *context) {
  using namespace mlir::lm;
  const ProductAttr bf16 = ProductAttr::get(context, Format::BF16, /*depth=*/2, OperandEncoding::BF16);
  const ProductAttr head = ProductAttr::get(context, Format::Q8_0, /*depth=*/2, OperandEncoding::Q16);
  auto tiles =
      TilesAttr::get(context, tileRows, /*block_rows=*/8, /*replicated_rows=*/8, /*product_tiles=*/264,
                     /*product_panels=*/8, attentionRows, attentionTiles, splitPositions, /*split_heads=*/true);
  auto scratch = ScratchAttr::get(context, /*absorbed_rows=*/32, /*absorbed_positions=*/64, /*latent_rows=*/512,
                                  /*latent_positions=*/64);
  return {TargetAttr::get(context, mlir::StringAttr::get(context, "cuda"), bf16, OperandEncoding::F32, tiles, scratch,
                          head),
          describeTuning(context, parameters())};
}
