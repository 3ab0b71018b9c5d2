// int8 operators: multiply-accumulates or elements a second, and the int8 convolution beside
// loops.
#include <benchmark/benchmark.h>

#include "kernels/core/random.h"
#include "kernels/int8/cpu/conv.h"
#include "kernels/int8/tables.h"

namespace paretiny {
namespace {

/// Random int8 or int32 data on the CPU.
class Tensor {
 public:
  Tensor(DType dtype, const Shape& shape)
      : buffer_({}, static_cast<std::size_t>(shape.elements()) * size_of(dtype)),
        view_(buffer_.at(0, dtype, shape)) {
    Random random(1, "int8_bench");
    for (std::size_t i = 0; i < buffer_.bytes(); ++i) {
      view_.as<std::int8_t>()[i] = static_cast<std::int8_t>(random.normal() * 30);
    }
  }
  operator View() const { return view_; }
  operator ConstView() const { return view_; }

  void fill(std::int32_t value) { std::fill_n(view_.as<std::int32_t>(), view_.elements(), value); }

 private:
  Buffer buffer_;
  View view_;
};

/// What a convolution of `shape` reads and writes.
template <class ConvolutionShape>
struct Operands {
  explicit Operands(const ConvolutionShape& shape)
      : x(DType::i8, shape.input),
        w(DType::i8, shape.weights()),
        y(DType::i8, shape.output()),
        bias(DType::i32, {1, 1, 1, shape.output().c}),
        multipliers(DType::i32, {1, 1, 1, shape.output().c}),
        shifts(DType::i32, {1, 1, 1, shape.output().c}) {
    bias.fill(100);
    multipliers.fill(1 << 30);
    shifts.fill(-7);
  }
  int8::Int8LayerTensors views() const {
    return {.x = x, .w = w, .b = bias, .multipliers = multipliers, .shifts = shifts, .y = y};
  }

  Tensor x, w, y, bias, multipliers, shifts;
};

void conv(benchmark::State& state, decltype(&int8::int8_conv) way) {
  const std::int64_t n = 64;
  const std::int64_t size = state.range(0), c = state.range(1), k = state.range(2);
  const nn::ConvShape shape{{n, size, size, c}, c, nn::Window::same(size, size, k, k, 1, 1)};
  const auto stream = Stream::create({});
  const Operands operands(shape);
  for (auto _ : state) way(*stream, shape, {}, operands.views());
  const std::int64_t macs = shape.output().elements() * k * k * c;
  state.counters["GMAC/s"] =
      benchmark::Counter(static_cast<double>(macs) * static_cast<double>(state.iterations()) * 1e-9,
                         benchmark::Counter::kIsRate);
}

void depthwise(benchmark::State& state) {
  const std::int64_t size = state.range(0), c = state.range(1);
  const nn::DepthwiseShape shape{{64, size, size, c}, nn::Window::same(size, size, 3, 3, 1, 1)};
  const auto stream = Stream::create({});
  const Operands operands(shape);
  for (auto _ : state) int8::int8_depthwise(*stream, shape, {}, operands.views());
  state.SetItemsProcessed(state.iterations() * shape.output().elements());
}

constexpr Shape kActivations{64, 16, 16, 64};

void add(benchmark::State& state) {
  const auto stream = Stream::create({});
  const Tensor a(DType::i8, kActivations), b(DType::i8, kActivations), y(DType::i8, kActivations);
  const int8::Int8AddParameters p = int8::add_parameters({0.1f, 3}, {0.07f, -5}, {0.12f, 1});
  for (auto _ : state) int8::int8_add(*stream, p, a, b, y);
  state.SetItemsProcessed(state.iterations() * kActivations.elements());
}

void mul(benchmark::State& state) {
  const auto stream = Stream::create({});
  const Tensor a(DType::i8, kActivations), b(DType::i8, {kActivations.n, 1, 1, kActivations.c}),
      y(DType::i8, kActivations);
  const int8::Int8MulParameters p = int8::mul_parameters({0.1f, 3}, {0.07f, -5}, {0.12f, 1});
  for (auto _ : state) int8::int8_mul(*stream, p, a, b, y);
  state.SetItemsProcessed(state.iterations() * kActivations.elements());
}

void lookup(benchmark::State& state) {
  const auto stream = Stream::create({});
  const Tensor x(DType::i8, kActivations), y(DType::i8, kActivations);
  const int8::Int8Table table = int8::hard_swish_table({0.1f, 3}, {0.07f, -100});
  for (auto _ : state) {
    int8::int8_lookup(*stream, x, view(table.data(), DType::i8, {1, 1, 1, 256}), y);
  }
  state.SetItemsProcessed(state.iterations() * kActivations.elements());
}

void conv_shapes(benchmark::internal::Benchmark* bench) {
  bench->Args({32, 16, 3})->Args({16, 32, 3})->Args({8, 64, 3})->Args({8, 256, 3});
  bench->Args({16, 96, 1})->Unit(benchmark::kMillisecond)->UseRealTime();
}

BENCHMARK_CAPTURE(conv, chosen, int8::int8_conv)->Apply(conv_shapes);
BENCHMARK_CAPTURE(conv, loops, cpu::int8_conv_loops)->Apply(conv_shapes);
BENCHMARK(depthwise)->Args({16, 64})->Args({8, 256})->UseRealTime();
BENCHMARK(add)->UseRealTime();
BENCHMARK(mul)->UseRealTime();
BENCHMARK(lookup)->UseRealTime();

}  // namespace
}  // namespace paretiny

BENCHMARK_MAIN();
