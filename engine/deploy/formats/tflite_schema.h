// The part of TensorFlow Lite's schema (version 3) that a network of ours needs: the position of
// each field in its table and the numbers of enumerators, by the schema's names.
#pragma once

#include <cstdint>

namespace paretiny::deploy::tflite {

inline constexpr char kIdentifier[] = "TFL3";
inline constexpr std::uint32_t kVersion = 3;
/// Data of constants start at a multiple of this.
inline constexpr std::size_t kDataAlignment = 16;

using Slot = std::uint16_t;

namespace model {
enum : Slot { version, operator_codes, subgraphs, description, buffers, metadata = 6 };
}
namespace operator_code {
enum : Slot { deprecated_builtin_code, version = 2, builtin_code };
}
namespace sub_graph {
enum : Slot { tensors, inputs, outputs, operators, name };
}
namespace tensor {
enum : Slot { shape, type, buffer, name, quantization };
}
namespace quantization_parameters {
enum : Slot { scale = 2, zero_point, quantized_dimension = 6 };
}
namespace buffer {
enum : Slot { data };
}
namespace metadata {
enum : Slot { name, buffer };
}
namespace operation {  // "Operator" in the schema
enum : Slot { opcode_index, inputs, outputs, builtin_options_type, builtin_options };
}
namespace conv_2d_options {
enum : Slot {
  padding,
  stride_w,
  stride_h,
  fused_activation_function,
  dilation_w_factor,
  dilation_h_factor
};
}
namespace depthwise_conv_2d_options {
enum : Slot {
  padding,
  stride_w,
  stride_h,
  depth_multiplier,
  fused_activation_function,
  dilation_w_factor,
  dilation_h_factor
};
}
namespace pool_2d_options {
enum : Slot { padding, stride_w, stride_h, filter_width, filter_height, fused_activation_function };
}
namespace add_options {
enum : Slot { fused_activation_function };
}
namespace mul_options {
enum : Slot { fused_activation_function };
}
namespace reducer_options {
enum : Slot { keep_dims };
}

enum class TensorType : std::int8_t { int32 = 2, int8 = 9 };
enum class Padding : std::int8_t { same, valid };
enum class FusedActivation : std::int8_t { none = 0, relu = 1, relu6 = 3 };

enum class BuiltinOperator : std::int8_t {
  add = 0,
  average_pool_2d = 1,
  conv_2d = 3,
  depthwise_conv_2d = 4,
  max_pool_2d = 17,
  mul = 18,
  relu = 19,
  relu6 = 21,
  reshape = 22,
  pad = 34,
  mean = 40,
  maximum = 55,
  minimum = 57,
  padv2 = 60,
  quantize = 114,
  hard_swish = 117,
};

enum class BuiltinOptions : std::uint8_t {
  none = 0,
  conv_2d = 1,
  depthwise_conv_2d = 2,
  pool_2d = 5,
  add = 11,
  reshape = 17,
  mul = 21,
  pad = 22,
  reducer = 27,
  maximum_minimum = 39,
  padv2 = 43,
  quantize = 89,
  hard_swish = 91,
};

/// The version of an operator that takes int8.
constexpr std::int32_t version_of(BuiltinOperator op) {
  switch (op) {
    case BuiltinOperator::hard_swish:
    case BuiltinOperator::reshape:
      return 1;
    case BuiltinOperator::conv_2d:
    case BuiltinOperator::depthwise_conv_2d:
      return 3;
    default:
      return 2;
  }
}
/// The first TensorFlow Lite that knows these versions.
inline constexpr char kMinRuntimeVersion[] = "1.15.0";

}  // namespace paretiny::deploy::tflite
