#include "frontends/Frontend.h"
#include "frontends/gguf/Gguf.h"
#include "test/fuzz/Fuzz.h"

using namespace lathe;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto opened = Gguf::parse(MappedFile::overBytes("g", fuzz::asText(data, size)));
  fuzz::checkMessage(opened.status(), "g: ");
  if (!opened.ok())
    return 0;
  const Gguf &gguf = **opened;
  for (const TensorInfo &tensor : gguf.tensors())
    fuzz::checkTensor(tensor, size);
  for (const Gguf::Entry &entry : gguf.metadata()) {
    fuzz::checkMessage(gguf.integer(entry.key, -5, 5).status(), "g: ");
    fuzz::checkMessage(gguf.number(entry.key).status(), "g: ");
    fuzz::checkMessage(gguf.boolean(entry.key).status(), "g: ");
    fuzz::checkMessage(gguf.string(entry.key).status(), "g: ");
    fuzz::checkMessage(gguf.strings(entry.key).status(), "g: ");
    fuzz::checkMessage(gguf.integers(entry.key).status(), "g: ");
    fuzz::checkMessage(gguf.floats(entry.key).status(), "g: ");
  }
  const Model *model = nullptr;
  absl::StatusOr<Config> config = readGgufConfig(gguf, model);
  fuzz::checkMessage(config.status(), "g: ");
  if (!config.ok())
    return 0;
  config->rope.frequencies();
  config->slidingRope.frequencies();
  fuzz::checkMessage(checkTensors(*model, *config, *makeCheckpoint(gguf)), "g: ");
  return 0;
}
