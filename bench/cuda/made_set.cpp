#include "bench/cuda/made_set.h"

#include <fmt/core.h>

#include "kernels/core/host_device.h"
#include "kernels/core/threads.h"

namespace paretiny::bench {
namespace {

constexpr std::int64_t kRowBlock = 8;

std::uint32_t mix(std::uint32_t v) {
  v ^= v >> 16;
  v *= 0x7FEB352Du;
  v ^= v >> 15;
  v *= 0x846CA68Bu;
  v ^= v >> 16;
  return v;
}

std::uint32_t pattern(const Shape& s, std::int64_t label, std::int64_t row, std::int64_t column,
                      std::int64_t channel) {
  const std::int64_t block = s.h > 1 ? kRowBlock : 32;
  const std::int64_t rows = ceil_div(s.h, kRowBlock);
  const std::int64_t columns = ceil_div(s.w, block);
  const std::int64_t place = (label * rows + row / kRowBlock) * columns + column / block;
  return mix(static_cast<std::uint32_t>(1 + place * s.c + channel)) & 255;
}

void fill(data::Samples& part, std::int64_t classes, std::int64_t size, std::uint32_t first_id) {
  const Shape& s = part.sample;
  part.values.resize(static_cast<std::size_t>(size) * part.sample_bytes());
  part.labels.resize(static_cast<std::size_t>(size));
  parallel_for(size, true, [&](std::int64_t i) {
    const std::int64_t label = i % classes;
    part.labels[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(label);
    const std::uint32_t key = mix(first_id + static_cast<std::uint32_t>(i) + 65536);
    std::byte* values = part.values.data() + static_cast<std::size_t>(i) * part.sample_bytes();
    std::int64_t e = 0;
    for (std::int64_t row = 0; row < s.h; ++row) {
      for (std::int64_t column = 0; column < s.w; ++column) {
        for (std::int64_t channel = 0; channel < s.c; ++channel, ++e) {
          const std::uint32_t noise = mix(key + static_cast<std::uint32_t>(e)) & 255;
          const std::uint32_t v = (pattern(s, label, row, column, channel) + 7 * noise) / 8;
          if (part.dtype == DType::u8) {
            values[e] = static_cast<std::byte>(v);
          } else {
            reinterpret_cast<float*>(values)[e] = (static_cast<float>(v) - 128) / 64;
          }
        }
      }
    }
  });
}

}  // namespace

data::Dataset made_set(const Shape& sample, std::int64_t classes, std::int64_t train,
                       std::int64_t test) {
  data::Dataset set;
  set.name = "made";
  for (std::int64_t k = 0; k < classes; ++k) set.classes.push_back(fmt::format("class {}", k));
  const bool images = sample.h > 1;
  for (data::Samples* part : {&set.train, &set.validation, &set.test}) {
    part->dtype = images ? DType::u8 : DType::f32;
    part->sample = sample;
  }
  fill(set.train, classes, train, 0);
  fill(set.test, classes, test, 1u << 20);
  const auto channels = static_cast<std::size_t>(sample.c);
  set.scale.assign(channels, images ? 1.0f / 64 : 1.0f);
  set.shift.assign(channels, images ? -2.0f : 0.0f);
  return set;
}

std::uint32_t checksum(const data::Dataset& made) {
  const std::vector<std::byte>& bytes = made.train.values;
  std::uint32_t sum = 0;
  if (made.train.dtype == DType::u8) {
    for (const std::byte value : bytes) sum += std::to_integer<std::uint32_t>(value);
    return sum;
  }
  const auto* values = reinterpret_cast<const float*>(bytes.data());
  for (std::size_t i = 0; i < bytes.size() / sizeof(float); ++i) {
    sum += static_cast<std::uint32_t>(values[i] * 64 + 128);
  }
  return sum;
}

}  // namespace paretiny::bench
