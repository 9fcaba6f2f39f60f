#include "frontends/onnx/ReadProto.h"
#include "compiler/support/Errors.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/wire_format_lite.h"
#include "onnx/onnx_pb.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::onnx;
using google::protobuf::internal::WireFormatLite;
namespace io = google::protobuf::io;

namespace {

/// Limits that no exporter comes near.
constexpr int maxDepth = 32;                           // messages inside one another
constexpr uint64_t maxVarintBytes = uint64_t(1) << 26; // of values stored as varints, in one file
constexpr uint64_t maxCopiedBytes = uint64_t(1) << 29; // of all that is not the value of a tensor

enum class Message : uint8_t { Model, Graph, Node, Attribute, Tensor, Function, Leaf };

/// What becomes of a field.
enum class Fate : uint8_t { Copy, Drop, Enter, Place, Varints };

struct FieldRule {
  Message message;
  int number;
  Fate fate;
  Message inner = Message::Leaf;
};

/// Fields that are not here are copied. The numbers are those of onnx.proto.
constexpr FieldRule rules[] = {
    {Message::Model, 6, Fate::Drop},                        // doc_string
    {Message::Model, 7, Fate::Enter, Message::Graph},       // graph
    {Message::Model, 14, Fate::Drop},                       // metadata_props
    {Message::Model, 20, Fate::Drop},                       // training_info
    {Message::Model, 25, Fate::Enter, Message::Function},   // functions
    {Message::Graph, 1, Fate::Enter, Message::Node},        // node
    {Message::Graph, 5, Fate::Enter, Message::Tensor},      // initializer
    {Message::Graph, 10, Fate::Drop},                       // doc_string
    {Message::Graph, 13, Fate::Drop},                       // value_info
    {Message::Graph, 14, Fate::Drop},                       // quantization_annotation
    {Message::Graph, 16, Fate::Drop},                       // metadata_props
    {Message::Function, 7, Fate::Enter, Message::Node},     // node
    {Message::Node, 5, Fate::Enter, Message::Attribute},    // attribute
    {Message::Node, 6, Fate::Drop},                         // doc_string
    {Message::Node, 9, Fate::Drop},                         // metadata_props
    {Message::Attribute, 5, Fate::Enter, Message::Tensor},  // t
    {Message::Attribute, 6, Fate::Enter, Message::Graph},   // g
    {Message::Attribute, 10, Fate::Enter, Message::Tensor}, // tensors
    {Message::Attribute, 11, Fate::Enter, Message::Graph},  // graphs
    {Message::Tensor, 4, Fate::Place},                      // float_data
    {Message::Tensor, 5, Fate::Varints},                    // int32_data
    {Message::Tensor, 7, Fate::Varints},                    // int64_data
    {Message::Tensor, 9, Fate::Place},                      // raw_data
    {Message::Tensor, 10, Fate::Place},                     // double_data
    {Message::Tensor, 11, Fate::Varints},                   // uint64_data
};

FieldRule ruleOf(Message message, int number) {
  const auto *rule =
      llvm::find_if(rules, [&](const FieldRule &r) { return r.message == message && r.number == number; });
  return rule == std::end(rules) ? FieldRule{message, number, Fate::Copy} : *rule;
}

/// Copies a message field by field; values of tensors become places.
class Stripper {
public:
  explicit Stripper(const MappedFile &file) : file(file) {}

  absl::Status strip(Message message, uint64_t begin, uint64_t end, int depth, std::string &out);

private:
  absl::Status bad(uint64_t offset, const llvm::Twine &what) const {
    return fileError(file.path(), "expected an ONNX model, got " + what + " at byte " + llvm::Twine(offset));
  }
  absl::Status stripField(const FieldRule &rule, uint64_t begin, uint64_t end, int depth, std::string &out);
  const uint8_t *at(uint64_t offset) const { return reinterpret_cast<const uint8_t *>(file.bytes().data()) + offset; }

  const MappedFile &file;
  uint64_t varintBytes = 0, copied = 0;
};

void appendTag(int number, WireFormatLite::WireType type, std::string &out) {
  uint8_t bytes[10];
  uint8_t *end = io::CodedOutputStream::WriteVarint32ToArray(WireFormatLite::MakeTag(number, type), bytes);
  out.append(reinterpret_cast<char *>(bytes), end - bytes);
}

void appendBytes(llvm::StringRef bytes, std::string &out) {
  uint8_t size[10];
  uint8_t *end = io::CodedOutputStream::WriteVarint64ToArray(bytes.size(), size);
  out.append(reinterpret_cast<char *>(size), end - size);
  out.append(bytes.data(), bytes.size());
}

/// Reads a varint at `offset`. False: it does not end before `end`.
bool readVarint(const uint8_t *bytes, uint64_t end, uint64_t &offset, uint64_t &value) {
  value = 0;
  for (int shift = 0; shift < 70 && offset < end; shift += 7) {
    const uint8_t byte = bytes[offset++];
    if (shift < 64)
      value |= uint64_t(byte & 0x7f) << shift;
    if (byte < 0x80)
      return true;
  }
  return false;
}

absl::Status Stripper::stripField(const FieldRule &rule, uint64_t begin, uint64_t end, int depth, std::string &out) {
  switch (rule.fate) {
  case Fate::Enter: {
    if (depth == maxDepth)
      return bad(begin, "messages nested deeper than " + llvm::Twine(maxDepth));
    std::string inner;
    LATHE_RETURN_IF_ERROR(strip(rule.inner, begin, end, depth + 1, inner));
    appendTag(rule.number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED, out);
    appendBytes(inner, out);
    return absl::OkStatus();
  }
  case Fate::Place: {
    const RawPlace place = {begin, end - begin};
    appendTag(9, WireFormatLite::WIRETYPE_LENGTH_DELIMITED, out); // raw_data
    appendBytes({reinterpret_cast<const char *>(&place), sizeof place}, out);
    return absl::OkStatus();
  }
  case Fate::Varints:
    varintBytes += end - begin;
    if (varintBytes > maxVarintBytes)
      return bad(begin, "more than " + llvm::Twine(maxVarintBytes >> 20) + " MB of values that are not in raw_data");
    [[fallthrough]];
  case Fate::Copy:
    copied += end - begin;
    if (copied > maxCopiedBytes)
      return bad(begin, "more than " + llvm::Twine(maxCopiedBytes >> 20) + " MB beside the values of tensors");
    appendTag(rule.number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED, out);
    appendBytes(file.bytes().slice(begin, end), out);
    return absl::OkStatus();
  case Fate::Drop:
    return absl::OkStatus();
  }
  llvm_unreachable("all enumerators are handled");
}

absl::Status Stripper::strip(Message message, uint64_t begin, uint64_t end, int depth, std::string &out) {
  const uint8_t *bytes = at(0);
  for (uint64_t offset = begin; offset < end;) {
    const uint64_t start = offset;
    uint64_t tag, value;
    if (!readVarint(bytes, end, offset, tag) || tag >> 32 || tag >> 3 == 0)
      return bad(start, "a broken tag");
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    uint64_t after = 0;
    switch (WireFormatLite::GetTagWireType(tag)) {
    case WireFormatLite::WIRETYPE_VARINT:
      if (!readVarint(bytes, end, offset, value))
        return bad(start, "a broken number");
      after = offset;
      break;
    case WireFormatLite::WIRETYPE_FIXED64:
      after = offset + 8;
      break;
    case WireFormatLite::WIRETYPE_FIXED32:
      after = offset + 4;
      break;
    case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
      if (!readVarint(bytes, end, offset, value) || value > end - offset)
        return bad(start, "a field that ends after the message");
      LATHE_RETURN_IF_ERROR(stripField(ruleOf(message, number), offset, offset + value, depth, out));
      offset += value;
      continue;
    default:
      return bad(start, "a broken tag");
    }
    if (after > end || after < start)
      return bad(start, "a field that ends after the message");
    // One value that belongs to a packed list is copied as it is, too.
    copied += after - start;
    if (copied > maxCopiedBytes)
      return bad(start, "more than " + llvm::Twine(maxCopiedBytes >> 20) + " MB beside the values of tensors");
    out.append(file.bytes().data() + start, after - start);
    offset = after;
  }
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<std::shared_ptr<const ::onnx::ModelProto>> lathe::onnx::readProto(const MappedFile &file) {
  std::string stripped;
  LATHE_RETURN_IF_ERROR(Stripper(file).strip(Message::Model, 0, file.size(), 0, stripped));
  auto model = std::make_shared<::onnx::ModelProto>();
  if (stripped.size() > INT32_MAX)
    return fileError(file.path(), "expected an ONNX model, got one with too many nodes");
  io::ArrayInputStream input(stripped.data(), static_cast<int>(stripped.size()));
  io::CodedInputStream coded(&input);
  coded.SetRecursionLimit(2 * maxDepth + 16);
  if (!model->ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage())
    return fileError(file.path(), "expected an ONNX model, got a message that is none");
  if (!model->has_graph() || model->graph().node_size() == 0)
    return fileError(file.path(), "expected an ONNX model, got a message without a graph");
  return model;
}

bool lathe::onnx::looksLikeModel(llvm::StringRef bytes) {
  // Field 1, ir_version: a small number. Then another field of the model, among the first 16.
  return bytes.size() > 4 && bytes[0] == 0x08 && bytes[1] > 0 && bytes[1] < 32 && (bytes[2] & 7) != 1 &&
         (bytes[2] & 7) < 3 && (uint8_t(bytes[2]) >> 3) >= 2 && (uint8_t(bytes[2]) >> 3) <= 15;
}
