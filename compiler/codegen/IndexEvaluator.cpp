#include "compiler/codegen/IndexEvaluator.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace lathe;
using namespace mlir;

static bool isNumber(Type type) { return type.isIndex() || type.isInteger(1); }

FailureOr<IndexEvaluator> IndexEvaluator::compile(func::FuncOp function) {
  IndexEvaluator evaluator;
  for (BlockArgument argument : function.getArguments())
    if (isNumber(argument.getType()) && argument.getArgNumber() < 64)
      evaluator.dependences[evaluator.registerOf(argument)] = uint64_t(1) << argument.getArgNumber();
  if (failed(evaluator.compile(function.getBody().front(), 0)))
    return failure();
  return evaluator;
}

unsigned IndexEvaluator::registerOf(Value value) {
  auto [entry, isNew] = registers.try_emplace(value, numbers.size());
  if (isNew) {
    numbers.push_back(0);
    dependences.push_back(0);
  }
  return entry->second;
}

/// `dependence`: the arguments that decide whether the block is reached.
LogicalResult IndexEvaluator::compile(Block &block, uint64_t dependence) {
  unsigned id = blockIds.try_emplace(&block, blocks.size()).first->second;
  blocks.emplace_back();
  for (BlockArgument argument : block.getArguments())
    if (isNumber(argument.getType()))
      registerOf(argument);
  for (Operation &op : block)
    if (failed(compileOp(&op, id, dependence)))
      return failure();
  return success();
}

LogicalResult IndexEvaluator::compileOp(Operation *op, unsigned blockId, uint64_t dependence) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto value = dyn_cast<IntegerAttr>(constant.getValue()); value && isNumber(constant.getType()))
      numbers[registerOf(constant)] = value.getType().isInteger(1) ? value.getValue().getZExtValue() : value.getInt();
    return success();
  }
  for (Value operand : op->getOperands())
    if (isNumber(operand.getType()))
      dependence |= dependences[registerOf(operand)];

  if (auto choice = dyn_cast<scf::IfOp>(op); choice && choice.getNumResults() == 0) {
    Instruction branch{Code::If, 0, 0, registerOf(choice.getCondition()), ~0u, ~0u};
    for (auto [region, id] : {std::pair(&choice.getThenRegion(), &branch.b), {&choice.getElseRegion(), &branch.c}}) {
      if (region->empty())
        continue;
      *id = blocks.size();
      if (failed(compile(region->front(), dependence)))
        return failure();
      blocks[blockId].dependence |= blocks[*id].dependence;
    }
    blocks[blockId].code.push_back(branch);
    return success();
  }
  if (isa<scf::YieldOp>(op))
    return success();

  std::optional<Code> code = llvm::TypeSwitch<Operation *, std::optional<Code>>(op)
                                 .Case([](arith::AddIOp) { return Code::Add; })
                                 .Case([](arith::SubIOp) { return Code::Sub; })
                                 .Case([](arith::MulIOp) { return Code::Mul; })
                                 .Case([](arith::DivUIOp) { return Code::DivU; })
                                 .Case([](arith::DivSIOp) { return Code::DivS; })
                                 .Case([](arith::RemUIOp) { return Code::RemU; })
                                 .Case([](arith::RemSIOp) { return Code::RemS; })
                                 .Case([](arith::CeilDivUIOp) { return Code::CeilDivU; })
                                 .Case([](arith::CeilDivSIOp) { return Code::CeilDivS; })
                                 .Case([](arith::MinUIOp) { return Code::MinU; })
                                 .Case([](arith::MinSIOp) { return Code::MinS; })
                                 .Case([](arith::MaxUIOp) { return Code::MaxU; })
                                 .Case([](arith::MaxSIOp) { return Code::MaxS; })
                                 .Case([](arith::AndIOp) { return Code::And; })
                                 .Case([](arith::OrIOp) { return Code::Or; })
                                 .Case([](arith::XOrIOp) { return Code::Xor; })
                                 .Case([](arith::CmpIOp) { return Code::Compare; })
                                 .Case([](arith::SelectOp) { return Code::Select; })
                                 .Default([](Operation *) { return std::nullopt; });
  bool yieldsNumber = llvm::any_of(op->getResultTypes(), isNumber);
  if (code && yieldsNumber && llvm::all_of(op->getOperandTypes(), isNumber)) {
    Instruction instruction{*code};
    if (auto compare = dyn_cast<arith::CmpIOp>(op))
      instruction.predicate = static_cast<uint8_t>(compare.getPredicate());
    instruction.a = registerOf(op->getOperand(0));
    instruction.b = registerOf(op->getOperand(1));
    instruction.c = op->getNumOperands() > 2 ? registerOf(op->getOperand(2)) : 0;
    instruction.out = registerOf(op->getResult(0));
    dependences[instruction.out] = dependence;
    blocks[blockId].code.push_back(instruction);
    return success();
  }
  if (yieldsNumber || isa_and_nonnull<scf::SCFDialect>(op->getDialect()))
    return op->emitOpError() << "is not understood by verify-schedule";

  Leaf leaf{op, leafCount++, {}};
  for (Value operand : op->getOperands())
    if (isNumber(operand.getType()))
      leaf.operands.push_back(registerOf(operand));
  blocks[blockId].code.push_back({Code::Leaf, 0, 0, static_cast<unsigned>(blocks[blockId].leaves.size())});
  blocks[blockId].leaves.push_back(std::move(leaf));
  blocks[blockId].dependence |= dependence;
  for (Region &region : op->getRegions())
    for (Block &block : region) {
      if (failed(compile(block, dependence)))
        return failure();
      blocks[blockId].dependence |= blocks[blockIds.lookup(&block)].dependence;
    }
  return success();
}

void IndexEvaluator::execute(const Instruction &instruction) {
  int64_t sa = numbers[instruction.a], sb = numbers[instruction.b];
  auto a = static_cast<uint64_t>(sa), b = static_cast<uint64_t>(sb);
  // Division by zero gives a number outside of every buffer, so the use of it is reported.
  constexpr int64_t none = -1;
  bool overflows = sa == INT64_MIN && sb == -1;
  auto compute = [&]() -> int64_t {
    switch (instruction.code) {
    case Code::Add:
      return static_cast<int64_t>(a + b);
    case Code::Sub:
      return static_cast<int64_t>(a - b);
    case Code::Mul:
      return static_cast<int64_t>(a * b);
    case Code::DivU:
      return b ? static_cast<int64_t>(a / b) : none;
    case Code::DivS:
      return b && !overflows ? sa / sb : none;
    case Code::RemU:
      return b ? static_cast<int64_t>(a % b) : none;
    case Code::RemS:
      return b && !overflows ? sa % sb : none;
    case Code::CeilDivU:
      return b ? static_cast<int64_t>(a / b + (a % b != 0)) : none;
    case Code::CeilDivS:
      return b && !overflows ? sa / sb + (sa % sb != 0 && (sa < 0) == (sb < 0)) : none;
    case Code::MinU:
      return static_cast<int64_t>(std::min(a, b));
    case Code::MinS:
      return std::min(sa, sb);
    case Code::MaxU:
      return static_cast<int64_t>(std::max(a, b));
    case Code::MaxS:
      return std::max(sa, sb);
    case Code::And:
      return sa & sb;
    case Code::Or:
      return sa | sb;
    case Code::Xor:
      return sa ^ sb;
    case Code::Select:
      return sa ? sb : numbers[instruction.c];
    case Code::Compare:
      switch (static_cast<arith::CmpIPredicate>(instruction.predicate)) {
      case arith::CmpIPredicate::eq:
        return sa == sb;
      case arith::CmpIPredicate::ne:
        return sa != sb;
      case arith::CmpIPredicate::slt:
        return sa < sb;
      case arith::CmpIPredicate::sle:
        return sa <= sb;
      case arith::CmpIPredicate::sgt:
        return sa > sb;
      case arith::CmpIPredicate::sge:
        return sa >= sb;
      case arith::CmpIPredicate::ult:
        return a < b;
      case arith::CmpIPredicate::ule:
        return a <= b;
      case arith::CmpIPredicate::ugt:
        return a > b;
      case arith::CmpIPredicate::uge:
        return a >= b;
      }
      return none;
    case Code::If:
    case Code::Leaf:
      break;
    }
    llvm_unreachable("no arithmetic");
  };
  numbers[instruction.out] = compute();
}
