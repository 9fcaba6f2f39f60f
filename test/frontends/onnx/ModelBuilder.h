//===- ModelBuilder.h - builds ONNX models for tests --------------------------------------------------------------===//

#ifndef LATHE_TEST_FRONTENDS_ONNX_MODELBUILDER_H
#define LATHE_TEST_FRONTENDS_ONNX_MODELBUILDER_H

#include "frontends/onnx/Graph.h"
#include "onnx/onnx_pb.h"
#include "test/frontends/Builders.h"
#include <cmath>

namespace lathe::testing {

/// A model of ONNX's own domain and com.microsoft. Names of values are chosen by the test.
class ModelBuilder {
public:
  explicit ModelBuilder(int64_t opset = 20) {
    model.set_ir_version(10);
    addOpset("", opset);
    addOpset("com.microsoft", 1);
  }

  ::onnx::NodeProto &node(const std::string &op, std::vector<std::string> inputs, std::vector<std::string> outputs,
                          const std::string &domain = "") {
    ::onnx::NodeProto &node = *model.mutable_graph()->add_node();
    node.set_op_type(op);
    node.set_name("make " + outputs.front());
    node.set_domain(domain);
    for (const std::string &input : inputs)
      node.add_input(input);
    for (const std::string &output : outputs)
      node.add_output(output);
    return node;
  }
  static void set(::onnx::NodeProto &node, const std::string &name, int64_t value) {
    ::onnx::AttributeProto &attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_i(value);
    attribute.set_type(::onnx::AttributeProto::INT);
  }
  static void set(::onnx::NodeProto &node, const std::string &name, double value) {
    ::onnx::AttributeProto &attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_f(static_cast<float>(value));
    attribute.set_type(::onnx::AttributeProto::FLOAT);
  }
  static void set(::onnx::NodeProto &node, const std::string &name, std::vector<int64_t> values) {
    ::onnx::AttributeProto &attribute = *node.add_attribute();
    attribute.set_name(name);
    for (int64_t value : values)
      attribute.add_ints(value);
    attribute.set_type(::onnx::AttributeProto::INTS);
  }

  void input(const std::string &name, int32_t type, std::vector<int64_t> shape) {
    addInfo(*model.mutable_graph()->add_input(), name, type, shape);
  }
  void output(const std::string &name) {
    addInfo(*model.mutable_graph()->add_output(), name, ::onnx::TensorProto::FLOAT, {});
  }

  ::onnx::TensorProto &floats(const std::string &name, std::vector<int64_t> shape, std::vector<float> values) {
    return raw(name, ::onnx::TensorProto::FLOAT, shape, values.data(), values.size() * sizeof(float));
  }
  /// Values that differ from one another.
  ::onnx::TensorProto &weights(const std::string &name, std::vector<int64_t> shape) {
    int64_t size = 1;
    for (int64_t n : shape)
      size *= n;
    std::vector<float> values;
    for (int64_t i = 0; i < size; ++i)
      values.push_back(std::sin(0.37f * static_cast<float>(i + ++seed)) / 4);
    return floats(name, shape, values);
  }
  ::onnx::TensorProto &integers(const std::string &name, std::vector<int64_t> shape, std::vector<int64_t> values) {
    return raw(name, ::onnx::TensorProto::INT64, shape, values.data(), values.size() * sizeof(int64_t));
  }
  ::onnx::TensorProto &raw(const std::string &name, int32_t type, std::vector<int64_t> shape, const void *data,
                           size_t bytes) {
    ::onnx::TensorProto &tensor = *model.mutable_graph()->add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    for (int64_t n : shape)
      tensor.add_dims(n);
    tensor.set_raw_data(data, bytes);
    return tensor;
  }

  std::string bytes() const { return model.SerializeAsString(); }
  absl::StatusOr<std::unique_ptr<lathe::onnx::ModelFile>> open() const {
    return lathe::onnx::openModel(MappedFile::fromBytes("m.onnx", bytes()));
  }

  ::onnx::ModelProto model;

private:
  void addOpset(const std::string &domain, int64_t version) {
    ::onnx::OperatorSetIdProto &opset = *model.add_opset_import();
    opset.set_domain(domain);
    opset.set_version(version);
  }
  static void addInfo(::onnx::ValueInfoProto &info, const std::string &name, int32_t type,
                      const std::vector<int64_t> &shape) {
    info.set_name(name);
    ::onnx::TypeProto::Tensor &tensor = *info.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    for (int64_t size : shape)
      if (size > 0)
        tensor.mutable_shape()->add_dim()->set_dim_value(size);
      else
        tensor.mutable_shape()->add_dim()->set_dim_param("n");
  }

  int seed = 0;
};

} // namespace lathe::testing

#endif // LATHE_TEST_FRONTENDS_ONNX_MODELBUILDER_H
