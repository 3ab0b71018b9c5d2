// Memory-bound operators: bytes a second, and their share of a large copy's measured before them.
// Inputs are rotated over sets larger than the caches together, as in a training step. Where oneDNN
// has the same operator, onednn_us is its time over as many sets, and onednn that over ours.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include "bench/onednn_layer.h"
#include "bench/rotated.h"
#include "kernels/core/threads.h"
#include "kernels/nn/batchnorm.h"
#include "kernels/nn/elementwise.h"
#include "kernels/nn/pool.h"
#include "kernels/nn/training/augment.h"
#include "kernels/nn/training/channel_importance.h"
#include "kernels/nn/training/loss.h"
#include "kernels/nn/training/optimizer.h"

namespace paretiny {
namespace {

using bench::kFootprint;
using bench::measure;
using bench::Setting;
using bench::Tensors;

/// Behind measure(): the same by oneDNN.
void compare(benchmark::State& state, const Setting& s, bench::Layer layer, bench::Pass pass) {
  const auto activation = static_cast<nn::Activation>(state.range(3));
  const bool has_it = layer == bench::Layer::batch_norm
                          ? activation == nn::Activation::none || activation == nn::Activation::relu
                          : layer == bench::Layer::add || activation == nn::Activation::hard_swish;
  if (!has_it) return;
  const double peer = bench::onednn_seconds(layer, pass, activation, s.shape, s.dtype, s.sets);
  state.counters["onednn_us"] = peer * 1e6;
  state.counters["onednn"] = peer * 1e6 / state.counters["best_us"];
}

/// x is read twice, for the statistics and for the result: 3 tensors' bytes.
void batchnorm_forward(benchmark::State& state) {
  const Setting s(state, 2);
  const auto stream = Stream::create({});
  const nn::BatchNormShape shape{s.shape, static_cast<nn::Activation>(state.range(3))};
  const Tensors x(s.sets, s.dtype, s.shape), y(s.sets, s.dtype, s.shape);
  const Tensors c(6, DType::f32, shape.channels());
  measure(state, s.sets, 3 * s.bytes, [&](std::size_t k) {
    nn::batchnorm_forward(*stream, shape,
                          {.x = x[k],
                           .gamma = c[0],
                           .beta = c[1],
                           .running_mean = c[2],
                           .running_var = c[3],
                           .saved_mean = c[4],
                           .saved_var = c[5],
                           .y = y[k]});
  });
  compare(state, s, bench::Layer::batch_norm, bench::Pass::forward);
}

/// x and dy are read twice: 5 tensors' bytes.
void batchnorm_backward(benchmark::State& state) {
  const Setting s(state, 3);
  const auto stream = Stream::create({});
  const nn::BatchNormShape shape{s.shape, static_cast<nn::Activation>(state.range(3))};
  const Tensors x(s.sets, s.dtype, s.shape), dy(s.sets, s.dtype, s.shape),
      dx(s.sets, s.dtype, s.shape);
  const Tensors c(6, DType::f32, shape.channels());
  std::fill_n(c[3].as<float>(), s.shape.c, 1.0f);
  measure(state, s.sets, 5 * s.bytes, [&](std::size_t k) {
    nn::batchnorm_backward(*stream, shape,
                           {.x = x[k],
                            .dy = dy[k],
                            .gamma = c[0],
                            .beta = c[1],
                            .mean = c[2],
                            .var = c[3],
                            .dx = dx[k],
                            .dgamma = c[4],
                            .dbeta = c[5]});
  });
  compare(state, s, bench::Layer::batch_norm, bench::Pass::backward);
}

void batchnorm_inference(benchmark::State& state) {
  const Setting s(state, 2);
  const auto stream = Stream::create({});
  const nn::BatchNormShape shape{s.shape, static_cast<nn::Activation>(state.range(3))};
  const Tensors x(s.sets, s.dtype, s.shape), y(s.sets, s.dtype, s.shape);
  const Tensors c(4, DType::f32, shape.channels());
  std::fill_n(c[3].as<float>(), s.shape.c, 1.0f);
  measure(state, s.sets, 2 * s.bytes, [&](std::size_t k) {
    nn::batchnorm_inference_forward(
        *stream, shape,
        {.x = x[k], .gamma = c[0], .beta = c[1], .mean = c[2], .var = c[3], .y = y[k]});
  });
}

void activation_forward(benchmark::State& state) {
  const Setting s(state, 2);
  const auto stream = Stream::create({});
  const Tensors x(s.sets, s.dtype, s.shape), y(s.sets, s.dtype, s.shape);
  measure(state, s.sets, 2 * s.bytes, [&](std::size_t k) {
    nn::activation_forward(*stream, static_cast<nn::Activation>(state.range(3)), x[k], y[k]);
  });
  compare(state, s, bench::Layer::hard_swish, bench::Pass::forward);
}

void activation_backward(benchmark::State& state) {
  const Setting s(state, 3);
  const auto stream = Stream::create({});
  const Tensors x(s.sets, s.dtype, s.shape), dy(s.sets, s.dtype, s.shape),
      dx(s.sets, s.dtype, s.shape);
  measure(state, s.sets, 3 * s.bytes, [&](std::size_t k) {
    nn::activation_backward(*stream, static_cast<nn::Activation>(state.range(3)), x[k], dy[k],
                            dx[k]);
  });
  compare(state, s, bench::Layer::hard_swish, bench::Pass::backward);
}

void add_forward(benchmark::State& state) {
  const Setting s(state, 3);
  const auto stream = Stream::create({});
  const Tensors a(s.sets, s.dtype, s.shape), b(s.sets, s.dtype, s.shape),
      y(s.sets, s.dtype, s.shape);
  measure(state, s.sets, 3 * s.bytes,
          [&](std::size_t k) { nn::add_forward(*stream, nn::Activation::relu, a[k], b[k], y[k]); });
  compare(state, s, bench::Layer::add, bench::Pass::forward);
}

void channel_scale_forward(benchmark::State& state) {
  const Setting s(state, 2);
  const auto stream = Stream::create({});
  const Tensors x(s.sets, s.dtype, s.shape), y(s.sets, s.dtype, s.shape);
  const Tensors factor(1, s.dtype, {s.shape.n, 1, 1, s.shape.c});
  measure(state, s.sets, 2 * s.bytes,
          [&](std::size_t k) { nn::channel_scale_forward(*stream, x[k], factor[0], y[k]); });
}

/// A sample's dy is read twice, the second time from a cache: 3 tensors' bytes.
void channel_scale_backward(benchmark::State& state) {
  const Setting s(state, 3);
  const auto stream = Stream::create({});
  const Tensors x(s.sets, s.dtype, s.shape), dy(s.sets, s.dtype, s.shape),
      dx(s.sets, s.dtype, s.shape);
  const Tensors factor(2, s.dtype, {s.shape.n, 1, 1, s.shape.c});
  measure(state, s.sets, 3 * s.bytes, [&](std::size_t k) {
    nn::channel_scale_backward(
        *stream, {.x = x[k], .s = factor[0], .dy = dy[k], .dx = dx[k], .ds = factor[1]});
  });
}

void global_average_pool(benchmark::State& state) {
  const Setting s(state, 1);
  const auto stream = Stream::create({});
  const Tensors x(s.sets, s.dtype, s.shape), y(1, s.dtype, {s.shape.n, 1, 1, s.shape.c});
  measure(state, s.sets, s.bytes,
          [&](std::size_t k) { nn::global_average_pool_forward(*stream, x[k], y[0]); });
}

void global_average_pool_gradient(benchmark::State& state) {
  const Setting s(state, 1);
  const auto stream = Stream::create({});
  const Tensors dx(s.sets, s.dtype, s.shape), dy(1, s.dtype, {s.shape.n, 1, 1, s.shape.c});
  measure(state, s.sets, s.bytes,
          [&](std::size_t k) { nn::global_average_pool_backward(*stream, dy[0], dx[k]); });
}

/// The 3x3 stride 2 pool of a stem.
void max_pool(benchmark::State& state, bool backward) {
  const Setting s(state, 2);
  const auto stream = Stream::create({});
  const nn::PoolShape shape{s.shape, nn::Window::same(s.shape.h, s.shape.w, 3, 3, 2, 2)};
  const Tensors x(s.sets, s.dtype, s.shape), y(s.sets, s.dtype, shape.output());
  const Tensors dx(backward ? s.sets : 1, s.dtype, s.shape);
  measure(state, s.sets, (backward ? 2 : 1) * s.bytes + y.bytes(), [&](std::size_t k) {
    if (backward) {
      nn::max_pool_backward(*stream, shape, x[k], y[k], dx[k]);
    } else {
      nn::max_pool_forward(*stream, shape, x[k], y[k]);
    }
  });
}

void count_positive(benchmark::State& state) {
  const Setting s(state, 1);
  const auto stream = Stream::create({});
  const Tensors x(s.sets, s.dtype, s.shape), scores(1, DType::f32, {1, 1, 1, s.shape.c});
  measure(state, s.sets, s.bytes,
          [&](std::size_t k) { nn::positive_share(*stream, x[k], scores[0]); });
}

constexpr Shape kParameters{1, 1, 1, 1'600'000};

void sgd(benchmark::State& state) {
  const auto stream = Stream::create({});
  const std::size_t sets = kFootprint / (3 * 4 * 1'600'000);
  const Tensors g(sets, DType::f32, kParameters), w(sets, DType::f32, kParameters),
      m(sets, DType::f32, kParameters), rate(1, DType::f32, {});
  measure(state, sets, 5 * g.bytes(), [&](std::size_t k) {
    nn::sgd_step(*stream, {}, rate[0], {.g = g[k], .w = w[k], .m = m[k]});
  });
}

void adam(benchmark::State& state) {
  const auto stream = Stream::create({});
  const std::size_t sets = kFootprint / (4 * 4 * 1'600'000);
  const Tensors g(sets, DType::f32, kParameters), w(sets, DType::f32, kParameters),
      m(sets, DType::f32, kParameters), v(sets, DType::f32, kParameters),
      schedule(1, DType::f32, {1, 1, 1, 3});
  for (std::size_t k = 0; k < sets; ++k) stream->zero(v[k].data, v[k].bytes());
  measure(state, sets, 7 * g.bytes(), [&](std::size_t k) {
    nn::adam_step(*stream, {}, schedule[0], {.g = g[k], .w = w[k], .m = m[k], .v = v[k]});
  });
}

void cross_entropy(benchmark::State& state) {
  const auto stream = Stream::create({});
  const std::int64_t n = 128, classes = state.range(0);
  const Tensors logits(1, DType::f32, {n, 1, 1, classes}), labels(1, DType::i32, {1, 1, 1, n}),
      loss(1, DType::f32, {1, 1, 1, n}), gradient(1, DType::f32, {n, 1, 1, classes}),
      totals(1, DType::f32, {1, 1, 1, 2});
  measure(state, 1, 2 * logits.bytes(), [&](std::size_t) {
    nn::softmax_cross_entropy(*stream, 0.1f,
                              {.logits = logits[0],
                               .labels = labels[0],
                               .loss = loss[0],
                               .dlogits = gradient[0],
                               .totals = totals[0]});
  });
}

/// Batches of 128 samples of 10000, in order.
void batch(benchmark::State& state, const Shape& sample, DType from, const nn::AugmentSpec& spec) {
  const std::int64_t all = 10000, n = 128;
  const auto stream = Stream::create({});
  const Tensors samples(1, from, {all, sample.h, sample.w, sample.c}),
      labels(1, DType::i32, {1, 1, 1, all}), order(1, DType::i32, {1, 1, 1, all}),
      cursor(1, DType::i32, {1, 1, 1, 2}), scale(2, DType::f32, {1, 1, 1, sample.c}),
      labels_out(1, DType::i32, {1, 1, 1, n}), x(1, DType::bf16, {n, sample.h, sample.w, sample.c});
  for (std::int32_t i = 0; i < all; ++i) order[0].as<std::int32_t>()[i] = i;
  std::int32_t* first = cursor[0].as<std::int32_t>();
  const std::size_t elements = static_cast<std::size_t>(n * sample.elements());
  measure(state, 1, elements * size_of(from) + x.bytes(), [&](std::size_t) {
    first[0] = static_cast<std::int32_t>((first[0] + n) % (all - n));
    nn::gather_batch(*stream, spec,
                     {.samples = samples[0],
                      .labels = labels[0],
                      .order = order[0],
                      .cursor = cursor[0],
                      .scale = scale[0],
                      .shift = scale[1],
                      .x = x[0],
                      .labels_out = labels_out[0]});
  });
}

/// Arguments: 0 for f32 or 1 for bf16; height = width; channels.
void tensors(benchmark::internal::Benchmark* bench) {
  bench->Unit(benchmark::kMillisecond)->UseRealTime();
  for (const std::int64_t bf16 : {0, 1}) {
    bench->Args({bf16, 32, 48, 1})->Args({bf16, 16, 96, 1})->Args({bf16, 16, 37, 1});
    bench->Args({bf16, 8, 192, 1})->Args({bf16, 32, 16, 3});
  }
}

BENCHMARK(batchnorm_forward)->Apply(tensors);
BENCHMARK(batchnorm_backward)->Apply(tensors);
BENCHMARK(batchnorm_inference)->Apply(tensors);
BENCHMARK(activation_forward)->Apply(tensors);
BENCHMARK(activation_backward)->Apply(tensors);
BENCHMARK(add_forward)->Apply(tensors);
BENCHMARK(channel_scale_forward)->Apply(tensors);
BENCHMARK(channel_scale_backward)->Apply(tensors);
BENCHMARK(global_average_pool)->Apply(tensors);
BENCHMARK(global_average_pool_gradient)->Apply(tensors);
BENCHMARK_CAPTURE(max_pool, forward, false)->Apply(tensors);
BENCHMARK_CAPTURE(max_pool, backward, true)->Apply(tensors);
BENCHMARK(count_positive)->Apply(tensors);
BENCHMARK(sgd)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(adam)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(cross_entropy)->Arg(10)->Arg(100)->UseRealTime();
BENCHMARK_CAPTURE(batch, plain, Shape{1, 32, 32, 3}, DType::u8, {})->UseRealTime();
BENCHMARK_CAPTURE(batch, images, Shape{1, 32, 32, 3}, DType::u8, {.crop = 4, .flip = true})
    ->UseRealTime();
BENCHMARK_CAPTURE(batch, series, Shape{1, 1, 128, 9}, DType::f32, {.shift = 8, .noise = 0.1f})
    ->UseRealTime();

}  // namespace
}  // namespace paretiny

int main(int argc, char** argv) {
  fmt::print("copy: {:.1f} GB/s read and written, {} threads\n",
             paretiny::bench::copy_rate() * 1e-9, paretiny::thread_count());
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
