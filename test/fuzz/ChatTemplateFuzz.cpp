#include "frontends/tokenizer/TokenizerModel.h"
#include "test/fuzz/Fuzz.h"

using namespace lathe;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  absl::StatusOr<RenderedChat> chat =
      renderChat("f", fuzz::asText(data, size), {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
  fuzz::checkMessage(chat.status(), "f: ");
  return 0;
}
