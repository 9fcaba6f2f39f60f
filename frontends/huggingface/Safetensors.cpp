#include "frontends/huggingface/Safetensors.h"
#include "compiler/support/Errors.h"
#include "compiler/support/Json.h"
#include "frontends/huggingface/Tensors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include <map>
#include <set>

using namespace lathe;
namespace json = llvm::json;

// The limit of the safetensors format.
static constexpr uint64_t maxHeaderBytes = 100'000'000;
static constexpr uint64_t maxIndexBytes = 100'000'000;

/// Bits of one value; 0 for a type that the format does not have.
static unsigned bitsOf(llvm::StringRef type) {
  return llvm::StringSwitch<unsigned>(type)
      .Case("F4", 4)
      .Cases({"F6_E2M3", "F6_E3M2"}, 6)
      .Cases({"BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}, 8)
      .Cases({"U16", "I16", "F16", "BF16"}, 16)
      .Cases({"U32", "I32", "F32"}, 32)
      .Cases({"U64", "I64", "F64", "C64"}, 64)
      .Default(0);
}

static std::optional<Format> formatOf(llvm::StringRef type) {
  return llvm::StringSwitch<std::optional<Format>>(type)
      .Case("F32", Format::F32)
      .Case("F16", Format::F16)
      .Case("BF16", Format::BF16)
      .Case("F8_E4M3", Format::F8E4M3)
      .Default(std::nullopt);
}

/// An array of integers that are not negative.
static bool readUnsigned(const json::Value *value, std::vector<int64_t> &out) {
  const json::Array *array = value ? value->getAsArray() : nullptr;
  if (!array)
    return false;
  for (const json::Value &element : *array) {
    std::optional<int64_t> found = asInteger(element);
    if (!found || *found < 0)
      return false;
    out.push_back(*found);
  }
  return true;
}

static absl::StatusOr<TensorInfo> readEntry(llvm::StringRef path, llvm::StringRef name, const json::Value &value,
                                            uint64_t dataStart, uint64_t dataSize) {
  TensorInfo tensor;
  tensor.name = name.str();
  const json::Object *entry = value.getAsObject();
  if (!entry)
    return fileError(path, name, "expected an object, got " + describe(value));

  const std::optional<llvm::StringRef> type = entry->getString("dtype");
  if (!type)
    return fileError(path, name, "expected a dtype, got none");
  tensor.storedType = type->str();
  tensor.format = formatOf(*type);
  const unsigned bits = bitsOf(*type);
  if (!bits)
    return fileError(path, name, "expected a dtype such as F32, F16 or BF16, got " + quoted(*type));

  if (!readUnsigned(entry->get("shape"), tensor.shape))
    return fileError(path, name, "expected a shape of integers not below 0");
  // Sizes and offsets come from the file and may be wrong: every product and sum is checked for overflow.
  uint64_t count = 1;
  for (int64_t size : tensor.shape) {
    bool overflow = false;
    count = llvm::SaturatingMultiply(count, static_cast<uint64_t>(size), &overflow);
    if (overflow || count > (uint64_t(1) << 56))
      return fileError(path, name, "expected a tensor that fits the file, got shape " + shapeString(tensor.shape));
  }

  std::vector<int64_t> offsets;
  if (!readUnsigned(entry->get("data_offsets"), offsets) || offsets.size() != 2)
    return fileError(path, name, "expected data_offsets of two integers not below 0");
  const uint64_t begin = offsets[0], end = offsets[1];
  if (begin > end || end > dataSize)
    return fileError(path, name,
                     "expected data_offsets within the file's " + llvm::Twine(dataSize) + " bytes of data, got " +
                         shapeString(offsets) + "; was the file downloaded to its end?");
  const uint64_t expected = (count * bits + 7) / 8;
  if (end - begin != expected)
    return fileError(path, name,
                     "expected " + llvm::Twine(expected) + " bytes for " + *type + " " + shapeString(tensor.shape) +
                         ", got data_offsets of " + llvm::Twine(end - begin));
  tensor.offset = dataStart + begin;
  tensor.bytes = end - begin;
  return tensor;
}

absl::StatusOr<std::vector<TensorInfo>> lathe::readSafetensorsHeader(const MappedFile &file) {
  const llvm::StringRef path = file.path(), bytes = file.bytes();
  if (bytes.size() < 8)
    return fileError(path, "expected a safetensors file, got " + llvm::Twine(bytes.size()) + " bytes");
  const uint64_t headerBytes = llvm::support::endian::read64le(bytes.data());
  if (headerBytes > maxHeaderBytes &&
      llvm::all_of(bytes.take_front(64), [](char c) { return llvm::isPrint(c) || llvm::isSpace(c); }))
    return fileError(path, "expected a safetensors file, got text that begins with " + quoted(bytes.take_front(40)));
  if (headerBytes > maxHeaderBytes)
    return fileError(path, "expected a safetensors header of at most " + llvm::Twine(maxHeaderBytes) + " bytes, got " +
                               llvm::Twine(headerBytes));
  if (headerBytes > bytes.size() - 8)
    return fileError(path, "expected a safetensors header within the file's " + llvm::Twine(bytes.size()) +
                               " bytes, got one of " + llvm::Twine(headerBytes) +
                               "; was the file downloaded to its end?");
  LATHE_ASSIGN_OR_RETURN(json::Value header, parseJson(path, bytes.substr(8, headerBytes), maxHeaderBytes));
  const json::Object *entries = header.getAsObject();
  if (!entries)
    return fileError(path, "expected a safetensors header with an object, got " + describe(header));

  const uint64_t dataStart = 8 + headerBytes;
  std::vector<TensorInfo> tensors;
  for (const auto &[key, value] : *entries) {
    if (key == "__metadata__")
      continue;
    LATHE_ASSIGN_OR_RETURN(TensorInfo tensor, readEntry(path, key, value, dataStart, bytes.size() - dataStart));
    tensors.push_back(std::move(tensor));
  }
  // In the order of the file. Empty tensors are sorted by name, so that messages do not depend on a hash.
  llvm::sort(tensors, [](const TensorInfo &a, const TensorInfo &b) {
    return std::tie(a.offset, a.bytes, a.name) < std::tie(b.offset, b.bytes, b.name);
  });
  for (size_t i = 1; i < tensors.size(); ++i)
    if (tensors[i].offset < tensors[i - 1].offset + tensors[i - 1].bytes)
      return fileError(path, tensors[i].name,
                       "expected data of its own, got data_offsets that overlap those of " +
                           printable(tensors[i - 1].name));
  return tensors;
}

/// Adds a file and the size of its header. The first tensor does not tell it: an index may list only later ones.
static unsigned addFile(Checkpoint &checkpoint, std::shared_ptr<const MappedFile> file) {
  const llvm::StringRef bytes = file->bytes();
  const uint64_t header = bytes.size() < 8 ? bytes.size() : 8 + llvm::support::endian::read64le(bytes.data());
  return checkpoint.addFile(std::move(file), header);
}

absl::StatusOr<std::unique_ptr<Checkpoint>> lathe::openSafetensors(llvm::StringRef path) {
  LATHE_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  LATHE_ASSIGN_OR_RETURN(std::vector<TensorInfo> tensors, readSafetensorsHeader(*file));
  auto checkpoint = std::make_unique<Checkpoint>(huggingFaceTensors(), path);
  addFile(*checkpoint, std::move(file));
  for (TensorInfo &tensor : tensors)
    checkpoint->add(std::move(tensor)); // names are the keys of one object: no two are equal
  return checkpoint;
}

absl::StatusOr<std::unique_ptr<Checkpoint>> lathe::openShardedSafetensors(llvm::StringRef indexPath) {
  LATHE_ASSIGN_OR_RETURN(auto index, MappedFile::open(indexPath));
  LATHE_ASSIGN_OR_RETURN(json::Value value, parseJson(indexPath, index->bytes(), maxIndexBytes));
  const json::Object *root = value.getAsObject();
  const json::Object *map = root ? root->getObject("weight_map") : nullptr;
  if (!map)
    return fileError(indexPath, "weight_map", "expected an object that gives each tensor its file");

  // Sorted, so that the order of files and messages is always the same.
  std::map<std::string, std::vector<llvm::StringRef>> shards;
  for (const auto &[key, file] : *map) {
    const std::optional<llvm::StringRef> name = file.getAsString();
    const std::string where = "weight_map." + llvm::StringRef(key).str();
    // A shard must be in the directory of the index: a name with a folder could refer to any file of the user.
    if (!name || name->empty() || name->contains('\0') || llvm::sys::path::filename(*name) != *name || *name == "." ||
        *name == "..")
      return fileError(indexPath, where, "expected the name of a file beside the index, got " + describe(file));
    shards[name->str()].push_back(key);
  }

  auto checkpoint = std::make_unique<Checkpoint>(huggingFaceTensors(), indexPath);
  std::vector<TensorInfo> copies; // of tensors that are in another shard, too
  for (auto &[name, keys] : shards) {
    llvm::SmallString<256> path(llvm::sys::path::parent_path(indexPath));
    llvm::sys::path::append(path, name);
    absl::StatusOr<std::unique_ptr<MappedFile>> opened = MappedFile::open(path);
    if (!opened.ok())
      return fileError(indexPath, "weight_map",
                       "expected a readable file " + quoted(name) + " beside the index, got: " +
                           llvm::StringRef(opened.status().message().data(), opened.status().message().size()));
    std::shared_ptr<const MappedFile> file = *std::move(opened);
    LATHE_ASSIGN_OR_RETURN(std::vector<TensorInfo> tensors, readSafetensorsHeader(*file));
    const unsigned number = addFile(*checkpoint, file);
    llvm::sort(keys);
    // transformers reads every tensor of every shard, whether the index lists it or not.
    for (TensorInfo &tensor : tensors) {
      tensor.file = number;
      const std::optional<llvm::StringRef> shard = map->getString(tensor.name);
      if ((shard && *shard != name) || !checkpoint->add(tensor))
        copies.push_back(std::move(tensor));
    }
    for (llvm::StringRef key : keys)
      if (!checkpoint->find(key))
        return fileError(indexPath, ("weight_map." + key).str(),
                         "expected a tensor of that name in " + quoted(name) + ", found none");
  }
  // Copies must be equal: readers differ in which one they take.
  for (const TensorInfo &copy : copies) {
    const TensorInfo &tensor = *checkpoint->find(copy.name);
    if (copy.storedType != tensor.storedType || copy.shape != tensor.shape ||
        checkpoint->data(copy) != checkpoint->data(tensor))
      return fileError(checkpoint->path(copy), copy.name,
                       "expected the tensor that " + quoted(llvm::sys::path::filename(checkpoint->path(tensor))) +
                           " has, too, found another one of that name");
  }
  return checkpoint;
}

namespace {

/// The files of a directory that are split for tensor parallelism, by the beginning of the name and the device.
struct CutFiles {
  std::vector<std::string> common;
  std::map<std::string, std::set<unsigned>> parts;
  unsigned devices = 0; // number of devices over all files

  explicit CutFiles(llvm::StringRef directory) {
    for (const std::string &name : filesEndingIn(directory, {suffix})) {
      const auto [stem, device] = llvm::StringRef(name).drop_back(suffix.size()).rsplit(mark);
      unsigned number = 0;
      if (device == "common") {
        common.push_back(name);
      } else if (device.size() == 3 && llvm::all_of(device, llvm::isDigit) && !device.getAsInteger(10, number)) {
        parts[stem.str()].insert(number);
        devices = std::max(devices, number + 1);
      }
    }
  }
  static std::string nameOf(llvm::StringRef stem, unsigned device) {
    return llvm::formatv("{0}{1}{2:d3}{3}", stem, mark, device, suffix);
  }

  static constexpr llvm::StringLiteral mark = "-TP-", suffix = ".safetensors";
};

/// Adds the file to the checkpoint and returns its tensors.
absl::StatusOr<std::vector<TensorInfo>> openFile(Checkpoint &checkpoint, llvm::StringRef name) {
  llvm::SmallString<256> path(checkpoint.source);
  llvm::sys::path::append(path, name);
  LATHE_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  LATHE_ASSIGN_OR_RETURN(std::vector<TensorInfo> tensors, readSafetensorsHeader(*file));
  const unsigned number = addFile(checkpoint, std::move(file));
  for (TensorInfo &tensor : tensors)
    tensor.file = number;
  return tensors;
}

absl::Status addTensor(Checkpoint &checkpoint, TensorInfo tensor) {
  if (const TensorInfo *other = checkpoint.find(tensor.name))
    return fileError(checkpoint.path(tensor), tensor.name,
                     "expected a tensor that no other file has, got one of " +
                         quoted(llvm::sys::path::filename(checkpoint.path(*other))) + ", too");
  checkpoint.add(std::move(tensor));
  return absl::OkStatus();
}

/// Appends the part of `device` to the parts of earlier devices.
absl::Status addPart(const Checkpoint &checkpoint, unsigned device, TensorInfo part, TensorInfo &whole) {
  if (device == 0) {
    whole.name = part.name;
    whole.file = part.file;
    whole.format = part.format;
    whole.storedType = part.storedType;
  } else if (whole.parts.size() != device) {
    return fileError(checkpoint.path(part), part.name,
                     "expected a part of a tensor that every device has, found none for device " +
                         llvm::Twine(whole.parts.size()));
  } else if (const TensorInfo &first = whole.parts.front();
             part.storedType != first.storedType || part.shape != first.shape) {
    return fileError(checkpoint.path(part), part.name,
                     "expected a part like the first one, " + printable(first.storedType) + " of shape " +
                         shapeString(first.shape) + ", got " + printable(part.storedType) + " of shape " +
                         shapeString(part.shape));
  }
  whole.parts.push_back(std::move(part));
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<std::unique_ptr<Checkpoint>> lathe::openCutSafetensors(llvm::StringRef directory) {
  const CutFiles files(directory);
  if (files.common.empty() && files.parts.empty())
    return nullptr;
  auto checkpoint = std::make_unique<Checkpoint>(huggingFaceTensors(), directory);
  for (const std::string &name : files.common) {
    LATHE_ASSIGN_OR_RETURN(std::vector<TensorInfo> tensors, openFile(*checkpoint, name));
    for (TensorInfo &tensor : tensors)
      LATHE_RETURN_IF_ERROR(addTensor(*checkpoint, std::move(tensor)));
  }
  for (const auto &[stem, found] : files.parts) {
    std::map<std::string, TensorInfo> wholes; // sorted, so that the order is always the same
    for (unsigned device = 0; device < files.devices; ++device) {
      const std::string name = CutFiles::nameOf(stem, device);
      if (!found.count(device))
        return fileError(directory, name,
                         "expected a file of that name, as there are " + llvm::Twine(files.devices) +
                             " devices, found none");
      LATHE_ASSIGN_OR_RETURN(std::vector<TensorInfo> tensors, openFile(*checkpoint, name));
      for (TensorInfo &tensor : tensors) {
        TensorInfo &whole = wholes[tensor.name];
        LATHE_RETURN_IF_ERROR(addPart(*checkpoint, device, std::move(tensor), whole));
      }
    }
    for (auto &[name, whole] : wholes) {
      if (whole.parts.size() != files.devices)
        return fileError(checkpoint->path(whole), name,
                         "expected a part of a tensor that every device has, found none for device " +
                             llvm::Twine(whole.parts.size()));
      LATHE_RETURN_IF_ERROR(addTensor(*checkpoint, files.devices == 1 ? whole.parts.front() : std::move(whole)));
    }
  }
  return checkpoint;
}
