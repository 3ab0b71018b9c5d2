#include "engine/data/formats/windows.h"

namespace paretiny::data {

Samples empty_windows(const WindowCut& cut, std::int64_t channels) {
  return {DType::f32, {1, 1, cut.window, channels}, {}, {}};
}

std::int64_t append_windows(std::span<const float> rows, std::int32_t label, const WindowCut& cut,
                            Samples& samples) {
  const auto channels = static_cast<std::size_t>(samples.sample.c);
  const auto length = static_cast<std::size_t>(cut.window) * channels;
  const auto stride = static_cast<std::size_t>(cut.step) * channels;
  std::int64_t count = 0;
  for (std::size_t first = 0; first + length <= rows.size(); first += stride, ++count) {
    const auto bytes = std::as_bytes(rows.subspan(first, length));
    samples.values.insert(samples.values.end(), bytes.begin(), bytes.end());
    samples.labels.push_back(label);
  }
  return count;
}

}  // namespace paretiny::data
