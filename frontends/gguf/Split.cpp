//===- Split.cpp - a GGUF model in several files ------------------------------------------------------------------===//
//
// Names are those of llama.cpp's gguf-split: NAME-00001-of-00003.gguf and so on. Each part has its own number, the
// number of parts, and the number of tensors of all parts.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/gguf/Gguf.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <limits>

using namespace lathe;

// The largest 16-bit number: llama.cpp stores the number of parts in 16 bits.
static constexpr int64_t maxParts = 65535;
static constexpr int64_t maxSplitTensors = std::numeric_limits<int32_t>::max();

/// The end of the path of part `number`, counted from 0. Names count from 1.
static std::string ending(int64_t number, int64_t count) {
  std::string out;
  llvm::raw_string_ostream(out) << llvm::format("-%05d-of-%05d.gguf", int(number + 1), int(count));
  return out;
}

llvm::StringRef Gguf::name() const {
  llvm::StringRef name = llvm::sys::path::filename(path());
  if (mapped.size() == 1 || !name.consume_back(ending(0, mapped.size())))
    name.consume_back(".gguf");
  return name;
}

absl::Status Gguf::addParts(OpenFile openPart) {
  LATHE_ASSIGN_OR_RETURN(const int64_t count, integer("split.count", 0, maxParts, 1));
  if (count <= 1)
    return absl::OkStatus();
  LATHE_ASSIGN_OR_RETURN(const int64_t number, integer("split.no", 0, count - 1));
  llvm::StringRef stem = path();
  const bool isNamed = stem.consume_back(ending(number, count));
  auto nameOf = [&](int64_t part) { return quoted(llvm::sys::path::filename((stem + ending(part, count)).str())); };
  if (number != 0)
    return error("split.no", "expected 0, the first part's, got " + llvm::Twine(number) +
                                 (isNamed ? "; name " + nameOf(0) + " instead" : ""));
  if (!isNamed)
    return error("split.count", "expected a file whose name ends in " + quoted(ending(0, count)) + ", got " +
                                    quoted(llvm::sys::path::filename(path())));
  LATHE_ASSIGN_OR_RETURN(const int64_t tensors, integer("split.tensors.count", 0, maxSplitTensors));

  llvm::StringMap<unsigned> parts; // tensor name -> part
  for (const TensorInfo &tensor : index)
    parts[tensor.name] = 0;
  for (unsigned i = 1; i < count; ++i) {
    absl::StatusOr<std::unique_ptr<MappedFile>> opened = openPart((stem + ending(i, count)).str());
    if (!opened.ok())
      return error("split.count",
                   "expected a readable file " + nameOf(i) + " beside this one, got: " +
                       llvm::StringRef(opened.status().message().data(), opened.status().message().size()));
    Gguf part(*std::move(opened));
    LATHE_RETURN_IF_ERROR(part.readFile());
    if (part.version() != version())
      return fileError(part.path(), "expected GGUF version " + llvm::Twine(version()) + ", as " + nameOf(0) +
                                        " has, got " + llvm::Twine(part.version()));
    const std::pair<llvm::StringRef, int64_t> claims[] = {
        {"split.no", i}, {"split.count", count}, {"split.tensors.count", tensors}};
    for (auto [key, expected] : claims) {
      LATHE_ASSIGN_OR_RETURN(const int64_t found, part.integer(key, 0, maxSplitTensors));
      if (found != expected)
        return part.error(key, "expected " + llvm::Twine(expected) + ", as a part of " + nameOf(0) + ", got " +
                                   llvm::Twine(found));
    }
    for (TensorInfo &tensor : part.index) {
      if (auto [at, isNew] = parts.try_emplace(tensor.name, i); !isNew)
        return part.error(tensor.name, "expected each tensor once, got it in " + nameOf(at->second) + ", too");
      tensor.file = i;
      index.push_back(std::move(tensor));
    }
    mapped.push_back(part.mapped.front());
  }
  if (static_cast<int64_t>(index.size()) != tensors)
    return error("split.tensors.count", "expected " + llvm::Twine(index.size()) + ", as many as the " +
                                            llvm::Twine(count) + " parts have, got " + llvm::Twine(tensors));
  return absl::OkStatus();
}
