#ifndef SPMD_ENUMS_TD
#define SPMD_ENUMS_TD

include "mlir/IR/EnumAttr.td"

def SPMD_Space : I32EnumAttr<"Space", "where a buffer lives", [
    I32EnumAttrCase<"Arena", 0, "arena">, I32EnumAttrCase<"Scratch", 1, "scratch">,
    I32EnumAttrCase<"Tokens", 2, "tokens">, I32EnumAttrCase<"Logits", 3, "logits">]> {
  let cppNamespace = "::mlir::spmd";
  let genSpecializedAttr = 0;
}

#endif // SPMD_ENUMS_TD
