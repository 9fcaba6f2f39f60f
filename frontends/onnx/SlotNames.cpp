#include "frontends/onnx/SlotNames.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringSet.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

using Names = llvm::DenseMap<const Term *, std::string>;

/// The projection that makes `operation`, a norm of its result, and the norm before it.
void nameWay(const Term *operation, const char *projection, const char *norm, const char *before, Names &names) {
  for (; operation; operation = operation->arguments.empty() ? nullptr : operation->argument()) {
    if (operation->kind == Kind::Norm)
      names.try_emplace(operation, norm);
    if (operation->kind == Kind::Linear) {
      names.try_emplace(operation, projection);
      if (operation->argument()->kind == Kind::Norm)
        names.try_emplace(operation->argument(), before);
    }
    if (operation->kind != Kind::Norm && operation->kind != Kind::Rope && operation->kind != Kind::Scale)
      return;
  }
}

/// By the operation that reads it.
Names nameOperations(llvm::ArrayRef<const Term *> operations) {
  Names names;
  for (const Term *operation : operations) {
    switch (operation->kind) {
    case Kind::Attention:
      nameWay(operation->argument(0), "q_proj", "q_norm", "input_norm", names);
      nameWay(operation->argument(1)->argument(), "k_proj", "k_norm", "input_norm", names);
      nameWay(operation->argument(2)->argument(), "v_proj", "v_norm", "input_norm", names);
      names.try_emplace(operation, "sinks");
      break;
    case Kind::Glu:
      nameWay(operation->argument(0), "gate_proj", "gate_norm", "pre_ffn_norm", names);
      nameWay(operation->argument(1), "up_proj", "up_norm", "pre_ffn_norm", names);
      break;
    case Kind::Activation:
      nameWay(operation->argument(), "up_proj", "up_norm", "pre_ffn_norm", names);
      break;
    case Kind::Experts:
      nameWay(operation->argument(1), "router", "router_norm", "pre_ffn_norm", names);
      break;
    case Kind::Linear: {
      const Kind input = operation->argument()->kind;
      if (input == Kind::Attention)
        names.try_emplace(operation, "o_proj");
      else if (input == Kind::Glu || input == Kind::Activation)
        names.try_emplace(operation, "down_proj");
      break;
    }
    case Kind::Add: {
      // A norm before the addition belongs to the block.
      for (const Term *argument : operation->arguments)
        if (argument->kind == Kind::Norm)
          names.try_emplace(argument, argument->argument()->kind == Kind::Linear && !names.count(argument) ? "post_norm"
                                                                                                           : "norm");
      break;
    }
    default:
      break;
    }
  }
  return names;
}

} // namespace

std::vector<std::pair<std::pair<const Term *, size_t>, std::string>>
lathe::onnx::nameSlots(llvm::ArrayRef<const Term *> operations) {
  const Names names = nameOperations(operations);
  // Outside of the layers there are the embedding, the last norm and the head.
  const bool hasAttention = llvm::any_of(operations, [](const Term *term) { return term->kind == Kind::Attention; });
  llvm::StringSet<> taken;
  std::vector<std::pair<std::pair<const Term *, size_t>, std::string>> slots;
  for (const Term *operation : operations)
    for (size_t i = 0; i < operation->weights.size(); ++i) {
      if (!operation->weights[i])
        continue;
      std::string base = names.lookup(operation);
      if (base.empty())
        base = operation->kind == Kind::Embed          ? "embed_tokens"
               : operation->kind == Kind::AddPositions ? "embed_positions"
               : operation->kind == Kind::Norm         ? (hasAttention ? "norm" : "final_norm")
               : operation->kind == Kind::Linear       ? (hasAttention ? "linear" : "lm_head")
                                                       : "weight";
      static constexpr const char *ofExperts[] = {"expert_gate",      "expert_up",      "expert_down",
                                                  "expert_gate_bias", "expert_up_bias", "expert_down_bias"};
      if (operation->kind == Kind::Experts)
        base = ofExperts[i];
      else if (i == 1)
        base += "_bias";
      std::string name = base;
      for (int count = 2; !taken.insert(name).second; ++count)
        name = base + "_" + std::to_string(count);
      slots.push_back({{operation, i}, name});
    }
  return slots;
}
