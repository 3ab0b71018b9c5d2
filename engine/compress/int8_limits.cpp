#include "engine/compress/int8_limits.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "base/error.h"

namespace paretiny::compress {

void check_scale(double scale, const char* whose) {
  if (std::isfinite(scale) && scale >= kLeastScale && scale <= kMostScale) return;
  throw DataError(std::string(whose) + " scale is out of range (2^-40 to 2^24)");
}

void check_ratio(double input_scale, double output_scale) {
  if (input_scale / output_scale < 0x1p30) return;
  throw DataError("its output scale is too small beside its input's");
}

void check_add_ratio(const int8::Quantization& a, const int8::Quantization& b,
                     const int8::Quantization& y) {
  check_ratio(0x1p-19 * double{std::max(a.scale, b.scale)}, y.scale);
}

void check_mul_ratio(const int8::Quantization& a, const int8::Quantization& b,
                     const int8::Quantization& y) {
  check_ratio(double{a.scale} * double{b.scale}, y.scale);
}

bool sum_fits(const std::int8_t* weights, std::int64_t taps, std::int64_t stride,
              std::int32_t bias) {
  std::int64_t most = std::abs(std::int64_t{bias});
  for (std::int64_t i = 0; i < taps; ++i) most += std::abs(int{weights[i * stride]}) * 255;
  return most < (std::int64_t{1} << 31);
}

}  // namespace paretiny::compress
