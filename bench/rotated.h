// For benchmarks of memory-bound operators: tensors by turns, so that no cache holds them, and the
// rate of a copy, which is the floor.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "kernels/core/buffer.h"
#include "kernels/core/random.h"
#include "kernels/core/threads.h"

namespace paretiny::bench {

/// Bytes of all sets together.
inline constexpr std::size_t kFootprint = std::size_t{256} << 20;

/// Bytes read and written a second by a copy on all threads: pieces of 16 MiB out of `kFootprint`
/// bytes, the fastest counts.
inline double copy_rate() {
  static const double rate = [] {
    constexpr std::size_t piece = std::size_t{16} << 20;
    const Buffer from({}, kFootprint), to({}, kFootprint);
    std::memset(from.data(), 1, kFootprint);
    std::memset(to.data(), 1, kFootprint);
    double best = 1e9;
    for (std::size_t run = 0; run < 10 * kFootprint / piece; ++run) {
      const std::size_t offset = run * piece % kFootprint;
      const auto begin = std::chrono::steady_clock::now();
      parallel_ranges(static_cast<std::int64_t>(piece), true,
                      [&](std::int64_t first, std::int64_t end) {
                        std::memcpy(static_cast<char*>(to.data()) + offset + first,
                                    static_cast<char*>(from.data()) + offset + first,
                                    static_cast<std::size_t>(end - first));
                      });
      const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
      best = std::min(best, time.count());
    }
    return 2 * static_cast<double>(piece) / best;
  }();
  return rate;
}

/// Copies of one random tensor.
class Tensors {
 public:
  Tensors(std::size_t sets, DType dtype, const Shape& shape) {
    Random random(1, "ops_bench");
    for (std::size_t k = 0; k < sets; ++k) {
      buffers_.emplace_back(Device{}, static_cast<std::size_t>(shape.elements()) * size_of(dtype));
      views_.push_back(buffers_.back().at(0, dtype, shape));
      if (k > 0) {
        std::memcpy(views_[k].data, views_[0].data, buffers_[0].bytes());
        continue;
      }
      for (std::int64_t i = 0; i < shape.elements(); ++i) {
        const float value = 4 * unit_float(random()) - 2;
        if (dtype == DType::f32) views_[0].as<float>()[i] = value;
        if (dtype == DType::bf16) views_[0].as<bf16>()[i] = to_bf16(value);
        if (dtype == DType::u8) views_[0].as<std::uint8_t>()[i] = static_cast<std::uint8_t>(i);
        if (dtype == DType::i32)
          views_[0].as<std::int32_t>()[i] = static_cast<std::int32_t>(i % 10);
      }
    }
  }
  const View& operator[](std::size_t k) const { return views_[k]; }
  std::size_t bytes() const { return views_[0].bytes(); }

 private:
  std::vector<Buffer> buffers_;
  std::vector<View> views_;
};

/// Runs op(set) over the sets; `bytes`: what one call must read and write at least. The rate is
/// that of the fastest call, as for the copy: other work on the machine only ever slows one down.
template <class F>
void measure(benchmark::State& state, std::size_t sets, std::size_t bytes, F op) {
  const double copy = copy_rate();
  for (std::size_t k = 0; k < sets; ++k) op(k);
  std::size_t set = 0;
  double best = 1e9;
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    op(set);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    best = std::min(best, time.count());
    set = (set + 1) % sets;
  }
  const double rate = static_cast<double>(bytes) / best;
  state.counters["best_us"] = best * 1e6;
  state.counters["GB/s"] = rate * 1e-9;
  state.counters["share_of_floor"] = rate / copy;
}

/// What the arguments of a benchmark ask for, where an op has so many tensors: 0 for f32 or 1 for
/// bf16; height and width; channels.
struct Setting {
  explicit Setting(const benchmark::State& state, std::size_t tensors)
      : dtype(state.range(0) == 0 ? DType::f32 : DType::bf16),
        shape{128, state.range(1), state.range(1), state.range(2)},
        bytes(static_cast<std::size_t>(shape.elements()) * size_of(dtype)),
        sets(std::max<std::size_t>(kFootprint / (tensors * bytes), 1)) {}
  DType dtype;
  Shape shape;
  std::size_t bytes;  ///< of one tensor
  std::size_t sets;
};

}  // namespace paretiny::bench
