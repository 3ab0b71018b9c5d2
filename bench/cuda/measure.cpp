#include "bench/cuda/measure.h"

#include <benchmark/benchmark.h>
#include <cuda_runtime.h>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "bench/cuda/cublaslt_peer.h"
#include "kernels/core/cuda/launch.h"
#include "kernels/core/host_device.h"
#include "kernels/core/random.h"

namespace paretiny::bench {
namespace {

using Clock = std::chrono::steady_clock;

Clock::time_point deadline = Clock::time_point::max();

class Event {
 public:
  Event() { cuda::check_cuda(cudaEventCreate(&event_), "making an event"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(Stream& stream) {
    cuda::check_cuda(cudaEventRecord(event_, cuda::handle(stream)), "recording an event");
  }
  double since(const Event& begin) const {
    float milliseconds = 0;
    cuda::check_cuda(cudaEventElapsedTime(&milliseconds, begin.event_, event_), "reading events");
    return 1e-3 * static_cast<double>(milliseconds);
  }

 private:
  cudaEvent_t event_ = nullptr;
};

/// A piece of host memory with random values of a type, made once.
const std::vector<std::byte>& pattern(DType dtype) {
  constexpr std::size_t kBytes = std::size_t{4} << 20;
  const auto fill = [](bool integer) {
    std::vector<std::byte> bytes(kBytes);
    Random random(1, "bench");
    for (std::size_t i = 0; i < kBytes; i += 2) {
      // Pairs of bf16 are floats with the upper one's value and random low digits: one pattern
      // serves both.
      const std::uint16_t word = integer ? static_cast<std::uint16_t>(random())
                                         : to_bf16(static_cast<float>(random.normal())).bits;
      std::memcpy(&bytes[i], &word, sizeof(word));
    }
    return bytes;
  };
  static const std::vector<std::byte> floats = fill(false);
  static const std::vector<std::byte> integers = fill(true);
  return dtype == DType::f32 || dtype == DType::bf16 ? floats : integers;
}

std::size_t cache_bytes() {
  static const std::size_t bytes = [] {
    int value = 0;
    cuda::check_cuda(
        cudaDeviceGetAttribute(&value, cudaDevAttrL2CacheSize, the_stream().device().index),
        "asking for the cache's size");
    return static_cast<std::size_t>(value);
  }();
  return bytes;
}

double copy_rate(Stream& stream) {
  const std::size_t bytes =
      std::min(std::size_t{4} << 30, backend(DeviceKind::cuda).available(0) / 4);
  const Shape whole{1, 1, 1, static_cast<std::int64_t>(bytes)};
  const Tensors from(stream, 1, DType::u8, whole), to(stream, 1, DType::u8, whole);
  const double seconds = seconds_of(
      stream, 1, [&](Stream& s, std::size_t) { s.copy(to[0].data, from[0].data, bytes); });
  return 2 * static_cast<double>(bytes) / seconds;
}

double product_rate(Stream& stream, DType dtype) {
  const std::int64_t n = dtype == DType::f32 ? 4096 : 8192;
  const Call call = cublaslt_forward(stream, 1, {{1, 1, n, n}, n}, dtype);
  return 2 * std::pow(static_cast<double>(n), 3) / seconds_of(stream, 1, call);
}

Ceilings measure_ceilings(Stream& stream) {
  return {copy_rate(stream), product_rate(stream, DType::bf16), product_rate(stream, DType::f32),
          product_rate(stream, DType::i8)};
}

Ceilings ceilings;

/// Timed replays of a graph of calls.
class Replays {
 public:
  Replays(Stream& stream, std::size_t sets, const Call& call)
      : stream_(stream), calls_(round_up(kCalls, sets)) {
    recording_ = stream.record([call, sets, calls = calls_, &stream] {
      for (std::size_t i = 0; i < calls; ++i) call(stream, i % sets);
    });
    recording_->run();  // as given
    recording_->run();  // captured
  }

  void run() {
    begin_.record(stream_);
    recording_->run();
    end_.record(stream_);
    stream_.synchronize();
    times_.push_back(end_.since(begin_));
    total_ += times_.back();
  }
  bool enough(double seconds) const {
    return times_.size() >= 11 && (total_ >= seconds || times_.size() >= 101);
  }
  /// Of one call.
  double median() {
    const auto middle = times_.begin() + static_cast<std::ptrdiff_t>(times_.size() / 2);
    std::nth_element(times_.begin(), middle, times_.end());
    return *middle / static_cast<double>(calls_);
  }

 private:
  static constexpr std::size_t kCalls = 8;  // at least: what starts a graph is spread over them

  Stream& stream_;
  std::size_t calls_;
  std::unique_ptr<Recording> recording_;
  Event begin_, end_;
  std::vector<double> times_;
  double total_ = 0;
};

void report(benchmark::State& state, const Case& one, double seconds) {
  const double floor = floor_seconds(the_ceilings(), one.work);
  state.counters["bytes"] = one.work.bytes;
  state.counters["FLOPs"] = one.work.operations;
  state.counters["floor_us"] = 1e6 * floor;
  state.counters["share_of_floor"] = floor / seconds;
  state.counters["GB/s"] = 1e-9 * one.work.bytes / seconds;
  state.counters["TFLOP/s"] = 1e-12 * one.work.operations / seconds;
  state.SetLabel(one.label);
}

void measure(benchmark::State& state, const Case& one) {
  const std::size_t sets = sets_for(one.work.bytes);
  double seconds = 0;
  for (auto _ : state) {
    seconds = seconds_of(the_stream(), sets, one.prepare(the_stream(), sets));
    state.SetIterationTime(seconds);
  }
  report(state, one, seconds);
}

/// Cases that are measured together, and what each took or why it could not.
class Rivals {
 public:
  explicit Rivals(std::vector<Case> cases) : cases_(std::move(cases)) {}

  void measure(benchmark::State& state, std::size_t i) {
    if (results_.empty()) measure_all();
    if (!results_[i].error.empty()) throw std::runtime_error(results_[i].error);
    for (auto _ : state) state.SetIterationTime(results_[i].seconds);
    report(state, cases_[i], results_[i].seconds);
  }

 private:
  struct Result {
    double seconds = 0;
    std::string error;
  };

  void measure_all() {
    constexpr double kEnough = 20e-3;
    results_.resize(cases_.size());
    std::vector<std::unique_ptr<Replays>> replays(cases_.size());
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      const std::size_t sets = sets_for(cases_[i].work.bytes);
      try {
        const Call call = cases_[i].prepare(the_stream(), sets);
        replays[i] = std::make_unique<Replays>(the_stream(), sets, call);
      } catch (const std::exception& error) {
        results_[i].error = error.what();
      }
    }
    for (bool more = true; more;) {
      more = false;
      for (const auto& each : replays) {
        if (each == nullptr || each->enough(kEnough)) continue;
        each->run();
        more = true;
      }
    }
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      if (replays[i] != nullptr) results_[i].seconds = replays[i]->median();
    }
  }

  std::vector<Case> cases_;
  std::vector<Result> results_;  // by case, once they are measured
};

/// Registers what is measured once, with a time of its own.
void add_benchmark(const std::string& name, std::function<void(benchmark::State&)> measure) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [measure = std::move(measure)](benchmark::State& state) {
                                 within_budget(state, [&] { measure(state); });
                               })
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMicrosecond);
}

bool has_argument(int argc, char** argv, const std::string& name) {
  return std::any_of(argv + 1, argv + argc,
                     [&](const char* argument) { return std::string(argument).starts_with(name); });
}

void describe(const Ceilings& c) {
  const auto add = [](const char* key, double value) {
    benchmark::AddCustomContext(key, fmt::format("{:.1f}", value));
  };
  add("copy GB/s", 1e-9 * c.copy);
  add("bf16 product TFLOP/s", 1e-12 * c.bf16);
  add("f32 product TFLOP/s", 1e-12 * c.f32);
  add("int8 product TOP/s", 1e-12 * c.i8);
}

}  // namespace

double floor_seconds(const Ceilings& c, const Work& work) {
  const double rate = work.unit == DType::f32 ? c.f32 : work.unit == DType::i8 ? c.i8 : c.bf16;
  return std::max(work.bytes / c.copy, work.operations / rate);
}

Tensors::Tensors(Stream& stream, std::size_t sets, DType dtype, const Shape& shape)
    : dtype_(dtype),
      shape_(shape),
      stride_(aligned(static_cast<std::size_t>(shape.elements()) * size_of(dtype))),
      buffer_(stream.device(), sets * stride_) {
  const std::vector<std::byte>& from = pattern(dtype);
  auto* to = static_cast<std::byte*>(buffer_.data());
  std::size_t done = std::min(from.size(), buffer_.bytes());
  stream.upload(to, from.data(), done);
  while (done < buffer_.bytes()) {
    const std::size_t more = std::min(done, buffer_.bytes() - done);
    stream.copy(to + done, to, more);
    done += more;
  }
}

std::size_t sets_for(double bytes) {
  constexpr double kCaches = 4;
  const double sets =
      std::ceil(kCaches * static_cast<double>(cache_bytes()) / std::max(bytes, 1.0));
  return static_cast<std::size_t>(std::clamp(sets, 2.0, 128.0));
}

double seconds_of(Stream& stream, std::size_t sets, const Call& call, double enough) {
  Replays replays(stream, sets, call);
  while (!replays.enough(enough)) replays.run();
  return replays.median();
}

void add(Case one) {
  const std::string name = one.name;
  add_benchmark(name, [one = std::move(one)](benchmark::State& state) { measure(state, one); });
}

void add_rivals(std::vector<Case> cases) {
  std::vector<std::string> names;
  for (const Case& each : cases) names.push_back(each.name);
  const auto rivals = std::make_shared<Rivals>(std::move(cases));
  for (std::size_t i = 0; i < names.size(); ++i) {
    add_benchmark(names[i], [=](benchmark::State& state) { rivals->measure(state, i); });
  }
}

Stream& the_stream() {
  static const std::unique_ptr<Stream> stream = Stream::create({DeviceKind::cuda, 0});
  return *stream;
}

const Ceilings& the_ceilings() {
  return ceilings;
}

void within_budget(benchmark::State& state, const std::function<void()>& measure) {
  if (Clock::now() > deadline) {
    state.SkipWithError("not run: the time budget is spent");
    return;
  }
  try {
    measure();
  } catch (const std::exception& error) {
    state.SkipWithError(error.what());
  }
}

std::string take_argument(int& argc, char** argv, const std::string& name,
                          const std::string& otherwise) {
  const std::string key = "--" + name + "=";
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (!argument.starts_with(key)) continue;
    std::move(argv + i + 1, argv + argc, argv + i);
    --argc;
    return argument.substr(key.size());
  }
  return otherwise;
}

int run(int argc, char** argv, Device device) {
  try {
    const std::chrono::duration<double> budget(
        std::stod(take_argument(argc, argv, "budget", "1e6")));
    deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(budget);
    std::vector<char*> arguments(argv, argv + argc);
    std::string all_but_f32 = "--benchmark_filter=-/f32/";
    if (!has_argument(argc, argv, "--benchmark_filter")) arguments.push_back(all_but_f32.data());
    const bool lists = has_argument(argc, argv, "--benchmark_list_tests");
    int count = static_cast<int>(arguments.size());
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
    if (!lists && device.kind == DeviceKind::cuda) {
      const std::string missing = backend(DeviceKind::cuda).why_none();
      if (!missing.empty()) {
        fmt::print(stderr, "no GPU here: {}\n", missing);
        return kNoGpu;
      }
      benchmark::AddCustomContext("gpu", devices().front().name);
      benchmark::AddCustomContext("libraries", backend(DeviceKind::cuda).libraries());
      ceilings = measure_ceilings(the_stream());
      describe(ceilings);
    }
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}

}  // namespace paretiny::bench
