// A TensorFlow Lite model under construction: one subgraph, written into a flatbuffer as it comes.
#pragma once

#include <flatbuffers/flatbuffer_builder.h>

#include <cstring>
#include <string>
#include <vector>

#include "engine/deploy/formats/tflite_schema.h"
#include "kernels/int8/parameters.h"

namespace paretiny::deploy::tflite {

using Table = flatbuffers::Offset<flatbuffers::Table>;

/// Scales and zero points of a tensor: one, or one for every position of `dimension`.
struct TensorQuantization {
  std::vector<float> scales;
  std::vector<std::int64_t> zero_points;
  std::int32_t dimension = 0;

  static TensorQuantization per_tensor(const int8::Quantization& q) {
    return {{q.scale}, {q.zero_point}};
  }
  static TensorQuantization per_channel(std::vector<float> scales, std::int32_t dimension) {
    const std::size_t count = scales.size();
    return {std::move(scales), std::vector<std::int64_t>(count), dimension};
  }
};

/// A field of an options table; its width is the type's.
struct Option {
  enum class Type { byte, int32 };
  Slot slot;
  Type type;
  std::int32_t value;

  template <class Enum>
  static Option byte(Slot slot, Enum value) {
    return {slot, Type::byte, static_cast<std::int32_t>(value)};
  }
  static Option int32(Slot slot, std::int64_t value) {
    return {slot, Type::int32, static_cast<std::int32_t>(value)};
  }
};

class TfliteBuilder {
 public:
  TfliteBuilder();

  /// Both return the tensor's index.
  int activation(const std::string& name, const std::vector<std::int32_t>& shape,
                 const int8::Quantization& quantization);
  template <class T>
  int constant(const std::string& name, const std::vector<std::int32_t>& shape,
               const std::vector<T>& values, const TensorQuantization& quantization) {
    static_assert(std::is_same_v<T, std::int8_t> || std::is_same_v<T, std::int32_t>);
    return tensor(name, shape, sizeof(T) == 1 ? TensorType::int8 : TensorType::int32,
                  data(values.data(), values.size() * sizeof(T)), quantization);
  }

  void operation(BuiltinOperator code, const std::vector<int>& inputs, int output,
                 BuiltinOptions options_type, const std::vector<Option>& options);

  /// The file's bytes. The builder has nothing left afterwards.
  std::vector<std::uint8_t> finish(const std::string& name, const std::string& description,
                                   int input, int output);

 private:
  std::uint32_t data(const void* bytes, std::size_t count);
  int tensor(const std::string& name, const std::vector<std::int32_t>& shape, TensorType type,
             std::uint32_t buffer, const TensorQuantization& quantization);
  std::uint32_t code_index(BuiltinOperator code);

  flatbuffers::FlatBufferBuilder file_;
  std::vector<Table> buffers_, tensors_, operations_;
  std::vector<BuiltinOperator> codes_;
};

}  // namespace paretiny::deploy::tflite
