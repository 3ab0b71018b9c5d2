#include "engine/deploy/formats/onnx_builder.h"

namespace paretiny::deploy::onnx {
namespace {

ProtoWriter attribute_message(const Attribute& attribute) {
  ProtoWriter message;
  message.text(attribute_proto::name, attribute.name);
  AttributeType type = AttributeType::integers;
  if (const auto* integer = std::get_if<std::int64_t>(&attribute.value)) {
    message.integer(attribute_proto::i, *integer);
    type = AttributeType::integer;
  } else if (const auto* real = std::get_if<float>(&attribute.value)) {
    message.real(attribute_proto::f, *real);
    type = AttributeType::real;
  } else {
    for (const std::int64_t value : std::get<std::vector<std::int64_t>>(attribute.value)) {
      message.integer(attribute_proto::ints, value);
    }
  }
  message.integer(attribute_proto::type, static_cast<std::int64_t>(type));
  return message;
}

ProtoWriter border_message(const Border& border) {
  ProtoWriter batch;
  batch.text(dimension::dim_param, "batch");
  ProtoWriter shape;
  shape.message(tensor_shape_proto::dim, batch);
  for (const std::int64_t extent : border.extents) {
    ProtoWriter dim;
    dim.integer(dimension::dim_value, extent);
    shape.message(tensor_shape_proto::dim, dim);
  }
  ProtoWriter tensor;
  tensor.integer(type_proto_tensor::elem_type, static_cast<std::int64_t>(DataType::real));
  tensor.message(type_proto_tensor::shape, shape);
  ProtoWriter type;
  type.message(type_proto::tensor_type, tensor);
  ProtoWriter message;
  message.text(value_info_proto::name, border.name);
  message.message(value_info_proto::type, type);
  return message;
}

}  // namespace

std::string OnnxBuilder::node(const std::string& type, const std::vector<std::string>& inputs,
                              const std::string& output, const std::vector<Attribute>& attributes) {
  ProtoWriter message;
  for (const std::string& input : inputs) message.text(node_proto::input, input);
  message.text(node_proto::output, output);
  message.text(node_proto::name, output);
  message.text(node_proto::op_type, type);
  for (const Attribute& attribute : attributes) {
    message.message(node_proto::attribute, attribute_message(attribute));
  }
  graph_.message(graph_proto::node, message);
  return output;
}

std::string OnnxBuilder::constant(const std::string& name, const std::vector<std::int64_t>& dims,
                                  DataType type, std::string_view bytes) {
  ProtoWriter message;
  for (const std::int64_t extent : dims) message.integer(tensor_proto::dims, extent);
  message.integer(tensor_proto::data_type, static_cast<std::int64_t>(type));
  message.text(tensor_proto::name, name);
  message.text(tensor_proto::raw_data, bytes);
  graph_.message(graph_proto::initializer, message);
  return name;
}

std::string OnnxBuilder::finish(const std::string& name, const std::string& description,
                                const Border& input, const Border& output) {
  graph_.text(graph_proto::name, name);
  graph_.message(graph_proto::input, border_message(input));
  graph_.message(graph_proto::output, border_message(output));
  ProtoWriter opset;
  opset.text(operator_set_id_proto::domain, "");
  opset.integer(operator_set_id_proto::version, kOpset);
  ProtoWriter model;
  model.integer(model_proto::ir_version, kIrVersion);
  model.text(model_proto::producer_name, "Paretiny");
  model.text(model_proto::doc_string, description);
  model.message(model_proto::graph, graph_);
  model.message(model_proto::opset_import, opset);
  return model.bytes();
}

}  // namespace paretiny::deploy::onnx
