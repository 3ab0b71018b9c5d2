// An ONNX model under construction: nodes and constants by name, in the order they are added.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "engine/deploy/formats/onnx_schema.h"
#include "engine/deploy/formats/proto_writer.h"

namespace paretiny::deploy::onnx {

struct Attribute {
  std::string name;
  std::variant<std::int64_t, float, std::vector<std::int64_t>> value;
};

/// A value at the model's border: f32, [batch, extents...].
struct Border {
  std::string name;
  std::vector<std::int64_t> extents;
};

class OnnxBuilder {
 public:
  /// Both return the name of what they add.
  std::string node(const std::string& type, const std::vector<std::string>& inputs,
                   const std::string& output, const std::vector<Attribute>& attributes = {});
  template <class T>
  std::string constant(const std::string& name, const std::vector<std::int64_t>& dims,
                       const std::vector<T>& values) {
    const auto* bytes = reinterpret_cast<const char*>(values.data());
    return constant(name, dims, type_of(T{}), {bytes, values.size() * sizeof(T)});
  }

  /// The file's bytes.
  std::string finish(const std::string& name, const std::string& description, const Border& input,
                     const Border& output);

 private:
  static DataType type_of(float) { return DataType::real; }
  static DataType type_of(std::int8_t) { return DataType::int8; }
  static DataType type_of(std::int32_t) { return DataType::int32; }
  static DataType type_of(std::int64_t) { return DataType::int64; }
  std::string constant(const std::string& name, const std::vector<std::int64_t>& dims,
                       DataType type, std::string_view bytes);

  ProtoWriter graph_;
};

}  // namespace paretiny::deploy::onnx
