//===- LowerDots.cpp - ops of the cpu dialect become instructions -------------------------------------------------===//

#include "compiler/targets/cpu/CPUInfo.h"
#include "compiler/targets/cpu/CPUOps.h"
#include "compiler/targets/cpu/Passes.h"
#include "dialects/lm/LMDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/TypeSwitch.h"

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

/// The instructions for the ops of the cpu dialect.
struct Instructions {
  explicit Instructions(const CPUFeatures &cpu);

  Instruction dotU8S8, maddU8S8, maddI16, lookup, dotBF16, roundToBF16;
};

Instructions::Instructions(const CPUFeatures &cpu) {
  auto widest = [&](const char *avx512, const char *avx2) -> Instruction {
    return cpu.avx512 ? Instruction{avx512, 64} : cpu.avx2 ? Instruction{avx2, 32} : Instruction{};
  };
  dotU8S8 = cpu.vnni      ? Instruction{"llvm.x86.avx512.vpdpbusd.512", 64}
            : cpu.avxvnni ? Instruction{"llvm.x86.avx512.vpdpbusd.256", 32}
                          : Instruction{};
  maddU8S8 = widest("llvm.x86.avx512.pmaddubs.w.512", "llvm.x86.avx2.pmadd.ub.sw");
  maddI16 = widest("llvm.x86.avx512.pmaddw.d.512", "llvm.x86.avx2.pmadd.wd");
  lookup = widest("llvm.x86.avx512.pshuf.b.512", "llvm.x86.avx2.pshuf.b");
  if (cpu.bf16Dot) {
    dotBF16 = {"llvm.x86.avx512bf16.dpbf16ps.512", 64};
    roundToBF16 = {"llvm.x86.avx512bf16.cvtneps2bf16.512", 64};
  }
}

/// Lowers one op after another.
class Lowering {
public:
  /// If `extendsF16`, extensions of f16 become integer arithmetic.
  Lowering(MLIRContext *context, const CPUFeatures &cpu, bool extendsF16)
      : rewriter(context), instructions(cpu), extendsF16(extendsF16) {}

  /// Replaces the op if it is one of the cpu dialect, or a conversion without an instruction.
  void lower(Operation *op);

private:
  template <typename Op> Value callOrPlain(Instruction instruction, Op op);
  Value plain(cpu::DotU8S8Op op);
  Value plain(cpu::MaddU8S8Op op);
  Value plain(cpu::MaddI16Op op);
  Value plain(cpu::LookupOp op);
  Value plain(cpu::DotBF16Op op);
  Value plain(arith::TruncFOp op);
  Value extendF16(arith::ExtFOp op);

  /// A constant of a scalar or vector type.
  Value number(Type type, auto value) {
    Type element = getElementTypeOrSelf(type);
    TypedAttr attr = isa<FloatType>(element) ? TypedAttr(rewriter.getFloatAttr(element, value))
                                             : TypedAttr(rewriter.getIntegerAttr(element, value));
    if (auto vector = dyn_cast<VectorType>(type))
      attr = DenseElementsAttr::get(vector, cast<Attribute>(attr));
    return arith::ConstantOp::create(rewriter, loc, attr);
  }
  /// The type with another element type.
  static Type with(Type type, Type element) {
    auto vector = dyn_cast<VectorType>(type);
    return vector ? Type(vector.clone(element)) : element;
  }

  IRRewriter rewriter;
  Instructions instructions;
  bool extendsF16;
  Location loc = rewriter.getUnknownLoc(); // of the op that is being lowered
};

void Lowering::lower(Operation *op) {
  rewriter.setInsertionPoint(op);
  loc = op->getLoc();
  Value result = llvm::TypeSwitch<Operation *, Value>(op)
                     .Case([&](cpu::DotU8S8Op op) { return callOrPlain(instructions.dotU8S8, op); })
                     .Case([&](cpu::MaddU8S8Op op) { return callOrPlain(instructions.maddU8S8, op); })
                     .Case([&](cpu::MaddI16Op op) { return callOrPlain(instructions.maddI16, op); })
                     .Case([&](cpu::LookupOp op) { return callOrPlain(instructions.lookup, op); })
                     .Case([&](cpu::DotBF16Op op) { return callOrPlain(instructions.dotBF16, op); })
                     .Case([&](arith::TruncFOp op) {
                       // Without the instruction LLVM would call a function that executables do not have.
                       bool isBF16 = getElementTypeOrSelf(op.getType()).isBF16();
                       return isBF16 ? callOrPlain(instructions.roundToBF16, op) : Value();
                     })
                     .Case([&](arith::ExtFOp op) {
                       bool isF16 = getElementTypeOrSelf(op.getIn().getType()).isF16();
                       return isF16 && extendsF16 ? extendF16(op) : Value();
                     })
                     .Default(Value());
  if (result)
    rewriter.replaceOp(op, result);
}

/// The instruction on parts of the operands, or plain arithmetic if there is none that fits.
template <typename Op> Value Lowering::callOrPlain(Instruction instruction, Op op) {
  Value result;
  if (auto type = dyn_cast<VectorType>(op.getType()); type && instruction.bytes)
    result = callInParts(rewriter, loc, instruction, type, op->getOperands());
  return result ? result : plain(op);
}

Value Lowering::plain(cpu::DotU8S8Op op) {
  return plainDot<arith::ExtUIOp, arith::ExtSIOp, arith::MulIOp, arith::AddIOp>(
      rewriter, loc, op.getType(), op.getAcc(), op.getLhs(), op.getRhs(), 4);
}

Value Lowering::plain(cpu::MaddU8S8Op op) {
  return plainDot<arith::ExtUIOp, arith::ExtSIOp, arith::MulIOp, arith::AddIOp>(rewriter, loc, op.getType(), {},
                                                                                op.getLhs(), op.getRhs(), 2);
}

Value Lowering::plain(cpu::MaddI16Op op) {
  return plainDot<arith::ExtSIOp, arith::ExtSIOp, arith::MulIOp, arith::AddIOp>(rewriter, loc, op.getType(), {},
                                                                                op.getLhs(), op.getRhs(), 2);
}

Value Lowering::plain(cpu::DotBF16Op op) {
  return plainDot<arith::ExtFOp, arith::ExtFOp, arith::MulFOp, arith::AddFOp>(rewriter, loc, op.getType(), op.getAcc(),
                                                                              op.getLhs(), op.getRhs(), 2);
}

/// Compares the indices with each of the 16 indices of the table.
Value Lowering::plain(cpu::LookupOp op) {
  VectorType type = op.getType();
  Value result = op.getTable();
  for (int64_t index = 0; index < 16; ++index) {
    Value element = vector::ExtractOp::create(rewriter, loc, op.getTable(), index);
    Value own = vector::BroadcastOp::create(rewriter, loc, type, element);
    Value isIt = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq, op.getIndices(), number(type, index));
    result = arith::SelectOp::create(rewriter, loc, isIt, own, result);
  }
  return result;
}

/// Rounds f32 to bf16, to nearest even: adds 0x7fff and the lowest bit that stays, and drops 16 bits.
Value Lowering::plain(arith::TruncFOp op) {
  using namespace arith;
  Type i32 = with(op.getType(), rewriter.getI32Type()), i16 = with(op.getType(), rewriter.getI16Type());
  Value bits = BitcastOp::create(rewriter, loc, i32, op.getIn()), half = number(i32, 16);
  Value odd = AndIOp::create(rewriter, loc, ShRUIOp::create(rewriter, loc, bits, half), number(i32, 1));
  Value up = AddIOp::create(rewriter, loc, AddIOp::create(rewriter, loc, bits, number(i32, 0x7fff)), odd);
  Value words = TruncIOp::create(rewriter, loc, i16, ShRUIOp::create(rewriter, loc, up, half));
  return BitcastOp::create(rewriter, loc, op.getType(), words);
}

/// Shifted to f32, the exponent is 112 too small. Multiplying by 2^112 corrects it, for subnormals too. Weights and
/// their scales are finite, so infinities need no care.
Value Lowering::extendF16(arith::ExtFOp op) {
  using namespace arith;
  Type f32 = op.getType(), i16 = with(f32, rewriter.getI16Type()), i32 = with(f32, rewriter.getI32Type());
  Value bits = ExtUIOp::create(rewriter, loc, i32, BitcastOp::create(rewriter, loc, i16, op.getIn()));
  Value magnitude =
      ShLIOp::create(rewriter, loc, AndIOp::create(rewriter, loc, bits, number(i32, 0x7fff)), number(i32, 13));
  Value sign = ShLIOp::create(rewriter, loc, AndIOp::create(rewriter, loc, bits, number(i32, 0x8000)), number(i32, 16));
  Value scaled = MulFOp::create(rewriter, loc, BitcastOp::create(rewriter, loc, f32, magnitude),
                                number(f32, 5192296858534827628530496329220096.0)); // 2^112
  Value whole = OrIOp::create(rewriter, loc, BitcastOp::create(rewriter, loc, i32, scaled), sign);
  return BitcastOp::create(rewriter, loc, f32, whole);
}

struct LowerDots : mlir::lm::impl::LowerDotsBase<LowerDots> {
  using LowerDotsBase::LowerDotsBase;

  void runOnOperation() override {
    FailureOr<CPUInfo> found = CPUInfo::get(getOperation(), mcpu);
    if (failed(found))
      return signalPassFailure();
    bool usePlain = plain;
    if (auto options = getOperation()->getAttrOfType<DictionaryAttr>("lm.options"))
      usePlain |= options.contains("schedule_for"); // runs another CPU's schedule on this CPU
    const CPUFeatures cpu = usePlain ? CPUFeatures() : found->features;
    Lowering lowering(&getContext(), cpu, !usePlain && !cpu.f16c);
    getOperation().walk([&](Operation *op) { lowering.lower(op); });
  }
};

} // namespace
