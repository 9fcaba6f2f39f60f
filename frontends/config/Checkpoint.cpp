#include "frontends/config/Checkpoint.h"
#include "llvm/Support/Endian.h"

using namespace lathe;

llvm::ArrayRef<int64_t> lathe::dropLeadingOnes(llvm::ArrayRef<int64_t> shape, size_t rank) {
  while (shape.size() > rank && shape.front() == 1)
    shape = shape.drop_front();
  return shape;
}

bool lathe::hasDimensions(const TensorInfo &tensor, llvm::ArrayRef<int64_t> shape) {
  return dropLeadingOnes(tensor.shape, 1) == dropLeadingOnes(shape, 1);
}

const TensorInfo *Checkpoint::find(llvm::StringRef name) const {
  auto found = byName.find(name);
  return found == byName.end() ? nullptr : &all[found->second];
}

llvm::StringRef Checkpoint::data(const TensorInfo &tensor) const {
  assert(tensor.parts.empty() && "the bytes lie in several files");
  return mapped[tensor.file]->bytes().substr(tensor.offset, tensor.bytes);
}

llvm::StringRef Checkpoint::header(unsigned file) const {
  const llvm::StringRef bytes = mapped[file]->bytes();
  // A shard's index may name the last of its tensors alone.
  if (naming == Naming::HuggingFace)
    return bytes.size() < 8 ? bytes : bytes.take_front(8 + llvm::support::endian::read64le(bytes.data()));
  uint64_t end = bytes.size();
  for (const TensorInfo &tensor : all)
    if (tensor.file == file)
      end = std::min(end, tensor.offset);
  return bytes.take_front(end);
}

unsigned Checkpoint::addFile(std::shared_ptr<const MappedFile> file) {
  mapped.push_back(std::move(file));
  return mapped.size() - 1;
}

bool Checkpoint::add(TensorInfo tensor) {
  if (!byName.try_emplace(tensor.name, all.size()).second)
    return false;
  all.push_back(std::move(tensor));
  return true;
}
