// Folding, calibration and the int8 network: against the float network, and against a judge with
// its own integer arithmetic.
#include "engine/compress/quantize.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "engine/compress/fold_batch_norm.h"
#include "engine/models/model.h"
#include "engine/train/program.h"
#include "kernels/random.h"

namespace paretiny {
namespace {

constexpr std::uint64_t kSeed = 7;

/// Images whose class is the place and colour of a bright square, in noise.
Samples make_samples(const Shape& sample, std::int64_t count, const char* purpose) {
  Samples samples{DType::f32, sample, {}, {}};
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) {
    Random random(kSeed, purpose, static_cast<std::uint64_t>(i));
    const auto label = static_cast<std::int32_t>(random.below(4));
    samples.labels.push_back(label);
    for (std::int64_t h = 0; h < sample.h; ++h) {
      for (std::int64_t w = 0; w < sample.w; ++w) {
        for (std::int64_t c = 0; c < sample.c; ++c) {
          const bool bright = (w * 2 < sample.w) == (label % 2 == 0) && (c == 0) == (label < 2);
          values.push_back(static_cast<float>(random.normal() + (bright ? 1 : 0)));
        }
      }
    }
  }
  samples.values.resize(values.size() * sizeof(float));
  std::memcpy(samples.values.data(), values.data(), samples.values.size());
  return samples;
}

Dataset make_dataset(const Shape& sample) {
  Dataset data;
  data.name = "squares";
  data.classes = {"a", "b", "c", "d"};
  data.train = make_samples(sample, 480, "train");
  data.test = make_samples(sample, 270, "test");
  data.scale.assign(static_cast<std::size_t>(sample.c), 0.8f);
  data.shift.assign(static_cast<std::size_t>(sample.c), -0.1f);
  return data;
}

/// A network trained for a moment, with everything that the tests compare it through.
struct Trained {
  Trained(const std::string& model, const Shape& sample, double width)
      : stream(Stream::create({})), data(*stream, make_dataset(sample)) {
    omp_set_num_threads(1);  // tensors too small to share out
    TrainingSpec training;
    training.epochs = 4;
    training.batch = 16;
    training.learning_rate = 0.05;
    training.precision = Precision::f32;
    const Graph graph = build_model({model, sample, 4, width});
    network = train(*stream, data, graph, training, {}, kSeed).network;
  }

  /// Logits of the first `count` test samples.
  std::vector<float> logits(const Network& of, std::int64_t count) const {
    const ParameterLayout layout(of.graph);
    Buffer parameters(stream->device(), of.parameters.size() * sizeof(float));
    stream->upload(parameters.data(), of.parameters.data(), parameters.bytes());
    Program program(of.graph, layout, {ProgramKind::inference, count, DType::f32, 0});
    program.bind(*stream, static_cast<float*>(parameters.data()), nullptr);
    BatchSource source(*stream, data, data.test);
    source.load(*stream, {}, 0, 0, program.input(), program.labels());
    program.forward(*stream);
    std::vector<float> result(static_cast<std::size_t>(program.logits().elements()));
    stream->download(result.data(), program.logits().data, program.logits().bytes());
    return result;
  }

  /// What the int8 network gives for the first `count` test samples, and the samples themselves.
  std::pair<std::vector<float>, std::vector<std::int8_t>> run(const Int8Network& of,
                                                              std::int64_t count) const {
    const Int8Program program(*stream, of, count);
    const Buffer labels(stream->device(), static_cast<std::size_t>(count) * 4);
    BatchSource source(*stream, data, data.test);
    source.load(*stream, {}, 0, 0, program.input(), labels.at(0, DType::i32, {1, 1, 1, count}));
    std::vector<float> samples(static_cast<std::size_t>(program.input().elements()));
    stream->download(samples.data(), program.input().data, program.input().bytes());
    program.run(*stream);
    std::vector<std::int8_t> output(program.output().bytes());
    stream->download(output.data(), program.output().data, output.size());
    return {samples, output};
  }

  std::unique_ptr<Stream> stream;
  ResidentDataset data;
  Network network;
};

const Trained& trained(const std::string& model) {
  static std::map<std::string, std::unique_ptr<Trained>> all;
  std::unique_ptr<Trained>& one = all[model];
  if (!one) {
    const bool series = model == "series";
    one = std::make_unique<Trained>(series ? "mobilenet_v3" : model,
                                    series ? Shape{1, 1, 64, 6} : Shape{1, 16, 16, 3}, 0.25);
  }
  return *one;
}

class Int8Models : public testing::TestWithParam<const char*> {
 protected:
  const Trained& t = trained(GetParam());
};

TEST_P(Int8Models, FoldingKeepsTheFunction) {
  const Network folded = fold_batch_norm(t.network);
  for (const Node& node : folded.graph.nodes()) EXPECT_NE(node.op, OpKind::batch_norm) << node.name;
  EXPECT_EQ(macs(folded.graph), macs(t.network.graph));
  EXPECT_EQ(folded_parameter_count(folded.graph), folded_parameter_count(t.network.graph));
  const std::vector<float> before = t.logits(t.network, 20);
  const std::vector<float> after = t.logits(folded, 20);
  float largest = 0;
  for (const float logit : before) largest = std::max(largest, std::abs(logit));
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_NEAR(after[i], before[i], 1e-4f * largest) << i;
  }
}

/// Plain loops with the arithmetic written anew: exact fractions in 128 bits.
class Judge {
 public:
  explicit Judge(const Int8Network& network) : network_(network) {}

  std::vector<std::vector<int>> run(const float* sample) {
    __extension__ using Wide = __int128;
    static_assert(sizeof(Wide) == 16);
    values_.assign(network_.tensors.size(), {});
    const Quantization& q = network_.tensors[0].quantization;
    for (std::int64_t i = 0; i < network_.tensors[0].shape.elements(); ++i) {
      const double x = std::round(static_cast<double>(sample[i] / q.scale)) + q.zero_point;
      values_[0].push_back(static_cast<int>(std::min(std::max(x, -128.0), 127.0)));
    }
    for (const Int8Step& step : network_.steps) {
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
  static int limit(std::int64_t v, const Int8Range& range) {
    return static_cast<int>(
        std::min<std::int64_t>(std::max<std::int64_t>(v, range.low), range.high));
  }

  template <class Tap>
  std::int64_t over_window(const Window& window, std::int64_t oy, std::int64_t ox,
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
  int finish(const Int8Layer& op, std::int64_t sum, std::size_t o) const {
    return limit(rescale(sum + op.bias[o], op.multipliers[o], op.shifts[o]) +
                     op.parameters.output_zero_point,
                 op.parameters.range);
  }

  void operator()(const Int8Conv& op) {
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
  void operator()(const Int8Depthwise& op) {
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
  void operator()(const Int8FullyConnected& op) {
    each_output([&](std::int64_t, std::int64_t, std::size_t o) {
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < x().size(); ++i) {
        sum += std::int64_t{op.weights[o * x().size() + i]} *
               (x()[i] - op.parameters.input_zero_point);
      }
      return finish(op, sum, o);
    });
  }
  void operator()(const Int8Add& op) {
    const Int8AddParameters& p = op.parameters;
    for (std::size_t i = 0; i < x().size(); ++i) {
      const std::int64_t a = rescale((x(0)[i] - p.zero_point1) * std::int64_t{1 << 20},
                                     p.input1.multiplier, p.input1.shift);
      const std::int64_t b = rescale((x(1)[i] - p.zero_point2) * std::int64_t{1 << 20},
                                     p.input2.multiplier, p.input2.shift);
      y().push_back(limit(rescale(a + b, p.output.multiplier, p.output.shift) + p.output_zero_point,
                          p.range));
    }
  }
  void operator()(const Int8Mul& op) {
    const Int8MulParameters& p = op.parameters;
    for (std::size_t i = 0; i < x().size(); ++i) {
      const std::int64_t product =
          (x(0)[i] - p.zero_point1) * (x(1)[i % x(1).size()] - p.zero_point2);
      y().push_back(limit(
          rescale(product, p.output.multiplier, p.output.shift) + p.output_zero_point, p.range));
    }
  }
  void operator()(const Int8Lookup& op) {
    for (const int q : x()) y().push_back(op.table[static_cast<std::size_t>(q + 128)]);
  }
  void operator()(const Int8MaxPool& op) {
    each_output([&](std::int64_t oy, std::int64_t ox, std::size_t o) {
      int best = -128;
      over_window(op.window, oy, ox, [&](std::size_t pixel, std::size_t) {
        best = std::max(best, x()[pixel * static_cast<std::size_t>(in().c) + o]);
      });
      return best;
    });
  }
  void operator()(const Int8AveragePool& op) {
    each_output([&](std::int64_t oy, std::int64_t ox, std::size_t o) {
      double sum = 0;
      const auto cells = over_window(op.window, oy, ox, [&](std::size_t pixel, std::size_t) {
        sum += x()[pixel * static_cast<std::size_t>(in().c) + o];
      });
      return static_cast<int>(std::lround(sum / static_cast<double>(cells)));
    });
  }
  void operator()(const Int8Mean& op) {
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

  const Int8Network& network_;
  const Int8Step* step_ = nullptr;
  std::vector<std::vector<int>> values_;
};

TEST_P(Int8Models, EveryStepMatchesTheJudge) {
  const Int8Network network = quantize(*t.stream, t.network, t.data, {}, kSeed);
  constexpr std::int64_t count = 3;
  const std::vector<float> samples = t.run(network, count).first;
  std::vector<std::vector<std::vector<int>>> judged;
  Judge judge(network);
  for (std::int64_t i = 0; i < count; ++i) {
    judged.push_back(judge.run(samples.data() + i * network.input().shape.elements()));
  }
  // The network cut after each step gives that step's output.
  for (std::size_t steps = 1; steps <= network.steps.size(); ++steps) {
    Int8Network part = network;
    part.steps.resize(steps);
    const std::vector<std::int8_t> got = t.run(part, count).second;
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
  const std::vector<float> real = t.logits(t.network, count);
  for (const RangeMethod method : {RangeMethod::min_max, RangeMethod::percentile}) {
    const Int8Network network = quantize(*t.stream, t.network, t.data, {256, method}, kSeed);
    const std::vector<std::int8_t> got = t.run(network, count).second;
    const Quantization q = network.output().quantization;
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
  const Int8Network network = quantize(*t.stream, t.network, t.data, {}, kSeed);
  const double accuracy = int8_accuracy(*t.stream, network, t.data, t.data.test);
  const std::vector<std::int8_t> logits = t.run(network, t.data.test.size).second;
  const std::vector<std::int32_t> labels = make_dataset(t.data.test.sample).test.labels;
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
  EXPECT_NEAR(accuracy, evaluate(*t.stream, t.network, t.data, t.data.test).accuracy, 0.03);
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
  const auto first = flat(quantize(*t.stream, t.network, t.data, spec, 1));
  EXPECT_EQ(flat(quantize(*t.stream, t.network, t.data, spec, 1)), first);
  EXPECT_NE(flat(quantize(*t.stream, t.network, t.data, spec, 2)), first);
}

INSTANTIATE_TEST_SUITE_P(All, Int8Models,
                         testing::Values("resnet8", "mobilenet_v3", "series", "ds_cnn"));

TEST(Quantize, ActivationsJoinTheLayerBeforeThem) {
  Graph graph;
  NodeId x = graph.input({1, 4, 4, 2});
  x = graph.conv("conv", x, 4, {}, true);
  x = graph.activation("relu", x, Activation::relu);
  const NodeId swish = graph.activation("swish", x, Activation::hard_swish);
  x = graph.add("add", x, swish);
  x = graph.activation("relu6", x, Activation::relu6);
  x = graph.max_pool("pool", x, {2, 2, 2, 2});
  x = graph.activation("late", x, Activation::relu6);
  graph.fully_connected("classifier", x, 3);
  const ParameterLayout layout(graph);
  const Network network{graph, initial_parameters(graph, layout, 1)};
  std::vector<ValueRange> ranges(static_cast<std::size_t>(graph.size()), {-4, 8});
  ranges[5] = {0, 6};
  const Int8Network int8 = quantize(network, ranges);
  std::vector<std::string> names;
  for (const Int8Step& step : int8.steps) names.push_back(step.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"conv", "swish", "add", "pool", "late", "classifier"}));
  EXPECT_EQ(int8.tensors[1].name, "relu");
  EXPECT_EQ(std::get<Int8Conv>(int8.steps[0].operation).parameters.range,
            (Int8Range{int8.tensors[1].quantization.zero_point, 127}));
  EXPECT_EQ(int8.steps[2].inputs, (std::vector<int>{1, 2}));
  EXPECT_EQ(std::get<Int8Add>(int8.steps[2].operation).parameters.range, (Int8Range{-128, 127}));
  EXPECT_EQ(int8.tensors[4].quantization, int8.tensors[3].quantization) << "pools keep the scale";
  EXPECT_EQ(std::get<Int8FullyConnected>(int8.steps[5].operation).weights_shape,
            (Shape{3, 1, 1, 16}));
  for (const std::int8_t w : std::get<Int8Conv>(int8.steps[0].operation).weights) {
    EXPECT_GE(w, -127);
  }
}

TEST(Quantize, DeadChannelsKeepTheirBias) {
  Graph graph;
  graph.fully_connected("classifier", graph.input({1, 1, 1, 4}), 3);
  const ParameterLayout layout(graph);
  Network network{graph, std::vector<float>(static_cast<std::size_t>(layout.total()))};
  network.parameters[static_cast<std::size_t>(layout.find(1, Role::bias)->offset)] = 5;
  network.parameters[static_cast<std::size_t>(layout.find(1, Role::bias)->offset) + 1] = -5;
  const Int8Network int8 = quantize(network, {{-1, 1}, {-5, 5}});
  const auto stream = Stream::create({});
  const Int8Program program(*stream, int8, 1);
  stream->zero(program.input().data, program.input().bytes());
  program.run(*stream);
  const Quantization q = int8.output().quantization;
  const auto* logits = program.output().as<std::int8_t>();
  EXPECT_NEAR(q.scale * static_cast<float>(logits[0] - q.zero_point), 5, q.scale);
  EXPECT_NEAR(q.scale * static_cast<float>(logits[1] - q.zero_point), -5, q.scale);
  EXPECT_EQ(logits[2], q.zero_point);
}

TEST(Quantize, ZeroIsExactAndRangesAreCovered) {
  Random random(kSeed, "ranges");
  for (int i = 0; i < 1000; ++i) {
    const auto a = static_cast<float>(random.uniform(-10, 10));
    const auto b = static_cast<float>(random.uniform(-10, 10));
    const ValueRange range{std::min(a, b), std::max(a, b)};
    const Quantization q = quantization_of(range);
    EXPECT_GE(q.zero_point, -128);
    EXPECT_LE(q.zero_point, 127);
    EXPECT_LE(q.scale * static_cast<float>(-128 - q.zero_point),
              std::min(range.low, 0.0f) + 0.51f * q.scale);
    EXPECT_GE(q.scale * static_cast<float>(127 - q.zero_point),
              std::max(range.high, 0.0f) - 0.51f * q.scale);
  }
  EXPECT_EQ(quantization_of({0, 0}), (Quantization{1.0f / 255, -128}));
}

TEST(Quantize, TablesStandAnyRange) {
  for (const float high : {0.0f, 1e-3f, 1.0f, 1e3f}) {
    for (const float low : {0.0f, -1e-3f, -3.0f, -1e3f}) {
      Graph graph;
      NodeId x = graph.input({1, 1, 1, 4});
      x = graph.activation("swish", x, Activation::hard_swish);
      x = graph.activation("gate", x, Activation::hard_sigmoid);
      graph.fully_connected("classifier", x, 2);
      const ParameterLayout layout(graph);
      const Network network{graph, initial_parameters(graph, layout, 1)};
      EXPECT_NO_THROW(quantize(network, {{low, high}, {}, {}, {-1, 1}})) << low << " " << high;
    }
  }
}

TEST(Quantize, BadInputIsNamed) {
  const auto message = [](const auto& run) -> std::string {
    try {
      run();
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  const Trained& t = trained("ds_cnn");
  const auto contains = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_TRUE(contains(message([&] { quantize(*t.stream, t.network, t.data, {0}, 1); }),
                       "at least one sample"));
  EXPECT_TRUE(
      contains(message([&] {
                 quantize(*t.stream, t.network, t.data, {10, RangeMethod::percentile, 101}, 1);
               }),
               "at most 100"));
  Network broken = t.network;
  broken.parameters[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(contains(message([&] { quantize(*t.stream, broken, t.data, {}, 1); }), "not finite"));
  Graph graph;
  NodeId x = graph.input({1, 1, 1, 4});
  x = graph.batch_norm("lonely", x);
  graph.fully_connected("classifier", x, 2);
  EXPECT_TRUE(contains(message([&] {
                         fold_batch_norm({graph, std::vector<float>(static_cast<std::size_t>(
                                                     ParameterLayout(graph).total()))});
                       }),
                       "lonely"));
  const Int8Network int8 = quantize(*t.stream, t.network, t.data, {64}, 1);
  EXPECT_TRUE(contains(message([&] { int8_accuracy(*t.stream, int8, t.data, t.data.validation); }),
                       "no samples"));
}

}  // namespace
}  // namespace paretiny
