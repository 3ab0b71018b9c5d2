// The int8 network of each family: against a judge with its own integer arithmetic, and against the
// float network it was made from.
#include "engine/compress/int8_network.h"

#include <cmath>

#include "engine/compress/quantize.h"
#include "engine/train/evaluate.h"
#include "tests/engine/compress/int8_judge.h"
#include "tests/engine/compress/trained_networks.h"

namespace paretiny::compress {
namespace {

using namespace test;

class Int8Models : public testing::TestWithParam<const char*> {
 protected:
  const Trained& t_ = trained(GetParam());
};

TEST_P(Int8Models, EveryStepMatchesTheJudge) {
  const Int8Network network = quantize(*t_.stream, t_.network, t_.data, {}, kSeed);
  constexpr std::int64_t count = 3;
  const std::vector<float> samples = t_.run(network, count).first;
  std::vector<std::vector<std::vector<int>>> judged;
  Judge judge(network);
  for (std::int64_t i = 0; i < count; ++i) {
    judged.push_back(judge.run(samples.data() + i * network.input().shape.elements()));
  }
  // The network cut after each step gives that step's output.
  for (std::size_t steps = 1; steps <= network.steps.size(); ++steps) {
    Int8Network part = network;
    part.steps.resize(steps);
    const std::vector<std::int8_t> got = t_.run(part, count).second;
    std::vector<std::int8_t> wanted;
    for (const auto& values : judged) {
      const auto& output = values[static_cast<std::size_t>(part.steps.back().output)];
      wanted.insert(wanted.end(), output.begin(), output.end());
    }
    ASSERT_EQ(got, wanted) << part.steps.back().name;
  }
}

TEST_P(Int8Models, LogitsAreCloseToFloat) {
  constexpr std::int64_t count = 200;
  const std::vector<float> real = t_.logits(t_.network, count);
  for (const RangeMethod method : {RangeMethod::min_max, RangeMethod::percentile}) {
    const Int8Network network = quantize(*t_.stream, t_.network, t_.data, {256, method}, kSeed);
    const std::vector<std::int8_t> got = t_.run(network, count).second;
    const int8::Quantization q = network.output().quantization;
    ASSERT_EQ(got.size(), real.size());
    double error = 0;
    double size = 0;
    for (std::size_t i = 0; i < real.size(); ++i) {
      const double value = double{q.scale} * (got[i] - q.zero_point);
      error += std::pow(value - double{real[i]}, 2);
      size += std::pow(double{real[i]}, 2);
    }
    EXPECT_LT(std::sqrt(error / size), 0.15) << "relative error of the logits";
  }
}

TEST_P(Int8Models, AccuracyIsThatOfTheLogitsAndNearFloat) {
  const Int8Network network = quantize(*t_.stream, t_.network, t_.data, {}, kSeed);
  const double accuracy = train::int8_accuracy(*t_.stream, network, t_.data, t_.data.test);
  const std::vector<std::int8_t> logits = t_.run(network, t_.data.test.size).second;
  const std::vector<std::int32_t> labels = make_dataset(t_.data.test.sample).test.labels;
  std::int64_t correct = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    int best = 0;
    for (int c = 1; c < 4; ++c) {
      if (logits[4 * i + static_cast<std::size_t>(c)] >
          logits[4 * i + static_cast<std::size_t>(best)]) {
        best = c;
      }
    }
    correct += best == labels[i] ? 1 : 0;
  }
  EXPECT_EQ(accuracy, static_cast<double>(correct) / static_cast<double>(labels.size()));
  EXPECT_NEAR(accuracy, train::evaluate(*t_.stream, t_.network, t_.data, t_.data.test).accuracy,
              0.03);
  EXPECT_GT(accuracy, 0.6) << "a network that learnt nothing proves nothing";
}

TEST_P(Int8Models, SameSeedSameNetwork) {
  const auto flat = [](const Int8Network& network) {
    std::vector<double> all;
    for (const Int8Tensor& tensor : network.tensors) {
      all.push_back(double{tensor.quantization.scale});
      all.push_back(tensor.quantization.zero_point);
    }
    return all;
  };
  const CalibrationSpec spec{128, RangeMethod::min_max};
  const auto first = flat(quantize(*t_.stream, t_.network, t_.data, spec, 1));
  EXPECT_EQ(flat(quantize(*t_.stream, t_.network, t_.data, spec, 1)), first);
  EXPECT_NE(flat(quantize(*t_.stream, t_.network, t_.data, spec, 2)), first);
}

INSTANTIATE_TEST_SUITE_P(All, Int8Models, all_models());

}  // namespace
}  // namespace paretiny::compress
