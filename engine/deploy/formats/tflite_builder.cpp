#include "engine/deploy/formats/tflite_builder.h"

#include <algorithm>

namespace paretiny::deploy::tflite {
namespace {

/// A table's fields by their position in the schema.
class TableWriter {
 public:
  explicit TableWriter(flatbuffers::FlatBufferBuilder& file)
      : file_(file), start_(file.StartTable()) {}

  template <class T>
  TableWriter& scalar(Slot slot, T value) {
    file_.AddElement<T>(flatbuffers::FieldIndexToOffset(slot), value);
    return *this;
  }
  template <class T>
  TableWriter& offset(Slot slot, flatbuffers::Offset<T> value) {
    file_.AddOffset(flatbuffers::FieldIndexToOffset(slot), value);
    return *this;
  }
  Table end() { return Table(file_.EndTable(start_)); }

 private:
  flatbuffers::FlatBufferBuilder& file_;
  const flatbuffers::uoffset_t start_;
};

}  // namespace

TfliteBuilder::TfliteBuilder() {
  buffers_.push_back(TableWriter(file_).end());  // the empty one, of tensors that are computed
}

std::uint32_t TfliteBuilder::data(const void* bytes, std::size_t count) {
  file_.ForceVectorAlignment(count, 1, kDataAlignment);
  const auto vector = file_.CreateVector(static_cast<const std::uint8_t*>(bytes), count);
  buffers_.push_back(TableWriter(file_).offset(buffer::data, vector).end());
  return static_cast<std::uint32_t>(buffers_.size()) - 1;
}

int TfliteBuilder::tensor(const std::string& name, const std::vector<std::int32_t>& shape,
                          TensorType type, std::uint32_t buffer,
                          const TensorQuantization& quantization) {
  const auto extents = file_.CreateVector(shape);
  const auto text = file_.CreateString(name);
  Table parameters;
  if (!quantization.scales.empty()) {
    const auto scales = file_.CreateVector(quantization.scales);
    const auto zero_points = file_.CreateVector(quantization.zero_points);
    parameters = TableWriter(file_)
                     .offset(quantization_parameters::scale, scales)
                     .offset(quantization_parameters::zero_point, zero_points)
                     .scalar(quantization_parameters::quantized_dimension, quantization.dimension)
                     .end();
  }
  TableWriter table(file_);
  table.offset(tensor::shape, extents)
      .scalar(tensor::type, static_cast<std::int8_t>(type))
      .scalar(tensor::buffer, buffer)
      .offset(tensor::name, text);
  if (!parameters.IsNull()) table.offset(tensor::quantization, parameters);
  tensors_.push_back(table.end());
  return static_cast<int>(tensors_.size()) - 1;
}

int TfliteBuilder::activation(const std::string& name, const std::vector<std::int32_t>& shape,
                              const int8::Quantization& quantization) {
  return tensor(name, shape, TensorType::int8, 0, TensorQuantization::per_tensor(quantization));
}

std::uint32_t TfliteBuilder::code_index(BuiltinOperator code) {
  const auto found = std::find(codes_.begin(), codes_.end(), code);
  const auto index = static_cast<std::uint32_t>(found - codes_.begin());
  if (found == codes_.end()) codes_.push_back(code);
  return index;
}

void TfliteBuilder::operation(BuiltinOperator code, const std::vector<int>& inputs, int output,
                              BuiltinOptions options_type, const std::vector<Option>& options) {
  Table fields;
  if (options_type != BuiltinOptions::none) {
    TableWriter writer(file_);
    for (const Option& option : options) {
      if (option.type == Option::Type::byte) {
        writer.scalar(option.slot, static_cast<std::int8_t>(option.value));
      } else {
        writer.scalar(option.slot, option.value);
      }
    }
    fields = writer.end();
  }
  const auto from = file_.CreateVector(inputs);
  const auto to = file_.CreateVector(&output, 1);
  TableWriter table(file_);
  table.scalar(operation::opcode_index, code_index(code))
      .offset(operation::inputs, from)
      .offset(operation::outputs, to);
  if (!fields.IsNull()) {
    table.scalar(operation::builtin_options_type, static_cast<std::uint8_t>(options_type))
        .offset(operation::builtin_options, fields);
  }
  operations_.push_back(table.end());
}

std::vector<std::uint8_t> TfliteBuilder::finish(const std::string& name,
                                                const std::string& description, int input,
                                                int output) {
  // The runtime reads 16 bytes, filled up with zeros.
  char version[16] = {};
  std::copy(std::begin(kMinRuntimeVersion), std::end(kMinRuntimeVersion), version);
  const std::uint32_t version_buffer = data(version, sizeof(version));
  const auto version_name = file_.CreateString("min_runtime_version");
  const Table version_entry = TableWriter(file_)
                                  .offset(metadata::name, version_name)
                                  .scalar(metadata::buffer, version_buffer)
                                  .end();
  const auto entries = file_.CreateVector(&version_entry, 1);

  std::vector<Table> codes;
  for (const BuiltinOperator code : codes_) {
    const auto number = static_cast<std::int8_t>(code);
    codes.push_back(TableWriter(file_)
                        .scalar(operator_code::deprecated_builtin_code, number)
                        .scalar(operator_code::version, version_of(code))
                        .scalar(operator_code::builtin_code, std::int32_t{number})
                        .end());
  }
  const auto tensors = file_.CreateVector(tensors_);
  const auto inputs = file_.CreateVector(&input, 1);
  const auto outputs = file_.CreateVector(&output, 1);
  const auto operations = file_.CreateVector(operations_);
  const auto graph_name = file_.CreateString(name);
  const Table graph = TableWriter(file_)
                          .offset(sub_graph::tensors, tensors)
                          .offset(sub_graph::inputs, inputs)
                          .offset(sub_graph::outputs, outputs)
                          .offset(sub_graph::operators, operations)
                          .offset(sub_graph::name, graph_name)
                          .end();
  const auto operator_codes = file_.CreateVector(codes);
  const auto graphs = file_.CreateVector(&graph, 1);
  const auto text = file_.CreateString(description);
  const auto buffers = file_.CreateVector(buffers_);
  const Table root = TableWriter(file_)
                         .scalar(model::version, kVersion)
                         .offset(model::operator_codes, operator_codes)
                         .offset(model::subgraphs, graphs)
                         .offset(model::description, text)
                         .offset(model::buffers, buffers)
                         .offset(model::metadata, entries)
                         .end();
  file_.Finish(root, kIdentifier);
  return {file_.GetBufferPointer(), file_.GetBufferPointer() + file_.GetSize()};
}

}  // namespace paretiny::deploy::tflite
