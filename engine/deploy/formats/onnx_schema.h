// The part of ONNX that a network of ours needs: the fields of its protobuf messages by number and
// the numbers of enumerators, by the names they have there.
#pragma once

#include <cstdint>

namespace paretiny::deploy::onnx {

inline constexpr std::int64_t kIrVersion = 7;
inline constexpr std::int64_t kOpset = 14;  ///< the first with HardSwish

using Field = std::uint32_t;

namespace model_proto {
enum : Field {
  ir_version = 1,
  producer_name = 2,
  doc_string = 6,
  graph = 7,
  opset_import = 8,
};
}
namespace operator_set_id_proto {
enum : Field { domain = 1, version = 2 };
}
namespace graph_proto {
enum : Field { node = 1, name = 2, initializer = 5, input = 11, output = 12 };
}
namespace node_proto {
enum : Field { input = 1, output = 2, name = 3, op_type = 4, attribute = 5 };
}
namespace attribute_proto {
enum : Field { name = 1, f = 2, i = 3, ints = 8, type = 20 };
}
namespace tensor_proto {
enum : Field { dims = 1, data_type = 2, name = 8, raw_data = 9 };
}
namespace value_info_proto {
enum : Field { name = 1, type = 2 };
}
namespace type_proto {
enum : Field { tensor_type = 1 };
}
namespace type_proto_tensor {
enum : Field { elem_type = 1, shape = 2 };
}
namespace tensor_shape_proto {
enum : Field { dim = 1 };
}
namespace dimension {
enum : Field { dim_value = 1, dim_param = 2 };
}

enum class AttributeType : std::int64_t { real = 1, integer = 2, integers = 7 };
enum class DataType : std::int64_t { real = 1, int8 = 3, int32 = 6, int64 = 7 };

}  // namespace paretiny::deploy::onnx
