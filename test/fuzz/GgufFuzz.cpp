#include "compiler/support/Errors.h"
#include "frontends/config/UnreadTensors.h"
#include "frontends/gguf/Gguf.h"
#include "test/fuzz/Fuzz.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;

// Between the parts of a split file, and what messages about any of them begin with.
static constexpr llvm::StringLiteral border = "<part>", prefix = "g-0";

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::SmallVector<llvm::StringRef> parts;
  fuzz::asText(data, size).split(parts, border);
  std::string name;
  llvm::raw_string_ostream(name) << llvm::format("g-00001-of-%05d.gguf", static_cast<int>(parts.size()));
  size_t next = 1;
  auto opened = Gguf::parse(MappedFile::overBytes(name, parts[0]),
                            [&](llvm::StringRef path) -> absl::StatusOr<std::unique_ptr<MappedFile>> {
                              if (next == parts.size())
                                return fileError(path, "no such file");
                              return MappedFile::fromBytes(path, parts[next++]);
                            });
  fuzz::checkMessage(opened.status(), prefix);
  if (!opened.ok())
    return 0;
  const Gguf &gguf = **opened;
  for (const TensorInfo &tensor : gguf.tensors())
    fuzz::checkTensor(tensor, gguf.files()[tensor.file]->size());
  for (const Gguf::Entry &entry : gguf.metadata()) {
    fuzz::checkMessage(gguf.integer(entry.key, -5, 5).status(), prefix);
    fuzz::checkMessage(gguf.number(entry.key).status(), prefix);
    fuzz::checkMessage(gguf.boolean(entry.key).status(), prefix);
    fuzz::checkMessage(gguf.string(entry.key).status(), prefix);
    fuzz::checkMessage(gguf.strings(entry.key).status(), prefix);
    fuzz::checkMessage(gguf.integers(entry.key).status(), prefix);
    fuzz::checkMessage(gguf.floats(entry.key).status(), prefix);
  }
  const Model *model = nullptr;
  absl::StatusOr<Config> config = readGgufConfig(gguf, model);
  fuzz::checkMessage(config.status(), prefix);
  if (!config.ok())
    return 0;
  config->rope.frequencies();
  config->slidingRope.frequencies();
  for (llvm::StringRef key : {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id"})
    fuzz::checkMessage(gguf.tokenId(key, config->vocabulary).status(), prefix);
  const std::unique_ptr<Checkpoint> checkpoint = makeCheckpoint(gguf);
  absl::Status status = checkTensors(*model, *config, *checkpoint);
  if (status.ok())
    status = findUnreadTensors(*model, *config, *checkpoint, {}).status();
  fuzz::checkMessage(status, prefix);
  return 0;
}
