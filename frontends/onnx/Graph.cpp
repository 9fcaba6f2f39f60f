#include "frontends/onnx/Graph.h"
#include "compiler/support/Errors.h"
#include "frontends/onnx/BuildGraph.h"
#include "frontends/onnx/ReadProto.h"
#include "onnx/onnx_pb.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

struct TypeRow {
  DataType type;
  int bits;
  llvm::StringLiteral name;
};
constexpr TypeRow types[] = {
    {DataType::Float, 32, "float"},       {DataType::UInt8, 8, "uint8"},    {DataType::Int8, 8, "int8"},
    {DataType::UInt16, 16, "uint16"},     {DataType::Int16, 16, "int16"},   {DataType::Int32, 32, "int32"},
    {DataType::Int64, 64, "int64"},       {DataType::Bool, 8, "bool"},      {DataType::Float16, 16, "float16"},
    {DataType::Double, 64, "double"},     {DataType::UInt32, 32, "uint32"}, {DataType::UInt64, 64, "uint64"},
    {DataType::BFloat16, 16, "bfloat16"}, {DataType::UInt4, 4, "uint4"},    {DataType::Int4, 4, "int4"},
};

const TypeRow *find(int32_t type) {
  const auto *row = llvm::find_if(types, [&](const TypeRow &r) { return static_cast<int32_t>(r.type) == type; });
  return row == std::end(types) ? nullptr : row;
}

template <typename T, typename F> T read(const Node &node, llvm::StringRef name, T fallback, F field) {
  auto found = node.attributes.find(name);
  return found == node.attributes.end() ? fallback : T(found->second.*field);
}

} // namespace

bool lathe::onnx::isKnown(int32_t type) { return find(type) != nullptr; }
int lathe::onnx::bitsOf(DataType type) { return find(static_cast<int32_t>(type))->bits; }
llvm::StringRef lathe::onnx::nameOf(DataType type) { return find(static_cast<int32_t>(type))->name; }
bool lathe::onnx::isReal(DataType type) {
  return llvm::is_contained({DataType::Float, DataType::Float16, DataType::Double, DataType::BFloat16}, type);
}

std::optional<int64_t> lathe::onnx::elementsOf(llvm::ArrayRef<int64_t> shape) {
  constexpr int64_t limit = int64_t(1) << 48;
  // A zero anywhere makes the product zero, but sizes that would overflow without it are refused, too.
  int64_t product = 1;
  bool isEmpty = false;
  for (int64_t size : shape) {
    isEmpty |= size == 0;
    if (size < 0 || (size > 0 && product > limit / size))
      return std::nullopt;
    product *= std::max<int64_t>(size, 1);
  }
  return isEmpty ? 0 : product;
}

int64_t Node::integer(llvm::StringRef name, int64_t fallback) const {
  return read(*this, name, fallback, &NodeAttribute::integer);
}
double Node::real(llvm::StringRef name, double fallback) const {
  return read(*this, name, fallback, &NodeAttribute::real);
}
std::string Node::text(llvm::StringRef name, llvm::StringRef fallback) const {
  return read(*this, name, fallback.str(), &NodeAttribute::text);
}
std::vector<int64_t> Node::integers(llvm::StringRef name) const {
  return read(*this, name, std::vector<int64_t>(), &NodeAttribute::integers);
}

static absl::StatusOr<std::unique_ptr<ModelFile>> open(std::unique_ptr<MappedFile> file, bool allowsExternal) {
  LATHE_ASSIGN_OR_RETURN(const std::shared_ptr<const ::onnx::ModelProto> proto, readProto(*file));
  auto model = std::make_unique<ModelFile>();
  model->path = file->path().str();
  model->files.push_back(std::move(file));
  LATHE_RETURN_IF_ERROR(buildModel(*proto, allowsExternal, *model));
  return std::move(model);
}

absl::StatusOr<std::unique_ptr<ModelFile>> lathe::onnx::openModel(llvm::StringRef path) {
  LATHE_ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> file, MappedFile::open(path));
  return open(std::move(file), /*allowsExternal=*/true);
}

absl::StatusOr<std::unique_ptr<ModelFile>> lathe::onnx::openModel(std::unique_ptr<MappedFile> file) {
  return open(std::move(file), /*allowsExternal=*/false);
}
