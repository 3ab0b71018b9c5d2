// An int8 network in plain loops, with the arithmetic of its scheme written anew.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/compress/int8_network.h"

namespace paretiny::test {

/// One sample at a time; fractions exact in 128 bits.
class Judge {
 public:
  explicit Judge(const compress::Int8Network& network) : network_(network) {}

  /// Every tensor's values for one sample.
  std::vector<std::vector<int>> run(const float* sample) {
    values_.assign(network_.tensors.size(), {});
    const int8::Quantization& q = network_.tensors[0].quantization;
    for (std::int64_t i = 0; i < network_.tensors[0].shape.elements(); ++i) {
      const double x = std::round(static_cast<double>(sample[i] / q.scale)) + q.zero_point;
      values_[0].push_back(static_cast<int>(std::min(std::max(x, -128.0), 127.0)));
    }
    for (const compress::Int8Step& step : network_.steps) {
      step_ = &step;
      std::visit([this](const auto& op) { (*this)(op); }, step.operation);
    }
    return values_;
  }

 private:
  const Shape& in(std::size_t which = 0) const {
    return network_.tensors[static_cast<std::size_t>(step_->inputs[which])].shape;
  }
  const Shape& out() const {
    return network_.tensors[static_cast<std::size_t>(step_->output)].shape;
  }
  const std::vector<int>& x(std::size_t which = 0) const {
    return values_[static_cast<std::size_t>(step_->inputs[which])];
  }
  std::vector<int>& y() { return values_[static_cast<std::size_t>(step_->output)]; }

  static std::int64_t rescale(std::int64_t v, std::int32_t multiplier, std::int32_t shift) {
    __extension__ using Wide = __int128;
    const Wide product = Wide{v} * multiplier * (std::int64_t{1} << std::max(shift, 0));
    const Wide half = std::int64_t{1} << 30;
    Wide high = (product + half) / (std::int64_t{1} << 31);
    if ((product + half) % (std::int64_t{1} << 31) < 0) --high;
    const double quotient = std::ldexp(static_cast<double>(high), std::min(shift, 0));
    return std::llround(quotient);  // halves away from zero
  }
  static int limit(std::int64_t v, const int8::Int8Range& range) {
    return static_cast<int>(
        std::min<std::int64_t>(std::max<std::int64_t>(v, range.low), range.high));
  }

  template <class Tap>
  std::int64_t over_window(const nn::Window& window, std::int64_t oy, std::int64_t ox,
                           const Tap& tap) const {
    std::int64_t cells = 0;
    for (std::int64_t ky = 0; ky < window.kernel_h; ++ky) {
      for (std::int64_t kx = 0; kx < window.kernel_w; ++kx) {
        const std::int64_t iy = oy * window.stride_h - window.top + ky;
        const std::int64_t ix = ox * window.stride_w - window.left + kx;
        if (iy < 0 || iy >= in().h || ix < 0 || ix >= in().w) continue;
        tap(static_cast<std::size_t>(iy * in().w + ix),
            static_cast<std::size_t>(ky * window.kernel_w + kx));
        ++cells;
      }
    }
    return cells;
  }
  template <class Pixel>
  void each_output(const Pixel& pixel) {
    for (std::int64_t h = 0; h < out().h; ++h)
      for (std::int64_t w = 0; w < out().w; ++w)
        for (std::int64_t c = 0; c < out().c; ++c) {
          y().push_back(pixel(h, w, static_cast<std::size_t>(c)));
        }
  }
  int finish(const compress::Int8Layer& op, std::int64_t sum, std::size_t o) const {
    return limit(rescale(sum + op.bias[o], op.multipliers[o], op.shifts[o]) +
                     op.parameters.output_zero_point,
                 op.parameters.range);
  }

  void operator()(const compress::Int8Conv& op) {
    const auto channels = static_cast<std::size_t>(in().c);
    const auto taps = static_cast<std::size_t>(op.window.kernel_h * op.window.kernel_w);
    each_output([&](std::int64_t oy, std::int64_t ox, std::size_t o) {
      std::int64_t sum = 0;
      over_window(op.window, oy, ox, [&](std::size_t pixel, std::size_t tap) {
        for (std::size_t c = 0; c < channels; ++c) {
          sum += std::int64_t{op.weights[(o * taps + tap) * channels + c]} *
                 (x()[pixel * channels + c] - op.parameters.input_zero_point);
        }
      });
      return finish(op, sum, o);
    });
  }
  void operator()(const compress::Int8Depthwise& op) {
    const auto channels = static_cast<std::size_t>(in().c);
    each_output([&](std::int64_t oy, std::int64_t ox, std::size_t o) {
      std::int64_t sum = 0;
      over_window(op.window, oy, ox, [&](std::size_t pixel, std::size_t tap) {
        sum += std::int64_t{op.weights[tap * channels + o]} *
               (x()[pixel * channels + o] - op.parameters.input_zero_point);
      });
      return finish(op, sum, o);
    });
  }
  void operator()(const compress::Int8FullyConnected& op) {
    each_output([&](std::int64_t, std::int64_t, std::size_t o) {
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < x().size(); ++i) {
        sum += std::int64_t{op.weights[o * x().size() + i]} *
               (x()[i] - op.parameters.input_zero_point);
      }
      return finish(op, sum, o);
    });
  }
  void operator()(const compress::Int8Add& op) {
    const int8::Int8AddParameters& p = op.parameters;
    for (std::size_t i = 0; i < x().size(); ++i) {
      const std::int64_t a = rescale((x(0)[i] - p.zero_point1) * std::int64_t{1 << 20},
                                     p.input1.multiplier, p.input1.shift);
      const std::int64_t b = rescale((x(1)[i] - p.zero_point2) * std::int64_t{1 << 20},
                                     p.input2.multiplier, p.input2.shift);
      y().push_back(limit(rescale(a + b, p.output.multiplier, p.output.shift) + p.output_zero_point,
                          p.range));
    }
  }
  void operator()(const compress::Int8Mul& op) {
    const int8::Int8MulParameters& p = op.parameters;
    for (std::size_t i = 0; i < x().size(); ++i) {
      const std::int64_t product =
          (x(0)[i] - p.zero_point1) * (x(1)[i % x(1).size()] - p.zero_point2);
      y().push_back(limit(
          rescale(product, p.output.multiplier, p.output.shift) + p.output_zero_point, p.range));
    }
  }
  void operator()(const compress::Int8Lookup& op) {
    for (const int q : x()) y().push_back(op.table[static_cast<std::size_t>(q + 128)]);
  }
  void operator()(const compress::Int8MaxPool& op) {
    each_output([&](std::int64_t oy, std::int64_t ox, std::size_t o) {
      int best = -128;
      over_window(op.window, oy, ox, [&](std::size_t pixel, std::size_t) {
        best = std::max(best, x()[pixel * static_cast<std::size_t>(in().c) + o]);
      });
      return best;
    });
  }
  void operator()(const compress::Int8AveragePool& op) {
    each_output([&](std::int64_t oy, std::int64_t ox, std::size_t o) {
      double sum = 0;
      const auto cells = over_window(op.window, oy, ox, [&](std::size_t pixel, std::size_t) {
        sum += x()[pixel * static_cast<std::size_t>(in().c) + o];
      });
      return static_cast<int>(std::lround(sum / static_cast<double>(cells)));
    });
  }
  void operator()(const compress::Int8Mean& op) {
    const auto channels = static_cast<std::size_t>(in().c);
    each_output([&](std::int64_t, std::int64_t, std::size_t o) {
      std::int64_t sum = 0;
      for (std::size_t i = o; i < x().size(); i += channels) {
        sum += x()[i] - op.parameters.input_zero_point;
      }
      return limit(rescale(sum, op.parameters.output.multiplier, op.parameters.output.shift) +
                       op.parameters.output_zero_point,
                   {});
    });
  }

  const compress::Int8Network& network_;
  const compress::Int8Step* step_ = nullptr;
  std::vector<std::vector<int>> values_;
};

}  // namespace paretiny::test
