#include "compiler/support/Downloaded.h"
#include "frontends/huggingface/HuggingFace.h"
#include "frontends/huggingface/Tensors.h"
#include "test/fuzz/Fuzz.h"

using namespace lathe;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::checkMessage(checkDownloaded("c", fuzz::asText(data, size)), "c: ");
  const Model *model = nullptr;
  absl::StatusOr<Config> config = readConfig("c", fuzz::asText(data, size), model);
  fuzz::checkMessage(config.status(), "c: ");
  if (!config.ok())
    return 0;
  if (!model || config->heads % config->kvHeads || static_cast<int64_t>(config->kinds.size()) != config->layers)
    std::abort();
  config->rope.frequencies();
  config->slidingRope.frequencies();
  for (Slot slot : layerSlots(*model, *config, 0))
    for (int64_t n : slotShape(*model, *config, slot))
      if (n <= 0)
        std::abort();
  fuzz::checkMessage(checkTensors(*model, *config, Checkpoint(huggingFaceTensors(), "c")), "c: ");
  return 0;
}
