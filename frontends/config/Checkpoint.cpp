#include "frontends/config/Checkpoint.h"

using namespace lathe;

const TensorInfo *Checkpoint::find(llvm::StringRef name) const {
  auto found = byName.find(name);
  return found == byName.end() ? nullptr : &all[found->second];
}

llvm::StringRef Checkpoint::data(const TensorInfo &tensor) const {
  assert(tensor.parts.empty() && "the bytes lie in several files");
  return mapped[tensor.file]->bytes().substr(tensor.offset, tensor.bytes);
}

llvm::StringRef Checkpoint::header(unsigned file) const { return mapped[file]->bytes().take_front(headers[file]); }

unsigned Checkpoint::addFile(std::shared_ptr<const MappedFile> file, uint64_t headerBytes) {
  mapped.push_back(std::move(file));
  headers.push_back(headerBytes);
  return mapped.size() - 1;
}

bool Checkpoint::add(TensorInfo tensor) {
  if (!byName.try_emplace(tensor.name, all.size()).second)
    return false;
  all.push_back(std::move(tensor));
  return true;
}
