#include "frontends/onnx/Tensor.h"
#include "llvm/ADT/bit.h"
#include <cmath>
#include <cstring>

using namespace lathe;
using namespace lathe::onnx;

Tensor::Tensor(DataType type, llvm::ArrayRef<int64_t> shape) : type(type), shape(shape) {
  const int64_t size = elementsOf(shape).value_or(0);
  if (isReal(type))
    reals.resize(size);
  else
    integers.resize(size);
}

double lathe::onnx::roundTo(DataType type, double value) {
  switch (type) {
  case DataType::Float:
    return static_cast<float>(value);
  case DataType::Float16:
    return static_cast<double>(static_cast<_Float16>(static_cast<float>(value)));
  case DataType::BFloat16: {
    const float single = static_cast<float>(value);
    if (std::isnan(single))
      return value;
    const uint32_t bits = llvm::bit_cast<uint32_t>(single);
    return llvm::bit_cast<float>((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
  }
  default:
    return value;
  }
}

/// As C converts: the low bits.
static int64_t wrapTo(DataType type, int64_t value) {
  switch (type) {
  case DataType::Bool:
    return value != 0;
  case DataType::Int32:
    return static_cast<int32_t>(value);
  case DataType::UInt32:
    return static_cast<uint32_t>(value);
  case DataType::Int16:
    return static_cast<int16_t>(value);
  case DataType::UInt16:
    return static_cast<uint16_t>(value);
  case DataType::Int8:
    return static_cast<int8_t>(value);
  case DataType::UInt8:
    return static_cast<uint8_t>(value);
  default:
    return value;
  }
}

void Tensor::set(int64_t i, double value) {
  if (isReal(type)) {
    reals[i] = roundTo(type, value);
    return;
  }
  // What C leaves undefined is the nearest value here.
  constexpr double limit = 0x1p63;
  const int64_t whole = std::isnan(value) ? 0
                        : value >= limit  ? INT64_MAX
                        : value <= -limit ? INT64_MIN
                                          : static_cast<int64_t>(value);
  integers[i] = type == DataType::Bool ? value != 0 : wrapTo(type, whole);
}

void Tensor::set(int64_t i, int64_t value) {
  if (isReal(type))
    reals[i] = roundTo(type, static_cast<double>(value));
  else
    integers[i] = wrapTo(type, value);
}

template <typename T> static T readAt(const char *bytes, int64_t i) {
  T value;
  std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
  return value;
}

static double realFromBits(DataType type, uint16_t bits) {
  return type == DataType::Float16 ? static_cast<double>(llvm::bit_cast<_Float16>(bits))
                                   : llvm::bit_cast<float>(uint32_t(bits) << 16);
}

double lathe::onnx::loadReal(const Constant &constant, int64_t i) {
  if (!constant.file)
    return realFromBits(constant.type, static_cast<uint16_t>(constant.integers[i]));
  const char *bytes = constant.raw().data();
  switch (constant.type) {
  case DataType::Float:
    return readAt<float>(bytes, i);
  case DataType::Double:
    return readAt<double>(bytes, i);
  default:
    return realFromBits(constant.type, readAt<uint16_t>(bytes, i));
  }
}

static int64_t loadInteger(const Constant &constant, int64_t i) {
  if (!constant.file)
    return constant.integers[i];
  const char *bytes = constant.raw().data();
  switch (constant.type) {
  case DataType::UInt8:
    return readAt<uint8_t>(bytes, i);
  case DataType::Int8:
    return readAt<int8_t>(bytes, i);
  case DataType::Bool:
    return readAt<uint8_t>(bytes, i) != 0;
  case DataType::UInt16:
    return readAt<uint16_t>(bytes, i);
  case DataType::Int16:
    return readAt<int16_t>(bytes, i);
  case DataType::Int32:
    return readAt<int32_t>(bytes, i);
  case DataType::UInt32:
    return readAt<uint32_t>(bytes, i);
  case DataType::UInt4:
    return readAt<uint8_t>(bytes, i / 2) >> i % 2 * 4 & 15;
  case DataType::Int4:
    return ((readAt<uint8_t>(bytes, i / 2) >> i % 2 * 4 & 15) ^ 8) - 8;
  default:
    return readAt<int64_t>(bytes, i);
  }
}

TensorPtr lathe::onnx::load(const Constant &constant) {
  auto tensor = std::make_shared<Tensor>(constant.type, constant.shape);
  // Values stored as varints can be of types of 32 bits, too.
  const bool isFloatBits = isReal(constant.type);
  for (int64_t i = 0, size = tensor->size(); i < size; ++i)
    if (isFloatBits)
      tensor->reals[i] = loadReal(constant, i);
    else
      tensor->set(i, loadInteger(constant, i));
  return tensor;
}

Shape lathe::onnx::stridesOf(llvm::ArrayRef<int64_t> shape) {
  Shape strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0; stride *= shape[i])
    strides[i] = stride;
  return strides;
}

std::optional<Shape> lathe::onnx::broadcast(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b) {
  const size_t rank = std::max(a.size(), b.size());
  Shape result(rank);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t left = i + a.size() < rank ? 1 : a[i + a.size() - rank];
    const int64_t right = i + b.size() < rank ? 1 : b[i + b.size() - rank];
    if (left != right && left != 1 && right != 1)
      return std::nullopt;
    result[i] = left == 1 ? right : left;
  }
  return result;
}
