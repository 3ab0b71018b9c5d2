#include "kernels/nn/training/optimizer.h"

#include "tests/support/threads.h"

namespace paretiny::test {
namespace {

Shape flat(std::int64_t count) {
  return {1, 1, 1, count};
}

Tensor zeros(Stream& stream, std::int64_t count) {
  return {stream, DType::f32, flat(count), std::vector<double>(static_cast<std::size_t>(count), 0)};
}

/// Row `step` of the reference gradients [1, 1, steps, count].
ConstView gradient_of_step(const Tensor& g, std::int64_t step) {
  const std::int64_t count = g.shape().c;
  return view(ConstView(g).as<float>() + step * count, DType::f32, flat(count));
}

void append(std::vector<double>& all, const Tensor& values) {
  const auto more = values.values();
  all.insert(all.end(), more.begin(), more.end());
}

void expect_steps(const ReferenceCase& reference, const std::vector<double>& actual,
                  const std::string& output) {
  expect_near(actual, reference.expected(output), reference.tolerance(output),
              reference.name() + " " + output);
}

TEST(Sgd, ReproducesReferenceVectors) {
  if (reference_cases("sgd_nesterov").empty()) GTEST_SKIP() << no_reference_cases();
  const auto stream = test_stream();
  for (const char* op : {"sgd_nesterov", "sgd_momentum"}) {
    for (const ReferenceCase& reference : reference_cases(op)) {
      const nlohmann::json& attributes = reference.attributes();
      const nn::SgdOptions options{attributes.at("momentum"), attributes.at("weight_decay"),
                                   attributes.at("nesterov")};
      const Tensor w = reference.input(*stream, "w0");
      const Tensor g = reference.input(*stream, "g");
      const Tensor m = zeros(*stream, w.shape().c);
      std::vector<double> all_w, all_m;
      for (std::int64_t step = 0; step < g.shape().w; ++step) {
        const Tensor rate(*stream, DType::f32, flat(1), {attributes.at("learning_rate").at(step)});
        nn::sgd_step(*stream, options, rate, {.g = gradient_of_step(g, step), .w = w, .m = m});
        append(all_w, w);
        append(all_m, m);
      }
      expect_steps(reference, all_w, "w");
      expect_steps(reference, all_m, "momentum_buffer");
    }
  }
}

TEST(Adam, ReproducesReferenceVectors) {
  if (reference_cases("adam").empty()) GTEST_SKIP() << no_reference_cases();
  const auto stream = test_stream();
  for (const char* op : {"adam", "adamw"}) {
    for (const ReferenceCase& reference : reference_cases(op)) {
      const nlohmann::json& attributes = reference.attributes();
      const double beta1 = attributes.at("beta1"), beta2 = attributes.at("beta2");
      const nn::AdamOptions options{attributes.at("beta1"), attributes.at("beta2"),
                                    attributes.at("eps"), attributes.at("weight_decay"),
                                    std::string(op) == "adamw"};
      const Tensor w = reference.input(*stream, "w0");
      const Tensor g = reference.input(*stream, "g");
      const Tensor m = zeros(*stream, w.shape().c);
      const Tensor v = zeros(*stream, w.shape().c);
      std::vector<double> all_w, all_m, all_v;
      for (std::int64_t step = 0; step < g.shape().w; ++step) {
        const double t = static_cast<double>(step) + 1;
        const Tensor schedule(*stream, DType::f32, flat(3),
                              {attributes.at("learning_rate").at(step), 1 - std::pow(beta1, t),
                               1 - std::pow(beta2, t)});
        nn::adam_step(*stream, options, schedule,
                      {.g = gradient_of_step(g, step), .w = w, .m = m, .v = v});
        append(all_w, w);
        append(all_m, m);
        append(all_v, v);
      }
      expect_steps(reference, all_w, "w");
      expect_steps(reference, all_m, "exp_avg");
      expect_steps(reference, all_v, "exp_avg_sq");
    }
  }
}

TEST(Optimizer, AgreesWithItsDefinitionOnOddCounts) {
  const auto stream = test_stream();
  for (const std::int64_t count : {1, 37, 40003}) {
    const Tensor g = Tensor::random(*stream, DType::f32, flat(count), 1);
    const Tensor w = Tensor::random(*stream, DType::f32, flat(count), 2);
    const Tensor m = Tensor::random(*stream, DType::f32, flat(count), 3);
    const Tensor rate(*stream, DType::f32, flat(1), {0.3});
    const auto g0 = g.values(), w0 = w.values(), m0 = m.values();
    nn::sgd_step(*stream, {0.8f, 0.01f, true}, rate, {.g = g, .w = w, .m = m});
    std::vector<double> expected_w, expected_m;
    for (std::size_t i = 0; i < g0.size(); ++i) {
      const double step = g0[i] + double{0.01f} * w0[i];
      expected_m.push_back(double{0.8f} * m0[i] + step);
      expected_w.push_back(w0[i] - double{0.3f} * (step + double{0.8f} * expected_m.back()));
    }
    expect_near(w, expected_w, 2e-6, "w");
    expect_near(m, expected_m, 2e-6, "m");
  }
}

TEST(Optimizer, TakesUnalignedArrays) {
  const auto stream = test_stream();
  const Tensor schedule(*stream, DType::f32, flat(3), {0.01, 0.1, 0.001});
  std::vector<double> expected;
  for (const int shifted : {-1, 0, 1, 2, 3}) {
    std::vector<Tensor> arrays;  // g, w, m, v
    arrays.push_back(Tensor::random(*stream, DType::f32, flat(101), 1));
    arrays.push_back(Tensor::random(*stream, DType::f32, flat(101), 2));
    for (int k = 0; k < 2; ++k) arrays.push_back(zeros(*stream, 101));
    for (int k = 0; k < 4; ++k) {
      if (k == shifted) arrays[k] = arrays[k].unaligned();
    }
    nn::adam_step(*stream, {}, schedule,
                  {.g = arrays[0], .w = arrays[1], .m = arrays[2], .v = arrays[3]});
    if (shifted == -1) {
      expected = arrays[1].values();
    } else {
      expect_near(arrays[1], expected, 1e-6,
                  "w with array " + std::to_string(shifted) + " shifted");
    }
  }
}

std::vector<double> in_bf16(const Tensor& w) {
  std::vector<double> values = w.values();
  for (double& value : values) value = rounded(DType::bf16, value);
  return values;
}

TEST(Optimizer, LeavesTheWeightsInBf16Too) {
  const auto stream = test_stream();
  const Tensor rate(*stream, DType::f32, flat(1), {0.3});
  const Tensor schedule(*stream, DType::f32, flat(3), {0.01, 0.1, 0.001});
  for (const std::int64_t count : {1, 37, 40003}) {
    for (const bool aligned : {true, false}) {
      SCOPED_TRACE(count);
      const auto random = [&](std::uint64_t seed) {
        return Tensor::random(*stream, DType::f32, flat(count), seed);
      };
      const auto cast = [&] {
        Tensor fresh(*stream, DType::bf16, flat(count));
        if (aligned) return fresh;
        return fresh.unaligned();
      };
      const Tensor g = random(1), m = random(3), v = zeros(*stream, count);
      const Tensor plain = random(2), w = random(2), w_bf16 = cast();
      const Tensor start = zeros(*stream, count);
      nn::cast_weights(*stream, w, w_bf16);
      EXPECT_EQ(w_bf16.values(), in_bf16(w));
      nn::sgd_step(*stream, {0.8f, 0.01f, true}, rate, {.g = g, .w = w, .m = m, .cast = w_bf16});
      nn::sgd_step(*stream, {0.8f, 0.01f, true}, rate, {.g = g, .w = plain, .m = random(3)});
      EXPECT_EQ(w.values(), plain.values());
      EXPECT_EQ(w_bf16.values(), in_bf16(w));
      const Tensor after_adam = cast();
      nn::adam_step(*stream, {}, schedule,
                    {.g = g, .w = w, .m = start, .v = v, .cast = after_adam});
      nn::adam_step(*stream, {}, schedule,
                    {.g = g, .w = plain, .m = zeros(*stream, count), .v = zeros(*stream, count)});
      EXPECT_EQ(w.values(), plain.values());
      EXPECT_EQ(after_adam.values(), in_bf16(w));
    }
  }
}

TEST(Optimizer, IsTheSameForAnyNumberOfThreads) {
  const auto stream = test_stream();
  const Shape shape = flat(40003);
  const Tensor g = Tensor::random(*stream, DType::f32, shape, 1);
  const Tensor schedule(*stream, DType::f32, flat(3), {0.01, 0.1, 0.001});
  Tensor w(*stream, DType::f32, shape), m(*stream, DType::f32, shape),
      v(*stream, DType::f32, shape);
  expect_same_for_any_threads(
      [&] {
        w = Tensor::random(*stream, DType::f32, shape, 2);
        m = zeros(*stream, shape.c);
        v = zeros(*stream, shape.c);
        nn::adam_step(*stream, {}, schedule, {.g = g, .w = w, .m = m, .v = v});
      },
      {&w, &m, &v});
}

TEST(Optimizer, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const Tensor a = zeros(*stream, 4), b = zeros(*stream, 5), one = zeros(*stream, 1),
               three = zeros(*stream, 3);
  const Tensor matrix(*stream, DType::f32, {1, 1, 2, 4});
  const Tensor bf16(*stream, DType::bf16, flat(4));
  EXPECT_THROW(nn::sgd_step(*stream, {}, three, {.g = a, .w = a, .m = a}), UsageError);
  EXPECT_THROW(nn::sgd_step(*stream, {}, one, {.g = a, .w = b, .m = a}), UsageError);
  EXPECT_THROW(nn::sgd_step(*stream, {}, one, {.g = a, .w = a}), UsageError);
  EXPECT_THROW(nn::sgd_step(*stream, {}, one, {.g = matrix, .w = a, .m = a}), UsageError);
  EXPECT_THROW(nn::adam_step(*stream, {}, one, {.g = a, .w = a, .m = a, .v = a}), UsageError);
  EXPECT_THROW(nn::adam_step(*stream, {}, three, {.g = bf16, .w = a, .m = a, .v = a}), UsageError);
  EXPECT_THROW(nn::adam_step(*stream, {}, three, {.g = a, .w = a, .m = a, .v = b}), UsageError);
  EXPECT_NO_THROW(nn::sgd_step(*stream, {}, one, {.g = a, .w = a, .m = a, .cast = bf16}));
  EXPECT_THROW(nn::sgd_step(*stream, {}, one, {.g = a, .w = a, .m = a, .cast = a}), UsageError);
  EXPECT_THROW(nn::sgd_step(*stream, {}, one, {.g = b, .w = b, .m = b, .cast = bf16}), UsageError);
  EXPECT_THROW(nn::adam_step(*stream, {}, three, {.g = a, .w = a, .m = a, .v = a, .cast = a}),
               UsageError);
  EXPECT_THROW(nn::cast_weights(*stream, bf16, bf16), UsageError);
  EXPECT_THROW(nn::cast_weights(*stream, b, bf16), UsageError);
}

}  // namespace
}  // namespace paretiny::test
