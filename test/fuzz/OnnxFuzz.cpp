#include "frontends/onnx/Program.h"
#include "test/fuzz/Fuzz.h"

using namespace lathe;

/// The reader, the evaluator and the rules, on a model without external data.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto model = lathe::onnx::openModel(MappedFile::overBytes("g.onnx", fuzz::asText(data, size)));
  fuzz::checkMessage(model.status(), "g.onnx");
  if (!model.ok())
    return 0;
  for (const lathe::onnx::GraphValue &value : (*model)->graph->values)
    if (value.constant && value.constant->file && value.constant->offset + value.constant->bytes > size)
      __builtin_trap();
  fuzz::checkMessage(lathe::onnx::analyze(**model, /*context=*/64, /*fallbackContext=*/64).status(), "g.onnx");
  return 0;
}
