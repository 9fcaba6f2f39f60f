#include "compiler/targets/Tuning.h"
#include "mlir/IR/Builders.h"

using namespace lathe;

std::string lathe::tuningOf(mlir::ModuleOp module) {
  if (auto decided = module->getAttrOfType<mlir::DictionaryAttr>("lm.tuning")) {
    std::string tuning;
    for (mlir::NamedAttribute entry : decided) {
      auto number = mlir::dyn_cast<mlir::IntegerAttr>(entry.getValue());
      tuning += (tuning.empty() ? "" : ",") + entry.getName().str() + "=" +
                (number && number.getValue().isSignedIntN(64) ? std::to_string(number.getValue().getSExtValue()) : "?");
    }
    return tuning;
  }
  auto options = module->getAttrOfType<mlir::DictionaryAttr>("lm.options");
  auto given = options ? options.getAs<mlir::StringAttr>("tuning") : mlir::StringAttr();
  return given ? given.str() : "";
}

std::string lathe::setTuning(llvm::ArrayRef<TuningParameter> parameters, llvm::StringRef text) {
  if (text.empty())
    return "";
  for (llvm::StringRef part : llvm::split(text, ',')) {
    auto [key, digits] = part.split('=');
    const auto *parameter =
        llvm::find_if(parameters, [&, key = key](const TuningParameter &known) { return known.key == key; });
    if (parameter == parameters.end()) {
      std::string names =
          llvm::join(llvm::map_range(parameters, [](const TuningParameter &known) { return known.key.str(); }), ", ");
      return ("expected KEY=N with a KEY of " + names + ", got \"" + part + "\"").str();
    }
    const int64_t min = parameter->min, max = parameter->max;
    int64_t &value = *parameter->value;
    if (digits.getAsInteger(10, value) || value < min || value > max || (min > 1 && value % min))
      return (key + ": expected " +
              (min > 1 ? "a multiple of " + llvm::Twine(min) + " up to " : llvm::Twine(min) + " to ") +
              llvm::Twine(max) + ", got \"" + digits + "\"")
          .str();
  }
  return "";
}

mlir::DictionaryAttr lathe::describeTuning(mlir::MLIRContext *context, llvm::ArrayRef<TuningParameter> parameters) {
  mlir::Builder builder(context);
  llvm::SmallVector<mlir::NamedAttribute> entries;
  for (const TuningParameter &parameter : parameters)
    entries.push_back(builder.getNamedAttr(parameter.key, builder.getI64IntegerAttr(*parameter.value)));
  return builder.getDictionaryAttr(entries);
}
