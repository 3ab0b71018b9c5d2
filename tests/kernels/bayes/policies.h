// What the tests of policies share: numbers, cubes, statistics.
#pragma once

#include "kernels/bayes/policy_rollout.h"
#include "tests/support/kernels.h"

namespace paretiny::test {

using Doubles = std::vector<double>;

/// A tensor of 64-bit numbers of the given values.
inline Tensor numbers(Stream& stream, const Shape& shape, const Doubles& values) {
  return {stream, DType::f64, shape, values};
}

inline Doubles uniform(std::size_t count, std::uint64_t seed, double low = 0, double high = 1) {
  Random random(seed, "policy test");
  Doubles values(count);
  for (double& value : values) value = random.uniform(low, high);
  return values;
}

inline Buffer on_device(Stream& stream, const std::vector<bayes::CubeParameter>& cube) {
  Buffer buffer(stream.device(), cube.size() * sizeof(bayes::CubeParameter));
  stream.upload(buffer.data(), cube.data(), buffer.bytes());
  return buffer;
}
inline View cube_view(const Buffer& buffer) {
  return view(buffer.data(), DType::u8, {1, 1, 1, static_cast<std::int64_t>(buffer.bytes())});
}

/// Six parameters of all kinds on seven coordinates, or as many reals as there are coordinates.
inline std::vector<bayes::CubeParameter> mixed_cube() {
  return {bayes::cube_number(bayes::CubeParameter::real, 0, 0.5, 0.99, false),
          bayes::cube_number(bayes::CubeParameter::real, 1, 1e-5, 1e-1, true),
          bayes::cube_choice(2, 2),
          bayes::cube_number(bayes::CubeParameter::integer, 4, 1, 7, false),
          bayes::cube_number(bayes::CubeParameter::integer, 5, 8, 512, true),
          bayes::cube_number(bayes::CubeParameter::real, 6, 3, 3, false)};
}
inline std::vector<bayes::CubeParameter> reals(std::int64_t d) {
  std::vector<bayes::CubeParameter> cube;
  for (std::int32_t k = 0; k < d; ++k) {
    cube.push_back(bayes::cube_number(bayes::CubeParameter::real, k, 0, 1, false));
  }
  return cube;
}

/// Statistics of `met` uniform states of each policy.
inline Doubles statistics_of(const bayes::PolicyShape& policy, std::size_t met,
                             std::uint64_t seed) {
  Doubles statistics;
  for (std::int64_t p = 0; p < policy.policies; ++p) {
    const auto d = static_cast<std::size_t>(policy.dimensions);
    const Doubles states = uniform(met * d, seed + static_cast<std::uint64_t>(p));
    Doubles own(1 + 2 * d);
    own[0] = static_cast<double>(met);
    for (std::size_t i = 0; i < states.size(); ++i) {
      own[1 + i % d] += states[i];
      own[1 + d + i % d] += states[i] * states[i];
    }
    statistics.insert(statistics.end(), own.begin(), own.end());
  }
  return statistics;
}

}  // namespace paretiny::test
