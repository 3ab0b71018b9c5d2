// Time of work on a GPU: medians of graph replays over inputs that no cache holds, beside a floor
// made of ceilings that were measured in the same run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/core/buffer.h"
#include "kernels/core/stream.h"
#include "kernels/core/tensor.h"

namespace benchmark {
class State;
}

namespace paretiny::bench {

/// What the device can do at most.
struct Ceilings {
  double copy = 0;  ///< bytes read and written a second by a large device-to-device copy
  double bf16 = 0;  ///< operations a second of a large product of bf16 (tensor cores) ...
  double f32 = 0;   ///< ... of f32 in full precision ...
  double i8 = 0;    ///< ... and of int8 (tensor cores)
};

/// The least that one call must do: each input read once and each output written once, and the
/// operations (a multiply-accumulate is two) at the rate of products of `unit`.
struct Work {
  double bytes = 0;
  double operations = 0;
  DType unit = DType::bf16;
};

/// Seconds that no version runs much faster than.
double floor_seconds(const Ceilings& ceilings, const Work& work);

/// One tensor in `sets` copies with different random values: normal for floats, uniform for
/// integers.
class Tensors {
 public:
  Tensors(Stream& stream, std::size_t sets, DType dtype, const Shape& shape);
  View operator[](std::size_t set) const { return buffer_.at(set * stride_, dtype_, shape_); }

 private:
  DType dtype_;
  Shape shape_;
  std::size_t stride_;
  Buffer buffer_;
};

using SharedTensors = std::shared_ptr<const Tensors>;

inline SharedTensors tensors(Stream& stream, std::size_t sets, DType dtype, const Shape& shape) {
  return std::make_shared<const Tensors>(stream, sets, dtype, shape);
}

/// Gives one call to the stream, on set 0 .. sets-1 of its memory, which it owns.
using Call = std::function<void(Stream&, std::size_t set)>;

struct Case {
  std::string name;  ///< op/direction/type/shape/who: the last part tells peers apart
  Work work;
  std::function<Call(Stream&, std::size_t sets)> prepare;
  std::string label{};
};

/// Registers a case. Counters: bytes, FLOPs, floor_us, share_of_floor, GB/s, TFLOP/s. A case whose
/// op has no twin, or that does not fit the device, is reported as skipped, with the reason.
void add(Case one);

/// Registers cases that compete for a place in the table of variants: when the first of them runs,
/// all are measured, replay by replay in turns, so that whatever slows the device down meets all.
void add_rivals(std::vector<Case> cases);

/// Median seconds of one call: graphs of calls that walk through the sets, timed by events. Replays
/// until they took `enough` seconds, but at least 11 and at most 101 times.
double seconds_of(Stream& stream, std::size_t sets, const Call& call, double enough = 20e-3);

/// Sets that together are several times the second-level cache.
std::size_t sets_for(double bytes);

/// The stream and the ceilings of this run, which are 0 on the CPU.
Stream& the_stream();
const Ceilings& the_ceilings();

/// The whole program: Google Benchmark's arguments, and --budget=SECONDS after which what is left
/// is skipped. Without a filter everything but f32 runs. Without a GPU it says why and returns 77;
/// --benchmark_list_tests needs none. On the CPU there are no ceilings: for trying a program out.
inline constexpr int kNoGpu = 77;
int run(int argc, char** argv, Device device = {DeviceKind::cuda, 0});

/// Takes --name=VALUE out of the arguments; `otherwise` where it is not there.
std::string take_argument(int& argc, char** argv, const std::string& name,
                          const std::string& otherwise);

/// Runs `measure`. When --budget is spent, or it throws, the benchmark is skipped with the reason.
void within_budget(benchmark::State& state, const std::function<void()>& measure);

}  // namespace paretiny::bench
