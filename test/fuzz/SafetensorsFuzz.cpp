#include "frontends/huggingface/Safetensors.h"
#include "test/fuzz/Fuzz.h"

using namespace lathe;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto file = MappedFile::overBytes("s", fuzz::asText(data, size));
  absl::StatusOr<std::vector<TensorInfo>> tensors = readSafetensorsHeader(*file);
  fuzz::checkMessage(tensors.status(), "s: ");
  if (tensors.ok())
    for (const TensorInfo &tensor : *tensors)
      fuzz::checkTensor(tensor, size);
  return 0;
}
