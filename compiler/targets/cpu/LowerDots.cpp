//===- LowerDots.cpp - ops of the cpu dialect become instructions -------------------------------------------------===//

#include "compiler/targets/cpu/CPUInfo.h"
#include "compiler/targets/cpu/CPUOps.h"
#include "compiler/targets/cpu/Passes.h"
#include "dialects/lm/LMDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::lm {
#define GEN_PASS_DEF_LOWERDOTS
#include "compiler/targets/cpu/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;
using lathe::CPUFeatures;
using lathe::CPUInfo;

namespace {

/// LLVM's intrinsic for an instruction, and the bytes of its widest operand. 0 bytes: the CPU has no such instruction.
struct Instruction {
  StringRef intrinsic;
  int64_t bytes = 0;
};

int64_t bytesOf(Value vector) {
  auto type = cast<VectorType>(vector.getType());
  return type.getNumElements() * type.getElementTypeBitWidth() / 8;
}

Value slice(OpBuilder &b, Location loc, Value vector, int64_t part, int64_t parts) {
  int64_t size = cast<VectorType>(vector.getType()).getNumElements() / parts;
  return vector::ExtractStridedSliceOp::create(b, loc, vector, part * size, size, 1);
}

/// Applies the instruction to parts of the operands. Null if the operands do not divide into parts of its size.
Value callInParts(OpBuilder &b, Location loc, Instruction instruction, VectorType type, ValueRange operands) {
  int64_t parts = bytesOf(operands.back()) / instruction.bytes;
  if (parts < 1 || bytesOf(operands.back()) % instruction.bytes)
    return {};
  auto call = [&](VectorType partType, ValueRange values) -> Value {
    return LLVM::CallIntrinsicOp::create(b, loc, partType, b.getStringAttr(instruction.intrinsic), values).getResult(0);
  };
  if (parts == 1)
    return call(type, operands);
  int64_t size = type.getNumElements() / parts;
  auto partType = VectorType::get({size}, type.getElementType());
  Value result = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  for (int64_t part = 0; part < parts; ++part) {
    SmallVector<Value> values;
    for (Value operand : operands)
      values.push_back(slice(b, loc, operand, part, parts));
    result = vector::InsertStridedSliceOp::create(b, loc, call(partType, values), result, part * size, 1);
  }
  return result;
}

/// Elements first, first + stride, ...
Value strided(OpBuilder &b, Location loc, Value vector, int64_t first, int64_t stride) {
  SmallVector<int64_t> mask;
  for (int64_t i = first; i < cast<VectorType>(vector.getType()).getNumElements(); i += stride)
    mask.push_back(i);
  return vector::ShuffleOp::create(b, loc, vector, vector, mask);
}

/// result[i] = start[i] + sum over j < n of lhs[n i + j] * rhs[n i + j], in the result's element type.
template <typename ExtendLeft, typename ExtendRight, typename Multiply, typename Add>
Value plainDot(OpBuilder &b, Location loc, VectorType type, Value start, Value lhs, Value rhs, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    Value left = ExtendLeft::create(b, loc, type, strided(b, loc, lhs, j, n));
    Value right = ExtendRight::create(b, loc, type, strided(b, loc, rhs, j, n));
    Value product = Multiply::create(b, loc, left, right);
    start = start ? Add::create(b, loc, start, product).getResult() : product;
  }
  return start;
}

struct LowerDots : mlir::lm::impl::LowerDotsBase<LowerDots> {
  using LowerDotsBase::LowerDotsBase;

  void runOnOperation() override;
};

void LowerDots::runOnOperation() {
  FailureOr<CPUInfo> found = CPUInfo::get(getOperation(), mcpu);
  if (failed(found))
    return signalPassFailure();
  CPUFeatures cpu = found->features;
  bool usePlain = plain;
  if (auto options = getOperation()->getAttrOfType<DictionaryAttr>("lm.options"))
    usePlain |= options.contains("schedule_for"); // runs another CPU's schedule on this CPU
  if (usePlain)
    cpu = {};

  Instruction dotU8S8 = cpu.vnni      ? Instruction{"llvm.x86.avx512.vpdpbusd.512", 64}
                        : cpu.avxvnni ? Instruction{"llvm.x86.avx512.vpdpbusd.256", 32}
                                      : Instruction{};
  auto widest = [&](const char *avx512, const char *avx2) -> Instruction {
    return cpu.avx512 ? Instruction{avx512, 64} : cpu.avx2 ? Instruction{avx2, 32} : Instruction{};
  };
  Instruction maddU8S8 = widest("llvm.x86.avx512.pmaddubs.w.512", "llvm.x86.avx2.pmadd.ub.sw");
  Instruction maddI16 = widest("llvm.x86.avx512.pmaddw.d.512", "llvm.x86.avx2.pmadd.wd");
  Instruction lookup = widest("llvm.x86.avx512.pshuf.b.512", "llvm.x86.avx2.pshuf.b");
  Instruction dotBF16 = cpu.bf16Dot ? Instruction{"llvm.x86.avx512bf16.dpbf16ps.512", 64} : Instruction{};
  Instruction roundToBF16 = cpu.bf16Dot ? Instruction{"llvm.x86.avx512bf16.cvtneps2bf16.512", 64} : Instruction{};

  IRRewriter rewriter(&getContext());
  getOperation().walk([&](Operation *op) {
    rewriter.setInsertionPoint(op);
    Location loc = op->getLoc();
    auto number = [&](Type type, auto value) -> Value {
      Type element = getElementTypeOrSelf(type);
      TypedAttr attr = isa<FloatType>(element) ? TypedAttr(rewriter.getFloatAttr(element, value))
                                               : TypedAttr(rewriter.getIntegerAttr(element, value));
      if (auto vector = dyn_cast<VectorType>(type))
        attr = DenseElementsAttr::get(vector, cast<Attribute>(attr));
      return arith::ConstantOp::create(rewriter, loc, attr);
    };
    auto resultWith = [&](Type element) -> Type {
      if (auto vector = dyn_cast<VectorType>(op->getResult(0).getType()))
        return vector.clone(element);
      return element;
    };
    auto replace = [&](Instruction instruction, function_ref<Value(VectorType)> plainly) {
      auto type = cast<VectorType>(op->getResult(0).getType());
      Value result;
      if (instruction.bytes)
        result = callInParts(rewriter, loc, instruction, type, op->getOperands());
      rewriter.replaceOp(op, result ? result : plainly(type));
    };
    using namespace arith;
    if (auto dot = dyn_cast<cpu::DotU8S8Op>(op))
      replace(dotU8S8, [&](VectorType type) {
        return plainDot<ExtUIOp, ExtSIOp, MulIOp, AddIOp>(rewriter, loc, type, dot.getAcc(), dot.getLhs(), dot.getRhs(),
                                                          4);
      });
    else if (auto madd = dyn_cast<cpu::MaddU8S8Op>(op))
      replace(maddU8S8, [&](VectorType type) {
        return plainDot<ExtUIOp, ExtSIOp, MulIOp, AddIOp>(rewriter, loc, type, {}, madd.getLhs(), madd.getRhs(), 2);
      });
    else if (auto madd = dyn_cast<cpu::MaddI16Op>(op))
      replace(maddI16, [&](VectorType type) {
        return plainDot<ExtSIOp, ExtSIOp, MulIOp, AddIOp>(rewriter, loc, type, {}, madd.getLhs(), madd.getRhs(), 2);
      });
    else if (auto look = dyn_cast<cpu::LookupOp>(op))
      replace(lookup, [&](VectorType type) {
        Value result = look.getTable();
        auto splat = [&](Value value) { return vector::BroadcastOp::create(rewriter, loc, type, value).getResult(); };
        for (int64_t index = 0; index < 16; ++index) {
          Value own = splat(vector::ExtractOp::create(rewriter, loc, look.getTable(), index));
          Value number =
              ConstantOp::create(rewriter, loc, DenseElementsAttr::get(type, rewriter.getI8IntegerAttr(index)));
          Value isIt = CmpIOp::create(rewriter, loc, CmpIPredicate::eq, look.getIndices(), number);
          result = SelectOp::create(rewriter, loc, isIt, own, result);
        }
        return result;
      });
    else if (auto dot = dyn_cast<cpu::DotBF16Op>(op))
      replace(dotBF16, [&](VectorType type) {
        return plainDot<ExtFOp, ExtFOp, MulFOp, AddFOp>(rewriter, loc, type, dot.getAcc(), dot.getLhs(), dot.getRhs(),
                                                        2);
      });
    else if (auto extend = dyn_cast<ExtFOp>(op);
             extend && !cpu.f16c && !usePlain && getElementTypeOrSelf(extend.getIn().getType()).isF16()) {
      // Shifted to f32, the exponent is 112 too small. Multiplying by 2^112 corrects it, for subnormals too. Weights
      // and their scales are finite, so infinities need no care.
      Type result = extend.getType(), i16 = resultWith(rewriter.getI16Type()), i32 = resultWith(rewriter.getI32Type());
      Value bits = ExtUIOp::create(rewriter, loc, i32, BitcastOp::create(rewriter, loc, i16, extend.getIn()));
      Value magnitude =
          ShLIOp::create(rewriter, loc, AndIOp::create(rewriter, loc, bits, number(i32, 0x7fff)), number(i32, 13));
      Value sign =
          ShLIOp::create(rewriter, loc, AndIOp::create(rewriter, loc, bits, number(i32, 0x8000)), number(i32, 16));
      Value scaled = MulFOp::create(rewriter, loc, BitcastOp::create(rewriter, loc, result, magnitude),
                                    number(result, 5192296858534827628530496329220096.0)); // 2^112
      Value whole = OrIOp::create(rewriter, loc, BitcastOp::create(rewriter, loc, i32, scaled), sign);
      rewriter.replaceOpWithNewOp<BitcastOp>(extend, result, whole);
    } else if (auto round = dyn_cast<TruncFOp>(op); round && getElementTypeOrSelf(round.getType()).isBF16()) {
      // Without the instruction LLVM would call a function that executables do not have.
      Value x = round.getIn(), result;
      if (auto type = dyn_cast<VectorType>(round.getType()); type && roundToBF16.bytes)
        result = callInParts(rewriter, loc, roundToBF16, type, x);
      if (!result) {
        Type i32 = resultWith(rewriter.getI32Type());
        Value bits = BitcastOp::create(rewriter, loc, i32, x), half = number(i32, 16);
        Value odd = AndIOp::create(rewriter, loc, ShRUIOp::create(rewriter, loc, bits, half), number(i32, 1));
        Value up = AddIOp::create(rewriter, loc, AddIOp::create(rewriter, loc, bits, number(i32, 0x7fff)), odd);
        Value words = TruncIOp::create(rewriter, loc, resultWith(rewriter.getI16Type()),
                                       ShRUIOp::create(rewriter, loc, up, half));
        result = BitcastOp::create(rewriter, loc, round.getType(), words);
      }
      rewriter.replaceOp(op, result);
    }
  });
}

} // namespace
