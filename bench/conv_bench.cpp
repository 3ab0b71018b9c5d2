// Convolutions at the shapes of our networks, f32 and bf16 in turns. Counters, of the fastest run
// of each type: milliseconds, GFLOP/s, share of the floor (the longer of a copy of as many bytes
// and the same operations in a large product, both timed here), and how much faster bf16 is. The
// label names oneDNN's implementations; none means loops of our own.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "kernels/core/buffer.h"
#include "kernels/core/random.h"
#include "kernels/core/threads.h"
#include "kernels/nn/conv.h"
#include "kernels/nn/cpu/convolution/convolution.h"
#include "kernels/nn/depthwise.h"
#include "kernels/nn/pointwise.h"

namespace paretiny {
namespace {

using cpu::Direction;

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double fastest(int runs, const std::function<void()>& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < runs; ++i) best = std::min(best, seconds_of(work));
  return best;
}

/// Random values in -1..1, in bf16 or f32.
Buffer random_buffer(DType dtype, const Shape& shape) {
  Buffer buffer({}, static_cast<std::size_t>(shape.elements()) * size_of(dtype));
  Random random(1, "bench");
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    const auto value = static_cast<float>(random.uniform(-1, 1));
    if (dtype == DType::f32) {
      static_cast<float*>(buffer.data())[i] = value;
    } else {
      static_cast<bf16*>(buffer.data())[i] = to_bf16(value);
    }
  }
  return buffer;
}

/// Seconds to copy half as many bytes: to read and write `bytes` in all, from the caches that hold
/// them.
double copy_seconds(std::size_t bytes) {
  const auto count = static_cast<std::int64_t>(bytes / 2 / sizeof(float)) + 1;
  Buffer a({}, static_cast<std::size_t>(count) * sizeof(float));
  Buffer b({}, a.bytes());
  const auto* x = static_cast<const float*>(a.data());
  auto* y = static_cast<float*>(b.data());
  std::memset(a.data(), 1, a.bytes());
  return fastest(10, [&] {
    parallel_for(count, true, [&](std::int64_t i) { y[i] = x[i]; });
    benchmark::ClobberMemory();
  });
}

/// Operations a second of a large product.
double matrix_rate(DType dtype) {
  const std::unique_ptr<Stream> stream = Stream::create({});
  const nn::PointwiseShape shape{{1, 1, 4096, 1024}, 1024};
  const Buffer x = random_buffer(dtype, shape.input);
  const Buffer w = random_buffer(DType::f32, shape.weights());
  const Buffer y = random_buffer(dtype, shape.output());
  const auto run = [&] {
    nn::pointwise_forward(*stream, shape,
                          {.x = x.at(0, dtype, shape.input),
                           .w = w.at(0, DType::f32, shape.weights()),
                           .y = y.at(0, dtype, shape.output())});
  };
  return 2.0 * 4096 * 1024 * 1024 / fastest(30, run);
}

/// The three ops with their shape bound.
struct Layer {
  std::string name;
  Shape input, weights, output;
  double products;                              ///< multiplications of a forward pass
  std::optional<cpu::Convolution> convolution;  ///< where oneDNN computes it, what it is given
  std::function<void(Stream&, ConstView x, ConstView w, ConstView b, View y)> forward;
  std::function<void(Stream&, ConstView dy, ConstView w, View dx)> backward_data;
  std::function<void(Stream&, ConstView x, ConstView dy, View dw, View db)> backward_weights;
};

Layer conv(const std::string& name, const Shape& in, std::int64_t out, const nn::Window& window) {
  const nn::ConvShape shape{in, out, window};
  using namespace std::placeholders;
  return {"conv/" + name,
          in,
          shape.weights(),
          shape.output(),
          static_cast<double>(shape.output().elements() * window.kernel_h * window.kernel_w * in.c),
          cpu::Convolution{in, out, window, DType::f32},
          std::bind(nn::conv_forward, _1, shape, _2, _3, _4, _5),
          std::bind(nn::conv_backward_data, _1, shape, _2, _3, _4),
          std::bind(nn::conv_backward_weights, _1, shape, _2, _3, _4, _5)};
}

Layer pointwise(const std::string& name, const Shape& in, std::int64_t out) {
  const nn::PointwiseShape shape{in, out};
  using namespace std::placeholders;
  return {"pointwise/" + name,
          in,
          shape.weights(),
          shape.output(),
          static_cast<double>(shape.output().elements() * in.c),
          cpu::Convolution{{in.n, 1, in.h * in.w, in.c}, out, {}, DType::f32},
          [shape](Stream& s, ConstView x, ConstView w, ConstView b, View y) {
            nn::pointwise_forward(s, shape, {.x = x, .w = w, .b = b, .y = y});
          },
          std::bind(nn::pointwise_backward_data, _1, shape, _2, _3, _4),
          [shape](Stream& s, ConstView x, ConstView dy, View dw, View db) {
            nn::pointwise_backward_weights(s, shape, {.x = x, .dy = dy, .dw = dw, .db = db});
          }};
}

Layer depthwise(const std::string& name, const Shape& in, const nn::Window& window) {
  const nn::DepthwiseShape shape{in, window};
  using namespace std::placeholders;
  return {"depthwise/" + name,
          in,
          shape.weights(),
          shape.output(),
          static_cast<double>(shape.output().elements() * window.kernel_h * window.kernel_w),
          std::nullopt,
          [shape](Stream& s, ConstView x, ConstView w, ConstView b, View y) {
            nn::depthwise_forward(s, shape, {.x = x, .w = w, .b = b, .y = y});
          },
          std::bind(nn::depthwise_backward_data, _1, shape, _2, _3, _4),
          [shape](Stream& s, ConstView x, ConstView dy, View dw, View db) {
            nn::depthwise_backward_weights(s, shape, {.x = x, .dy = dy, .dw = dw, .db = db});
          }};
}

/// A layer's memory in one type, and the run of one direction.
class Runner {
 public:
  Runner(const Layer& layer, Direction direction, DType dtype)
      : layer_(layer),
        direction_(direction),
        dtype_(dtype),
        x_(random_buffer(dtype, layer.input)),
        y_(random_buffer(dtype, layer.output)),
        w_(random_buffer(DType::f32, layer.weights)),
        b_(random_buffer(DType::f32, bias())) {}

  void run(Stream& stream) const {
    const View x = x_.at(0, dtype_, layer_.input);
    const View y = y_.at(0, dtype_, layer_.output);
    const View w = w_.at(0, DType::f32, layer_.weights);
    const View b = b_.at(0, DType::f32, bias());
    switch (direction_) {
      case Direction::forward:
        return layer_.forward(stream, x, w, b, y);
      case Direction::backward_data:
        return layer_.backward_data(stream, y, w, x);
      case Direction::backward_weights:
        return layer_.backward_weights(stream, x, y, w, b);
    }
  }

  double floor(double matrix_rate) const {
    return std::max(copy_seconds(x_.bytes() + y_.bytes() + w_.bytes()),
                    2 * layer_.products / matrix_rate);
  }

 private:
  Shape bias() const { return {1, 1, 1, layer_.output.c}; }

  const Layer& layer_;
  Direction direction_;
  DType dtype_;
  Buffer x_, y_, w_, b_;
};

void measure(benchmark::State& state, const Layer& layer, Direction direction) {
  static const double matrix[] = {matrix_rate(DType::f32), matrix_rate(DType::bf16)};
  const std::unique_ptr<Stream> stream = Stream::create({});
  const Runner runners[] = {{layer, direction, DType::f32}, {layer, direction, DType::bf16}};
  double best[] = {std::numeric_limits<double>::infinity(),
                   std::numeric_limits<double>::infinity()};
  for (const Runner& runner : runners) runner.run(*stream);
  for (auto _ : state) {
    for (int i = 0; i < 2; ++i) {
      best[i] = std::min(best[i], seconds_of([&] { runners[i].run(*stream); }));
    }
  }
  const char* names[] = {"f32", "bf16"};
  std::string label;
  for (int i = 0; i < 2; ++i) {
    const std::string name = names[i];
    state.counters[name + "_ms"] = best[i] * 1e3;
    state.counters[name + "_gflops"] = 2 * layer.products / best[i] * 1e-9;
    state.counters[name + "_floor"] = runners[i].floor(matrix[i]) / best[i];
    if (!layer.convolution) continue;
    cpu::Convolution convolution = *layer.convolution;
    convolution.activations = i == 0 ? DType::f32 : DType::bf16;
    label +=
        (i == 0 ? "" : " | ") +
        cpu::prepare(*stream, convolution, direction, direction != Direction::backward_data).name();
  }
  state.counters["speedup"] = best[0] / best[1];
  state.SetLabel(label);
}

std::vector<Layer> layers() {
  const auto same = [](const Shape& in, std::int64_t kernel, std::int64_t stride) {
    return nn::Window::same(in.h, in.w, kernel, kernel, stride, stride);
  };
  const auto along = [](const Shape& in, std::int64_t kernel, std::int64_t stride) {
    return nn::Window::same(1, in.w, 1, kernel, 1, stride);
  };
  const Shape stem{128, 32, 32, 3};
  const Shape a{128, 32, 32, 48}, b{128, 16, 16, 96}, c{128, 8, 8, 192};
  const Shape pruned{128, 16, 16, 43};
  const Shape small{128, 32, 32, 16};
  const Shape speech{128, 49, 10, 1}, words{128, 25, 5, 64};
  const Shape motion{128, 1, 128, 9}, m16{128, 1, 64, 16}, m72{128, 1, 32, 72}, m96{128, 1, 16, 96};
  const Shape odd{128, 1, 32, 27}, wide{128, 16, 16, 96};
  return {
      conv("resnet18_stem", stem, 48, same(stem, 3, 1)),
      conv("resnet18_48", a, 48, same(a, 3, 1)),
      conv("resnet18_48_96_s2", a, 96, same(a, 3, 2)),
      conv("resnet18_96", b, 96, same(b, 3, 1)),
      conv("resnet18_192", c, 192, same(c, 3, 1)),
      conv("pruned_43_27", pruned, 27, same(pruned, 3, 1)),
      conv("resnet8_16", small, 16, same(small, 3, 1)),
      conv("resnet8_16_32_s2", small, 32, same(small, 3, 2)),
      conv("ds_cnn_stem", speech, 64, nn::Window::same(49, 10, 10, 4, 2, 2)),
      conv("mobilenet_1d_stem", motion, 16, along(motion, 3, 2)),
      pointwise("ds_cnn_64", words, 64),
      pointwise("mobilenet_1d_16_72", m16, 72),
      pointwise("mobilenet_1d_72_24", m72, 24),
      pointwise("mobilenet_1d_96_40", m96, 40),
      pointwise("pruned_27_43", odd, 43),
      pointwise("wide_96_576", wide, 576),
      depthwise("ds_cnn_64", words, same(words, 3, 1)),
      depthwise("mobilenet_1d_16_s2", m16, along(m16, 3, 2)),
      depthwise("mobilenet_1d_72_k5", m72, along(m72, 5, 1)),
      depthwise("mobilenet_1d_96_k9", m96, along(m96, 9, 1)),
      depthwise("pruned_27_k5", odd, along(odd, 5, 1)),
      depthwise("wide_96", wide, same(wide, 3, 1)),
      depthwise("wide_96_k5_s2", wide, same(wide, 5, 2)),
  };
}

}  // namespace
}  // namespace paretiny

int main(int argc, char** argv) {
  using namespace paretiny;
  const std::vector<Layer> all = layers();
  const std::pair<Direction, const char*> directions[] = {
      {Direction::forward, "/forward"},
      {Direction::backward_data, "/backward_data"},
      {Direction::backward_weights, "/backward_weights"}};
  for (const Layer& layer : all) {
    for (const auto& [direction, name] : directions) {
      benchmark::RegisterBenchmark((layer.name + name).c_str(), measure, layer, direction)
          ->UseRealTime();
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
