// Fused convolutions under test: random prologues and epilogues with their tensors, what they do in
// double precision, and the checks that every fused convolution must pass.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/nn/fusion.h"
#include "tests/support/convolution.h"

namespace paretiny::test {

/// Which parts of a Prologue a test asks for.
struct PrologueParts {
  bool affine = false;
  nn::Activation activation = nn::Activation::none;
  bool gate = false;
};

/// Which parts of an Epilogue a test asks for.
struct EpilogueParts {
  bool affine = false;
  bool residual = false;
  nn::Activation activation = nn::Activation::none;
  bool statistics = false;
};

struct Fusion {
  PrologueParts prologue{};
  EpilogueParts epilogue{};
};

/// Each part alone, then several together.
inline std::vector<Fusion> fusions() {
  using enum nn::Activation;
  return {
      {{.affine = true}, {}},
      {{.activation = relu}, {}},
      {{.gate = true}, {}},
      {{.affine = true, .activation = hard_swish, .gate = true}, {}},
      {{}, {.affine = true}},
      {{}, {.residual = true}},
      {{}, {.activation = hard_sigmoid}},
      {{}, {.statistics = true}},
      {{}, {.affine = true, .residual = true, .activation = relu, .statistics = true}},
      {{.affine = true, .activation = relu6}, {.statistics = true}},
      {{.affine = true, .activation = hard_swish, .gate = true},
       {.affine = true, .residual = true, .activation = hard_swish, .statistics = true}},
  };
}

inline std::string to_string(const Fusion& fusion) {
  const auto& [in, out] = fusion;
  std::string text = std::string("prologue ") + name_of(in.activation);
  if (in.affine) text += " affine";
  if (in.gate) text += " gate";
  text += std::string(", epilogue ") + name_of(out.activation);
  if (out.affine) text += " affine";
  if (out.residual) text += " residual";
  if (out.statistics) text += " statistics";
  return text;
}

inline double activated(nn::Activation activation, double x) {
  double y = 0;
  nn::activate(activation, x, y);
  return y;
}

/// scale * x + shift a channel, random; nothing when it is not asked for.
class RandomAffine {
 public:
  RandomAffine(Stream& stream, bool wanted, std::int64_t channels, std::uint64_t seed) {
    if (!wanted) return;
    scale_.emplace(Tensor::random(stream, DType::f32, {1, 1, 1, channels}, seed));
    shift_.emplace(Tensor::random(stream, DType::f32, {1, 1, 1, channels}, seed + 1));
  }

  ConstView scale() const { return scale_ ? ConstView(*scale_) : ConstView{}; }
  ConstView shift() const { return shift_ ? ConstView(*shift_) : ConstView{}; }

  std::vector<double> apply(std::vector<double> x) const {
    if (!scale_) return x;
    const std::vector<double> scale = scale_->values();
    const std::vector<double> shift = shift_->values();
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = scale[i % scale.size()] * x[i] + shift[i % shift.size()];
    }
    return x;
  }

 private:
  std::optional<Tensor> scale_, shift_;
};

/// A Prologue that owns its tensors.
class RandomPrologue {
 public:
  RandomPrologue(Stream& stream, const PrologueParts& parts, const Shape& input, DType dtype,
                 std::uint64_t seed)
      : input_(input), activation_(parts.activation), affine_(stream, parts.affine, input.c, seed) {
    if (parts.gate) {
      gate_.emplace(Tensor::random(stream, dtype, {input.n, 1, 1, input.c}, seed + 2));
    }
  }

  nn::Prologue prologue() const {
    return {affine_.scale(), affine_.shift(), activation_, gate_ ? ConstView(*gate_) : ConstView{}};
  }

  /// What is read in place of x.
  std::vector<double> apply(std::vector<double> x) const {
    x = affine_.apply(std::move(x));
    for (double& value : x) value = activated(activation_, value);
    if (!gate_) return x;
    const std::vector<double> gate = gate_->values();
    const auto channels = static_cast<std::size_t>(input_.c);
    const auto sample = static_cast<std::size_t>(input_.h * input_.w) * channels;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] *= gate[i / sample * channels + i % channels];
    return x;
  }

 private:
  Shape input_;
  nn::Activation activation_;
  RandomAffine affine_;
  std::optional<Tensor> gate_;
};

/// An Epilogue that owns its tensors, the statistics it asks for too.
class RandomEpilogue {
 public:
  RandomEpilogue(Stream& stream, const EpilogueParts& parts, const Shape& output, DType dtype,
                 std::uint64_t seed)
      : activation_(parts.activation), affine_(stream, parts.affine, output.c, seed) {
    if (parts.residual) residual_.emplace(Tensor::random(stream, dtype, output, seed + 2));
    if (!parts.statistics) return;
    mean_.emplace(stream, DType::f32, Shape{1, 1, 1, output.c});
    variance_.emplace(stream, DType::f32, Shape{1, 1, 1, output.c});
  }

  nn::Epilogue epilogue() const {
    return {affine_.scale(),
            affine_.shift(),
            residual_ ? ConstView(*residual_) : ConstView{},
            activation_,
            mean_ ? mean_->view() : View{},
            variance_ ? variance_->view() : View{}};
  }

  /// What is stored in place of the products.
  std::vector<double> apply(std::vector<double> products) const {
    std::vector<double> y = affine_.apply(std::move(products));
    if (residual_) {
      const std::vector<double> residual = residual_->values();
      for (std::size_t i = 0; i < y.size(); ++i) y[i] += residual[i];
    }
    for (double& value : y) value = activated(activation_, value);
    return y;
  }

  /// The statistics, where they were asked for, against those of the y that was stored. Within 1e-4
  /// of the deviation and of the variance, and what means in float allow.
  void expect_statistics(const Tensor& y) const {
    if (!mean_) return;
    const std::vector<double> values = y.values();
    const std::vector<double> means = mean_->values();
    const std::vector<double> variances = variance_->values();
    const std::size_t channels = means.size();
    const double rows = static_cast<double>(values.size()) / static_cast<double>(channels);
    for (std::size_t c = 0; c < channels; ++c) {
      double mean = 0;
      for (std::size_t i = c; i < values.size(); i += channels) mean += values[i] / rows;
      double variance = 0;
      for (std::size_t i = c; i < values.size(); i += channels) {
        variance += (values[i] - mean) * (values[i] - mean) / rows;
      }
      const double deviation = std::sqrt(variance);
      const double unit = 0x1p-23 * std::abs(mean) + 1e-7;
      EXPECT_NEAR(means[c], mean, 1e-4 * deviation + 2 * unit) << "mean[" << c << "]";
      EXPECT_NEAR(variances[c], variance, 1e-4 * variance + (deviation + unit) * unit)
          << "variance[" << c << "]";
    }
  }

 private:
  nn::Activation activation_;
  RandomAffine affine_;
  std::optional<Tensor> residual_, mean_, variance_;
};

/// The fused ops under test, with their shape bound.
struct FusedConvolutionOps {
  std::function<void(ConstView x, ConstView w, ConstView b, View y, const nn::Prologue&,
                     const nn::Epilogue&)>
      forward;
  std::function<void(ConstView x, ConstView dy, View dw, View db, const nn::Prologue&)>
      backward_weights;
  std::function<std::size_t(DType)> scratch_bytes;
  Shape input, weights, output;

  Shape bias() const { return {1, 1, 1, output.c}; }
};

/// Whether the device keeps within the announced scratch with fusions too.
inline bool fuses_layers(Device device) {
  for (const DeviceInfo& info : devices()) {
    if (info.device == device) return info.fuses_layers;
  }
  return false;
}

/// Values against the judge; scratch within what was announced; a second run equal bit by bit.
/// Relative to the largest value of a tensor: f32 within 1e-5; bf16 within 2^-6, because a device
/// may round what is read and the products before it goes on.
inline void expect_fused_convolution(Stream& stream, const FusedConvolutionOps& ops,
                                     const ConvolutionJudge& judge, const Fusion& fusion,
                                     DType dtype, std::uint64_t seed) {
  SCOPED_TRACE("input " + to_string(ops.input) + ", weights " + to_string(ops.weights) + ", " +
               name_of(dtype) + ", " + to_string(fusion));
  const Tensor x = Tensor::random(stream, dtype, ops.input, seed);
  const Tensor w = Tensor::random(stream, DType::f32, ops.weights, seed + 1);
  const Tensor b = Tensor::random(stream, DType::f32, ops.bias(), seed + 2);
  const Tensor dy = Tensor::random(stream, dtype, ops.output, seed + 3);
  const Tensor y(stream, dtype, ops.output);
  const Tensor dw(stream, DType::f32, ops.weights);
  const Tensor db(stream, DType::f32, ops.bias());
  const RandomPrologue prologue(stream, fusion.prologue, ops.input, dtype, seed + 4);
  const RandomEpilogue epilogue(stream, fusion.epilogue, ops.output, dtype, seed + 7);
  const double relative = dtype == DType::bf16 ? 0x1p-6 : 1e-5;
  const auto expect = [&](const Tensor& actual, const std::vector<double>& expected,
                          const char* name) {
    expect_near(actual, expected, relative * max_abs(expected), name);
  };
  stream.scratch().reserve(ops.scratch_bytes(dtype));
  const std::size_t reserved = stream.scratch().capacity();
  const std::vector<double> read = prologue.apply(x.values());

  ops.forward(x, w, b, y, prologue.prologue(), epilogue.epilogue());
  expect(y, epilogue.apply(judge.forward(read, w.values(), b.values())), "y");
  epilogue.expect_statistics(y);
  const auto first_y = y.bytes();
  ops.forward(x, w, b, y, prologue.prologue(), epilogue.epilogue());
  EXPECT_EQ(y.bytes(), first_y);

  ops.backward_weights(x, dy, dw, db, prologue.prologue());
  expect(dw, judge.backward_weights(read, dy.values()), "dw");
  expect(db, judge.backward_bias(dy.values()), "db");
  const auto first_dw = dw.bytes();
  ops.backward_weights(x, dy, dw, db, prologue.prologue());
  EXPECT_EQ(dw.bytes(), first_dw);

  if (fuses_layers(stream.device())) {
    EXPECT_LE(stream.scratch().peak(), reserved);
  }
}

/// The statistics of channels whose mean is far larger than their deviation: 1000 and about 0.1 (in
/// bf16, whose steps at 1000 are 4 wide, about 10).
inline void expect_steady_statistics(Stream& stream, const FusedConvolutionOps& ops, DType dtype,
                                     std::uint64_t seed) {
  const Tensor x = Tensor::random(stream, dtype, ops.input, seed);
  std::vector<double> weights = Tensor::random(stream, DType::f32, ops.weights, seed + 1).values();
  for (double& weight : weights) weight *= dtype == DType::bf16 ? 3 : 0.03;
  const Tensor w(stream, DType::f32, ops.weights, weights);
  const Tensor b(stream, DType::f32, ops.bias(),
                 std::vector<double>(static_cast<std::size_t>(ops.output.c), 1000));
  const Tensor y(stream, dtype, ops.output);
  const RandomEpilogue epilogue(stream, {.statistics = true}, ops.output, dtype, seed + 2);
  ops.forward(x, w, b, y, nn::Prologue{}, epilogue.epilogue());
  epilogue.expect_statistics(y);
}

}  // namespace paretiny::test
