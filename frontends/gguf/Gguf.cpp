#include "frontends/gguf/Gguf.h"
#include "compiler/support/Errors.h"
#include "frontends/gguf/Tensors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace lathe;
using Type = Gguf::Type;

namespace {

constexpr uint64_t maxKeyBytes = 65535;
constexpr unsigned maxDimensions = 4; // ggml's
// Far above the numbers of any model; they limit memory for a damaged file of any size.
constexpr uint64_t maxEntries = 1 << 16, maxTensors = 1 << 20, maxElements = 1 << 24;

/// Reads forward and never past the end: after the first read that does not fit, all reads fail.
struct Cursor {
  llvm::StringRef bytes;
  uint64_t at = 0;
  bool ok = true;

  uint64_t left() const { return bytes.size() - at; }
  llvm::StringRef take(uint64_t n) {
    if (!ok || n > left()) {
      ok = false;
      return "";
    }
    at += n;
    return bytes.substr(at - n, n);
  }
  uint32_t u32() {
    llvm::StringRef raw = take(4);
    return ok ? llvm::support::endian::read32le(raw.data()) : 0;
  }
  uint64_t u64() {
    llvm::StringRef raw = take(8);
    return ok ? llvm::support::endian::read64le(raw.data()) : 0;
  }
  llvm::StringRef string() { return take(u64()); }
};

constexpr llvm::StringLiteral typeNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                             "bool", "string", "array", "u64", "i64", "f64"};
// 0: variable size; the value begins with its length.
constexpr uint64_t typeBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

llvm::StringRef nameOf(Type type) { return typeNames[static_cast<uint32_t>(type)]; }
uint64_t bytesOf(Type type) { return typeBytes[static_cast<uint32_t>(type)]; }

struct TensorType {
  uint32_t number; // ggml_type
  llvm::StringLiteral name;
  std::optional<Format> format;
};

constexpr TensorType tensorTypes[] = {
    {0, "F32", Format::F32},       {1, "F16", Format::F16},      {2, "Q4_0", Format::Q4_0},
    {3, "Q4_1", Format::Q4_1},     {6, "Q5_0", Format::Q5_0},    {7, "Q5_1", Format::Q5_1},
    {8, "Q8_0", Format::Q8_0},     {12, "Q4_K", Format::Q4_K},   {13, "Q5_K", Format::Q5_K},
    {14, "Q6_K", Format::Q6_K},    {30, "BF16", Format::BF16},   {9, "Q8_1", std::nullopt},
    {10, "Q2_K", std::nullopt},    {11, "Q3_K", std::nullopt},   {15, "Q8_K", std::nullopt},
    {16, "IQ2_XXS", std::nullopt}, {17, "IQ2_XS", std::nullopt}, {18, "IQ3_XXS", std::nullopt},
    {19, "IQ1_S", std::nullopt},   {20, "IQ4_NL", std::nullopt}, {21, "IQ3_S", std::nullopt},
    {22, "IQ2_S", std::nullopt},   {23, "IQ4_XS", std::nullopt}, {24, "I8", std::nullopt},
    {25, "I16", std::nullopt},     {26, "I32", std::nullopt},    {27, "I64", std::nullopt},
    {28, "F64", std::nullopt},     {29, "IQ1_M", std::nullopt},  {34, "TQ1_0", std::nullopt},
    {35, "TQ2_0", std::nullopt},   {39, "MXFP4", Format::MXFP4}, {40, "NVFP4", std::nullopt},
};

/// An element that is not a string, as an integer; none if it is a float or too large.
std::optional<int64_t> integerAt(Type type, const char *raw) {
  using namespace llvm::support::endian;
  switch (type) {
  case Type::U8:
    return static_cast<uint8_t>(*raw);
  case Type::Bool:
    return *raw != 0;
  case Type::I8:
    return static_cast<int8_t>(*raw);
  case Type::U16:
    return read16le(raw);
  case Type::I16:
    return static_cast<int16_t>(read16le(raw));
  case Type::U32:
    return read32le(raw);
  case Type::I32:
    return static_cast<int32_t>(read32le(raw));
  case Type::U64:
    if (read64le(raw) > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return std::nullopt;
    return static_cast<int64_t>(read64le(raw));
  case Type::I64:
    return static_cast<int64_t>(read64le(raw));
  case Type::F32:
  case Type::F64:
  case Type::String:
  case Type::Array:
    return std::nullopt;
  }
  return std::nullopt;
}

std::optional<double> numberAt(Type type, const char *raw) {
  using namespace llvm::support::endian;
  if (type == Type::F32)
    return llvm::bit_cast<float>(read32le(raw));
  if (type == Type::F64)
    return llvm::bit_cast<double>(read64le(raw));
  if (type == Type::Bool)
    return std::nullopt;
  if (std::optional<int64_t> found = integerAt(type, raw))
    return static_cast<double>(*found);
  return std::nullopt;
}

/// Sets the value's bytes and moves `cursor`, which is after the value's type, to its end. False if it does not fit.
bool skipValue(Cursor &cursor, Gguf::Value &value) {
  const uint64_t start = cursor.at;
  if (!value.isArray && value.type != Type::String) {
    value.bytes = cursor.take(bytesOf(value.type));
    return cursor.ok;
  }
  if (value.type != Type::String) {
    if (value.count > cursor.left() / bytesOf(value.type))
      return false;
    value.bytes = cursor.take(value.count * bytesOf(value.type));
    return cursor.ok;
  }
  if (value.count > cursor.left() / 8) // each string has a length
    return false;
  for (uint64_t i = 0; i < value.count && cursor.ok; ++i)
    cursor.string();
  value.bytes = cursor.bytes.slice(start, cursor.at);
  return cursor.ok;
}

} // namespace

absl::Status Gguf::error(llvm::StringRef key, const llvm::Twine &message) const {
  return fileError(path(), key, message);
}

std::string Gguf::describe(const Value &value) {
  if (value.isArray)
    return "an array of " + std::to_string(value.count) + " " + nameOf(value.type).str();
  if (value.type == Type::String)
    return quoted(value.bytes.drop_front(8));
  if (value.type == Type::Bool)
    return *integerAt(value.type, value.bytes.data()) ? "true" : "false";
  if (std::optional<int64_t> found = integerAt(value.type, value.bytes.data()))
    return std::to_string(*found);
  if (std::optional<double> found = numberAt(value.type, value.bytes.data()))
    return numberString(*found);
  return std::to_string(llvm::support::endian::read64le(value.bytes.data()));
}

absl::StatusOr<std::shared_ptr<const Gguf>> Gguf::open(llvm::StringRef path) {
  LATHE_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
  return parse(std::move(file));
}

absl::StatusOr<std::shared_ptr<const Gguf>> Gguf::parse(std::shared_ptr<const MappedFile> file, OpenFile openPart) {
  std::shared_ptr<Gguf> gguf(new Gguf(std::move(file)));
  LATHE_RETURN_IF_ERROR(gguf->readFile());
  LATHE_RETURN_IF_ERROR(gguf->addParts(openPart));
  return std::shared_ptr<const Gguf>(std::move(gguf));
}

/// Reads one file: header, metadata, tensor index, in this order, and checks that the data of the tensors lies in it.
class Gguf::Reader {
public:
  explicit Reader(Gguf &gguf) : gguf(gguf), file(*gguf.mapped.front()), cursor{file.bytes()} {}

  absl::Status run();

private:
  absl::Status readHeader();
  absl::Status checkCount(llvm::StringRef what, uint64_t count, uint64_t minBytes, uint64_t max) const;
  absl::Status checkTensorCount() const;
  absl::Status readEntry(uint64_t number);
  absl::Status readAlignment();
  absl::Status readTensor(uint64_t number);
  absl::Status setShape(TensorInfo &tensor, llvm::ArrayRef<uint64_t> dimensions);
  absl::Status findData();
  absl::Status checkOverlaps() const;

  absl::Status fail(const llvm::Twine &message) const { return fileError(gguf.path(), message); }
  absl::Status error(llvm::StringRef key, const llvm::Twine &message) const { return gguf.error(key, message); }
  /// Bytes that the data of a tensor has at least; of a type of unknown size, one.
  static uint64_t minBytes(const TensorInfo &tensor) { return tensor.format ? tensor.bytes : 1; }

  Gguf &gguf;
  const MappedFile &file;
  Cursor cursor;
  uint64_t tensorCount = 0, entryCount = 0;
  int64_t alignment = 0; // of the tensors' data
  llvm::StringSet<> names;
};

absl::Status Gguf::readFile() { return Reader(*this).run(); }

absl::Status Gguf::Reader::run() {
  LATHE_RETURN_IF_ERROR(readHeader());
  gguf.entries.reserve(entryCount);
  for (uint64_t i = 0; i < entryCount; ++i)
    LATHE_RETURN_IF_ERROR(readEntry(i));
  LATHE_RETURN_IF_ERROR(readAlignment());
  // Checked again: fewer bytes of the file are left after the metadata.
  LATHE_RETURN_IF_ERROR(checkTensorCount());
  gguf.index.reserve(tensorCount);
  for (uint64_t i = 0; i < tensorCount; ++i)
    LATHE_RETURN_IF_ERROR(readTensor(i));
  LATHE_RETURN_IF_ERROR(findData());
  return checkOverlaps();
}

absl::Status Gguf::Reader::readHeader() {
  const llvm::StringRef magic = cursor.take(4);
  if (magic != "GGUF")
    return fail("not a model: expected a GGUF file to begin with \"GGUF\", got " + quoted(file.bytes().take_front(4)));
  const uint32_t version = gguf.fileVersion = cursor.u32();
  tensorCount = cursor.u64();
  entryCount = cursor.u64();
  if (version == 0x02000000 || version == 0x03000000)
    return fail("expected a little-endian GGUF file, got a big-endian one");
  if (version != 2 && version != 3)
    return fail("expected GGUF version 2 or 3, got " + llvm::Twine(version));
  if (!cursor.ok)
    return fail("expected a GGUF header of 24 bytes, got a file of " + llvm::Twine(file.size()));
  // An entry has at least an empty key, a type and one byte.
  LATHE_RETURN_IF_ERROR(checkCount("metadata entries", entryCount, 13, maxEntries));
  return checkTensorCount();
}

/// Checks that `count` things of at least `minBytes` fit in the rest of the file.
absl::Status Gguf::Reader::checkCount(llvm::StringRef what, uint64_t count, uint64_t minBytes, uint64_t max) const {
  const uint64_t fitting = std::min(cursor.left() / minBytes, max);
  return count <= fitting ? absl::OkStatus()
                          : fail("expected at most " + llvm::Twine(fitting) + " " + what + " in a file of " +
                                 llvm::Twine(file.size()) + " bytes, got a count of " + llvm::Twine(count));
}

absl::Status Gguf::Reader::checkTensorCount() const {
  return checkCount("tensors", tensorCount, 24, maxTensors); // at least an empty name and its numbers
}

absl::Status Gguf::Reader::readEntry(uint64_t number) {
  Entry entry;
  entry.key = cursor.string();
  if (!cursor.ok || entry.key.size() > maxKeyBytes)
    return fail("expected the key of metadata entry " + llvm::Twine(number) + " within the file and " +
                llvm::Twine(maxKeyBytes) + " bytes, got a longer one");
  uint32_t type = cursor.u32();
  if (type == static_cast<uint32_t>(Type::Array)) {
    entry.value.isArray = true;
    type = cursor.u32();
    entry.value.count = cursor.u64();
  }
  if (!cursor.ok)
    return error(entry.key, "expected a value, got the end of the file");
  if (type >= std::size(typeNames) || type == static_cast<uint32_t>(Type::Array))
    return error(entry.key, "expected a value type of GGUF, none nested, got " + llvm::Twine(type));
  entry.value.type = static_cast<Type>(type);
  if (entry.value.count > maxElements)
    return error(entry.key, "expected an array of at most " + llvm::Twine(maxElements) + " elements, got a count of " +
                                llvm::Twine(entry.value.count));
  if (!skipValue(cursor, entry.value))
    return error(entry.key, "expected a value within the file, got " +
                                llvm::Twine(entry.value.isArray ? "an array of " + std::to_string(entry.value.count) +
                                                                      " " + nameOf(entry.value.type).str()
                                                                : "a " + nameOf(entry.value.type).str()) +
                                " that ends past it");
  if (!gguf.byKey.try_emplace(entry.key, gguf.entries.size()).second)
    return error(entry.key, "expected each key once, got it twice");
  gguf.entries.push_back(entry);
  return absl::OkStatus();
}

absl::Status Gguf::Reader::readAlignment() {
  LATHE_ASSIGN_OR_RETURN(alignment, gguf.integer("general.alignment", 1, 1 << 20, 32));
  return llvm::isPowerOf2_64(alignment)
             ? absl::OkStatus()
             : error("general.alignment", "expected a power of two, got " + llvm::Twine(alignment));
}

absl::Status Gguf::Reader::readTensor(uint64_t number) {
  TensorInfo tensor;
  const llvm::StringRef name = cursor.string();
  if (!cursor.ok || name.size() > maxKeyBytes)
    return fail("expected the name of tensor " + llvm::Twine(number) + " within the file and " +
                llvm::Twine(maxKeyBytes) + " bytes, got a longer one");
  tensor.name = name.str();
  const uint32_t rank = cursor.u32();
  if (cursor.ok && (rank > maxDimensions || rank == 0))
    return error(name, "expected 1 to " + llvm::Twine(maxDimensions) + " dimensions, got " + llvm::Twine(rank));
  std::vector<uint64_t> dimensions(rank);
  for (uint64_t &dimension : dimensions)
    dimension = cursor.u64();
  const uint32_t typeNumber = cursor.u32();
  tensor.offset = cursor.u64();
  if (!cursor.ok)
    return error(name, "expected an entry of the tensor index, got the end of the file");

  const auto *type = llvm::find_if(tensorTypes, [&](const TensorType &row) { return row.number == typeNumber; });
  // Tensors that the model does not read may have other types; their size is not known.
  if (type != std::end(tensorTypes)) {
    tensor.format = type->format;
    tensor.storedType = type->name.str();
  } else {
    tensor.storedType = "the unknown type " + std::to_string(typeNumber);
  }
  LATHE_RETURN_IF_ERROR(setShape(tensor, dimensions));
  if (tensor.offset % alignment)
    return error(name, "expected an offset that is a multiple of " + llvm::Twine(alignment) + ", got " +
                           llvm::Twine(tensor.offset));
  if (!names.insert(name).second)
    return error(name, "expected each tensor once, got it twice");
  gguf.index.push_back(std::move(tensor));
  return absl::OkStatus();
}

/// Sets shape and bytes. The first of `dimensions` is the one that varies fastest.
absl::Status Gguf::Reader::setShape(TensorInfo &tensor, llvm::ArrayRef<uint64_t> dimensions) {
  uint64_t count = 1;
  for (uint64_t size : llvm::reverse(dimensions)) {
    bool overflow = false;
    count = llvm::SaturatingMultiply(count, size, &overflow);
    if (overflow || size == 0 || count > (uint64_t(1) << 56))
      return error(tensor.name, "expected dimensions that fit the file, none 0, got " + llvm::Twine(size));
    tensor.shape.push_back(size);
  }
  if (!tensor.format)
    return absl::OkStatus();
  const FormatInfo &info = getFormatInfo(*tensor.format);
  if (dimensions[0] % info.block)
    return error(tensor.name, "expected rows of a multiple of " + llvm::Twine(info.block) + " values for " +
                                  tensor.storedType + ", got " + llvm::Twine(dimensions[0]));
  tensor.bytes = count / info.block * info.bytes; // below 2^58
  return absl::OkStatus();
}

/// Makes offsets relative to the file: in it they are relative to the data, which begins after the index.
absl::Status Gguf::Reader::findData() {
  // A file without tensors may end before the padding.
  const uint64_t dataStart = llvm::alignTo(cursor.at, alignment);
  const uint64_t dataSize = dataStart <= file.size() ? file.size() - dataStart : 0;
  for (TensorInfo &tensor : gguf.index) {
    if (tensor.offset > dataSize || minBytes(tensor) > dataSize - tensor.offset)
      return error(tensor.name, "expected data within the file's " + llvm::Twine(dataSize) + " bytes of it, got " +
                                    (tensor.format ? std::to_string(tensor.bytes) + " bytes" : tensor.storedType) +
                                    " at " + llvm::Twine(tensor.offset) + "; was the file downloaded to its end?");
    tensor.offset += dataStart;
  }
  return absl::OkStatus();
}

absl::Status Gguf::Reader::checkOverlaps() const {
  std::vector<const TensorInfo *> byOffset;
  for (const TensorInfo &tensor : gguf.index)
    byOffset.push_back(&tensor);
  llvm::sort(byOffset, [](const TensorInfo *a, const TensorInfo *b) {
    return std::tie(a->offset, a->name) < std::tie(b->offset, b->name);
  });
  for (size_t i = 1; i < byOffset.size(); ++i)
    if (byOffset[i]->offset < byOffset[i - 1]->offset + minBytes(*byOffset[i - 1]))
      return error(byOffset[i]->name,
                   "expected data of its own, got an offset within the data of " + printable(byOffset[i - 1]->name));
  return absl::OkStatus();
}

const Gguf::Value *Gguf::find(llvm::StringRef key) const {
  auto found = byKey.find(key);
  return found == byKey.end() ? nullptr : &entries[found->second].value;
}

absl::StatusOr<int64_t> Gguf::integer(llvm::StringRef key, int64_t min, int64_t max,
                                      std::optional<int64_t> fallback) const {
  const std::string expected = "expected an integer from " + std::to_string(min) + " to " + std::to_string(max);
  const Value *value = find(key);
  if (!value && fallback)
    return *fallback;
  if (!value)
    return error(key, expected + ", got no such key");
  std::optional<int64_t> found;
  if (!value->isArray && value->type != Type::Bool && value->type != Type::String)
    found = integerAt(value->type, value->bytes.data());
  if (!found || *found < min || *found > max)
    return error(key, expected + ", got " + describe(*value));
  return *found;
}

absl::StatusOr<std::optional<int64_t>> Gguf::tokenId(llvm::StringRef key, int64_t vocabulary) const {
  const Value *value = find(key);
  if (!value)
    return std::nullopt;
  const bool isUnsigned =
      value->type == Type::U8 || value->type == Type::U16 || value->type == Type::U32 || value->type == Type::U64;
  const bool isSigned =
      value->type == Type::I8 || value->type == Type::I16 || value->type == Type::I32 || value->type == Type::I64;
  if (value->isArray || !(isUnsigned || isSigned))
    return error(key, "expected a token id, got " + describe(*value));
  const std::optional<int64_t> found = integerAt(value->type, value->bytes.data());
  // `found` is none for an unsigned 64-bit value that int64_t cannot hold.
  if (!found || *found < 0 || *found == std::numeric_limits<uint32_t>::max())
    return std::nullopt;
  const bool isLargest = isUnsigned && llvm::all_of(value->bytes, [](char byte) { return byte == '\xff'; });
  if (isLargest && *found >= vocabulary)
    return std::nullopt;
  return found;
}

absl::StatusOr<double> Gguf::number(llvm::StringRef key, std::optional<double> fallback) const {
  const Value *value = find(key);
  if (!value && fallback)
    return *fallback;
  if (!value)
    return error(key, "expected a number, got no such key");
  std::optional<double> found;
  if (!value->isArray && value->type != Type::String)
    found = numberAt(value->type, value->bytes.data());
  if (!found || !std::isfinite(*found))
    return error(key, "expected a number, got " + describe(*value));
  return *found;
}

absl::StatusOr<bool> Gguf::boolean(llvm::StringRef key, std::optional<bool> fallback) const {
  const Value *value = find(key);
  if (!value && fallback)
    return *fallback;
  if (!value || value->isArray || value->type != Type::Bool)
    return error(key, "expected true or false, got " + (value ? describe(*value) : "no such key"));
  return *integerAt(value->type, value->bytes.data()) != 0;
}

absl::StatusOr<llvm::StringRef> Gguf::string(llvm::StringRef key, std::optional<llvm::StringRef> fallback) const {
  const Value *value = find(key);
  if (!value && fallback)
    return *fallback;
  if (!value || value->isArray || value->type != Type::String)
    return error(key, "expected a string, got " + (value ? describe(*value) : "no such key"));
  return value->bytes.drop_front(8);
}

absl::StatusOr<std::vector<llvm::StringRef>> Gguf::strings(llvm::StringRef key) const {
  std::vector<llvm::StringRef> out;
  const Value *value = find(key);
  if (!value)
    return out;
  if (!value->isArray || value->type != Type::String)
    return error(key, "expected an array of strings, got " + describe(*value));
  out.reserve(value->count);
  Cursor cursor{value->bytes};
  for (uint64_t i = 0; i < value->count; ++i)
    out.push_back(cursor.string());
  return out;
}

absl::StatusOr<std::vector<int64_t>> Gguf::integers(llvm::StringRef key, int64_t min, int64_t max) const {
  std::vector<int64_t> out;
  const Value *value = find(key);
  if (!value)
    return out;
  if (value->type == Type::String || value->type == Type::F32 || value->type == Type::F64)
    return error(key, "expected integers, got " + describe(*value));
  out.reserve(value->count);
  for (uint64_t i = 0; i < value->count; ++i) {
    std::optional<int64_t> found = integerAt(value->type, value->bytes.data() + i * bytesOf(value->type));
    if (!found || *found < min || *found > max)
      return error(key, "expected integers from " + llvm::Twine(min) + " to " + llvm::Twine(max) + ", got " +
                            (found ? std::to_string(*found) : "a larger one") +
                            (value->isArray ? " at " + std::to_string(i) : ""));
    out.push_back(*found);
  }
  return out;
}

absl::StatusOr<std::vector<float>> Gguf::floats(llvm::StringRef key) const {
  std::vector<float> out;
  const Value *value = find(key);
  if (!value)
    return out;
  if (!value->isArray || value->type == Type::String || value->type == Type::Bool)
    return error(key, "expected an array of numbers, got " + describe(*value));
  out.reserve(value->count);
  for (uint64_t i = 0; i < value->count; ++i)
    out.push_back(
        static_cast<float>(numberAt(value->type, value->bytes.data() + i * bytesOf(value->type)).value_or(0)));
  return out;
}

llvm::ArrayRef<int64_t> lathe::dropLeadingOnes(llvm::ArrayRef<int64_t> shape, size_t rank) {
  while (shape.size() > rank && shape.front() == 1)
    shape = shape.drop_front();
  return shape;
}

bool lathe::hasDimensions(const TensorInfo &tensor, llvm::ArrayRef<int64_t> shape) {
  return dropLeadingOnes(tensor.shape, 1) == dropLeadingOnes(shape, 1);
}

std::unique_ptr<Checkpoint> lathe::makeCheckpoint(const Gguf &gguf) {
  auto checkpoint = std::make_unique<Checkpoint>(ggufTensors(), gguf.path());
  // The header of a file ends where its first tensor begins.
  std::vector<uint64_t> headers;
  for (const std::shared_ptr<const MappedFile> &file : gguf.files())
    headers.push_back(file->size());
  for (const TensorInfo &tensor : gguf.tensors())
    headers[tensor.file] = std::min(headers[tensor.file], tensor.offset);
  for (auto [file, header] : llvm::zip(gguf.files(), headers))
    checkpoint->addFile(file, header);
  for (const TensorInfo &tensor : gguf.tensors())
    checkpoint->add(tensor);
  return checkpoint;
}
