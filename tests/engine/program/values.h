// Values of a program's tensors, from and to the device.
#pragma once

#include <vector>

#include "kernels/core/stream.h"
#include "kernels/core/tensor.h"

namespace paretiny::test {

inline void upload(Stream& stream, const View& to, const std::vector<double>& values) {
  if (to.dtype == DType::i32) {
    const std::vector<std::int32_t> labels(values.begin(), values.end());
    stream.upload(to.data, labels.data(), to.bytes());
  } else {
    const std::vector<float> floats(values.begin(), values.end());
    stream.upload(to.data, floats.data(), to.bytes());
  }
}

inline std::vector<double> download(Stream& stream, const ConstView& from) {
  std::vector<float> floats(static_cast<std::size_t>(from.elements()));
  stream.download(floats.data(), from.data, from.bytes());
  return {floats.begin(), floats.end()};
}

}  // namespace paretiny::test
