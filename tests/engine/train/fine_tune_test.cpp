#include "engine/train/fine_tune.h"

#include <algorithm>
#include <cmath>

#include "engine/compress/fold_batch_norm.h"
#include "engine/train/evaluate.h"
#include "tests/engine/compress/trained_networks.h"

namespace paretiny::train {
namespace {

using namespace test;

/// Logits of a program on the first `count` test samples, rounded as int8 would be.
std::vector<float> rounded_logits(const Trained& t, const graph::Network& folded,
                                  const std::vector<compress::ValueRange>& ranges,
                                  std::int64_t count) {
  const graph::ParameterLayout layout(folded.graph);
  Buffer parameters(t.stream->device(), folded.parameters.size() * sizeof(float));
  t.stream->upload(parameters.data(), folded.parameters.data(), parameters.bytes());
  program::Program program(folded.graph, layout,
                           {program::ProgramKind::inference, count, DType::f32, 0, false,
                            quantization_by_node(folded, ranges)});
  program.bind(*t.stream, static_cast<float*>(parameters.data()), nullptr);
  data::BatchSource source(*t.stream, t.data, t.data.test);
  source.load(*t.stream, {}, 0, 0, program.input(), program.labels());
  program.forward(*t.stream);
  std::vector<float> logits(static_cast<std::size_t>(program.logits().elements()));
  t.stream->download(logits.data(), program.logits().data, program.logits().bytes());
  return logits;
}

TrainingSpec training() {
  TrainingSpec spec;
  spec.batch = 16;
  spec.learning_rate = 0.05;
  return spec;
}

class FineTune : public testing::TestWithParam<const char*> {
 protected:
  const Trained& t_ = trained(GetParam());
  const graph::Network folded_ = compress::fold_batch_norm(t_.network);
};

TEST_P(FineTune, TheForwardPassIsThatOfTheInt8Network) {
  const std::vector<compress::ValueRange> ranges =
      compress::calibrate(*t_.stream, folded_, t_.data, {200}, kSeed);
  const compress::Int8Network int8 = compress::quantize(folded_, ranges);
  const std::vector<float> floats = rounded_logits(t_, folded_, ranges, 60);
  const std::vector<std::int8_t> integers = t_.run(int8, 60).second;
  const int8::Quantization q = int8.output().quantization;
  ASSERT_EQ(floats.size(), integers.size());
  // A gate's hard-sigmoid rounds twice in integers: up to a half of its table is one unit off, and
  // mobilenet_v3 has nine gates. Elsewhere only a half that goes to the other side makes a
  // difference, and what follows from it. How much follows hangs on the network, and so on the last
  // bits of its training. Over 12 trainings each (6 seeds, 2 instruction sets) the mean was 1.1
  // with a deviation of 0.32 where there are gates, and 0.16 with 0.05 elsewhere: the bounds are
  // six deviations away.
  const bool gates =
      std::string(GetParam()) == "mobilenet_v3" || std::string(GetParam()) == "series";
  double sum = 0;
  for (std::size_t i = 0; i < floats.size(); ++i) {
    sum += std::abs(double{floats[i]} / double{q.scale} + q.zero_point - integers[i]);
  }
  EXPECT_LE(sum / static_cast<double>(floats.size()), gates ? 3 : 0.46);
}

TEST_P(FineTune, IsTheSameForTheSameSeed) {
  const std::vector<compress::ValueRange> ranges =
      compress::calibrate(*t_.stream, folded_, t_.data, {200}, kSeed);
  const auto run = [&](std::uint64_t seed) {
    return fine_tune(*t_.stream, t_.data, folded_, ranges, training(), {1, 0.01}, seed);
  };
  const TrainingResult a = run(1);
  EXPECT_EQ(a.network.graph, folded_.graph);
  EXPECT_GT(a.planned_bytes, t_.data.bytes());
  EXPECT_NE(a.network.parameters, folded_.parameters);
  EXPECT_EQ(a.network.parameters, run(1).network.parameters);
  EXPECT_NE(a.network.parameters, run(2).network.parameters);
}

INSTANTIATE_TEST_SUITE_P(All, FineTune, all_models());

TEST(FineTuning, RegainsWhatStaticQuantizationLoses) {
  // Ranges that cut off a tenth of the values at each end.
  int losers = 0;
  for (const char* name : {"series", "ds_cnn"}) {
    const Trained& t = trained(name);
    const graph::Network folded = compress::fold_batch_norm(t.network);
    const std::vector<compress::ValueRange> ranges = compress::calibrate(
        *t.stream, folded, t.data, {480, compress::RangeMethod::percentile, 90}, kSeed);
    const auto accuracy = [&](const graph::Network& of) {
      return int8_accuracy(*t.stream, compress::quantize(of, ranges), t.data, t.data.test);
    };
    const double full = evaluate(*t.stream, folded, t.data, t.data.test).accuracy;
    const double before = accuracy(folded);
    const double after =
        accuracy(fine_tune(*t.stream, t.data, folded, ranges, training(), {2, 0.1}, kSeed).network);
    // How much is lost hangs on the last bits of a training; now and then nothing is.
    if (before > full - 0.1) continue;
    ++losers;
    EXPECT_GT(after, (before + full) / 2) << name << " " << before;
  }
  EXPECT_GT(losers, 0) << "nothing to regain";
}

/// A network of two layers, and its gradients by hand in double precision.
TEST(FineTuning, RoundingPassesTheGradientWhereItDoesNotClip) {
  graph::Graph graph;
  graph::NodeId x = graph.input({1, 1, 1, 5});
  x = graph.fully_connected("hidden", x, 7);
  x = graph.activation("swish", x, nn::Activation::hard_swish);
  graph.fully_connected("classifier", x, 3);
  const graph::ParameterLayout layout(graph);
  const graph::Network network{graph, graph::initial_parameters(graph, layout, 3)};
  // Too narrow for some of the values.
  const std::vector<compress::ValueRange> ranges = {{-1, 1}, {-0.5f, 0.6f}, {}, {-0.1f, 0.1f}};
  const auto quantization = quantization_by_node(network, ranges);
  ASSERT_TRUE(quantization[0] && quantization[1] && quantization[2] && quantization[3]);
  const auto stream = Stream::create({});
  constexpr std::int64_t kBatch = 9;
  program::Program program(
      graph, layout, {program::ProgramKind::training, kBatch, DType::f32, 0, false, quantization});
  std::vector<float> parameters = network.parameters;
  std::vector<float> gradients(static_cast<std::size_t>(layout.trainable_end()), -1);
  program.bind(*stream, parameters.data(), gradients.data());
  Random random(kSeed, "inputs");
  std::vector<float> samples(kBatch * 5);
  std::vector<std::int32_t> labels(kBatch);
  for (float& value : samples) value = static_cast<float>(random.normal());
  for (std::int32_t& label : labels) label = static_cast<std::int32_t>(random.below(3));
  stream->upload(program.input().data, samples.data(), program.input().bytes());
  stream->upload(program.labels().data, labels.data(), program.labels().bytes());
  program.forward(*stream);
  program.backward(*stream);

  const auto weights = [&](graph::NodeId id, std::int64_t out, std::int64_t in) {
    const float* w = parameters.data() + layout.find(id, graph::Role::weight)->offset;
    std::vector<double> rounded;
    for (std::int64_t o = 0; o < out; ++o) {
      double largest = 0;
      for (std::int64_t i = 0; i < in; ++i)
        largest = std::max(largest, std::abs(double{w[o * in + i]}));
      for (std::int64_t i = 0; i < in; ++i) {
        rounded.push_back(std::round(double{w[o * in + i]} * 127 / largest) * largest / 127);
      }
    }
    return rounded;
  };
  const auto round_to = [&](graph::NodeId id, double value) {
    const int8::Quantization q = *quantization[static_cast<std::size_t>(id)];
    const double at = std::clamp(std::round(value / double{q.scale}) + q.zero_point, -128.0, 127.0);
    return (at - q.zero_point) * double{q.scale};
  };
  const auto passes = [&](graph::NodeId id, double value) {
    const int8::Quantization q = *quantization[static_cast<std::size_t>(id)];
    const double at = std::round(value / double{q.scale}) + q.zero_point;
    return at >= -128 && at <= 127;
  };
  const auto bias = [&](graph::NodeId id, std::int64_t o) {
    return double{
        parameters[static_cast<std::size_t>(layout.find(id, graph::Role::bias)->offset + o)]};
  };
  const std::vector<double> w1 = weights(1, 7, 5), w2 = weights(3, 3, 7);
  std::vector<double> dw1(35), db1(7), dw2(21), db2(3);
  int clipped = 0;
  for (std::size_t n = 0; n < kBatch; ++n) {
    double in[5], raw[7], hidden[7], swish[7], active[7], logit[3], out[3], total = 0;
    for (std::size_t i = 0; i < 5; ++i) in[i] = round_to(0, double{samples[n * 5 + i]});
    for (std::size_t o = 0; o < 7; ++o) {
      raw[o] = bias(1, static_cast<std::int64_t>(o));
      for (std::size_t i = 0; i < 5; ++i) raw[o] += w1[o * 5 + i] * in[i];
      hidden[o] = round_to(1, raw[o]);
      swish[o] = hidden[o] * std::clamp(hidden[o] + 3, 0.0, 6.0) / 6;
      active[o] = round_to(2, swish[o]);
    }
    for (std::size_t k = 0; k < 3; ++k) {
      logit[k] = bias(3, static_cast<std::int64_t>(k));
      for (std::size_t o = 0; o < 7; ++o) logit[k] += w2[k * 7 + o] * active[o];
      out[k] = round_to(3, logit[k]);
      total += std::exp(out[k]);
    }
    double dactive[7] = {};
    for (std::size_t k = 0; k < 3; ++k) {
      double d = (std::exp(out[k]) / total - (labels[n] == static_cast<int>(k) ? 1 : 0)) / kBatch;
      if (!passes(3, logit[k])) d = 0;
      clipped += passes(3, logit[k]) ? 0 : 1;
      db2[k] += d;
      for (std::size_t o = 0; o < 7; ++o) {
        dw2[k * 7 + o] += d * active[o];
        dactive[o] += d * w2[k * 7 + o];
      }
    }
    for (std::size_t o = 0; o < 7; ++o) {
      const double slope = hidden[o] <= -3 ? 0 : hidden[o] >= 3 ? 1 : hidden[o] / 3 + 0.5;
      const bool through = passes(2, swish[o]) && passes(1, raw[o]);
      clipped += passes(1, raw[o]) ? 0 : 1;
      const double d = through ? dactive[o] * slope : 0;
      db1[o] += d;
      for (std::size_t i = 0; i < 5; ++i) dw1[o * 5 + i] += d * in[i];
    }
  }
  EXPECT_GT(clipped, 5);
  const auto compare = [&](graph::NodeId id, graph::Role role,
                           const std::vector<double>& expected) {
    const auto offset = static_cast<std::size_t>(layout.find(id, role)->offset);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(gradients[offset + i], expected[i], 1e-6)
          << name_of(role) << " " << id << " " << i;
    }
  };
  compare(3, graph::Role::weight, dw2);
  compare(3, graph::Role::bias, db2);
  compare(1, graph::Role::weight, dw1);
  compare(1, graph::Role::bias, db1);
}

TEST(FineTuning, StopsAndFailsAsTrainingDoes) {
  const Trained& t = trained("ds_cnn");
  const graph::Network folded = compress::fold_batch_norm(t.network);
  const std::vector<compress::ValueRange> ranges =
      compress::calibrate(*t.stream, folded, t.data, {64}, kSeed);
  const auto run = [&](const TrainingSpec& spec, double rate, std::stop_token stop) {
    fine_tune(*t.stream, t.data, folded, ranges, spec, {1, rate}, kSeed, std::move(stop));
  };
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(run(training(), 0.01, source.get_token()), Interrupted);
  TrainingSpec large = training();
  large.batch = 1000;
  EXPECT_THROW(run(large, 0.01, {}), UsageError);
  TrainingSpec wild = training();
  wild.learning_rate = 1e30;
  EXPECT_THROW(run(wild, 1, {}), DivergedError);
  const graph::ParameterLayout layout(folded.graph);
  const auto quantization = quantization_by_node(folded, ranges);
  EXPECT_THROW(
      program::Program(folded.graph, layout,
                       {program::ProgramKind::training, 4, DType::bf16, 0, false, quantization}),
      UsageError);
  EXPECT_THROW(
      program::Program(folded.graph, layout,
                       {program::ProgramKind::training, 4, DType::f32, 0, true, quantization}),
      UsageError);
}

}  // namespace
}  // namespace paretiny::train
