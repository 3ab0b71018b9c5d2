// Small networks trained for a moment, shared by the tests of quantization.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/compress/int8_program.h"
#include "engine/models/model.h"
#include "engine/program/program.h"
#include "engine/train/trainer.h"
#include "kernels/core/random.h"
#include "kernels/core/threads.h"

namespace paretiny::test {

inline constexpr std::uint64_t kSeed = 7;

/// Images whose class is the place and colour of a bright square, in noise.
inline data::Samples make_samples(const Shape& sample, std::int64_t count, const char* purpose) {
  data::Samples samples{DType::f32, sample, {}, {}};
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

inline data::Dataset make_dataset(const Shape& sample) {
  data::Dataset data;
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
    set_thread_count(1);  // tensors too small to share out
    train::TrainingSpec training;
    training.epochs = 4;
    training.batch = 16;
    training.learning_rate = 0.05;
    training.precision = train::Precision::f32;
    const graph::Graph graph = models::build_model({model, sample, 4, width});
    network = train::train(*stream, data, graph, training, {}, kSeed).network;
  }

  /// Logits of the first `count` test samples.
  std::vector<float> logits(const graph::Network& of, std::int64_t count) const {
    const graph::ParameterLayout layout(of.graph);
    Buffer parameters(stream->device(), of.parameters.size() * sizeof(float));
    stream->upload(parameters.data(), of.parameters.data(), parameters.bytes());
    program::Program program(of.graph, layout,
                             {program::ProgramKind::inference, count, DType::f32, 0});
    program.bind(*stream, static_cast<float*>(parameters.data()), nullptr);
    data::BatchSource source(*stream, data, data.test);
    source.load(*stream, {}, 0, 0, program.input(), program.labels());
    program.forward(*stream);
    std::vector<float> result(static_cast<std::size_t>(program.logits().elements()));
    stream->download(result.data(), program.logits().data, program.logits().bytes());
    return result;
  }

  /// What the int8 network gives for the first `count` test samples, and the samples themselves.
  std::pair<std::vector<float>, std::vector<std::int8_t>> run(const compress::Int8Network& of,
                                                              std::int64_t count) const {
    const compress::Int8Program program(*stream, of, count);
    const Buffer labels(stream->device(), static_cast<std::size_t>(count) * 4);
    data::BatchSource source(*stream, data, data.test);
    source.load(*stream, {}, 0, 0, program.input(), labels.at(0, DType::i32, {1, 1, 1, count}));
    std::vector<float> samples(static_cast<std::size_t>(program.input().elements()));
    stream->download(samples.data(), program.input().data, program.input().bytes());
    program.run(*stream);
    std::vector<std::int8_t> output(program.output().bytes());
    stream->download(output.data(), program.output().data, output.size());
    return {samples, output};
  }

  std::unique_ptr<Stream> stream;
  data::ResidentDataset data;
  graph::Network network;
};

inline const Trained& trained(const std::string& model) {
  static std::map<std::string, std::unique_ptr<Trained>> all;
  std::unique_ptr<Trained>& one = all[model];
  if (!one) {
    const bool series = model == "series";
    one = std::make_unique<Trained>(series ? "mobilenet_v3" : model,
                                    series ? Shape{1, 1, 64, 6} : Shape{1, 16, 16, 3}, 0.25);
  }
  return *one;
}

/// The families of networks; "series" is the one-dimensional mobilenet_v3.
inline auto all_models() {
  return testing::Values("resnet8", "mobilenet_v3", "series", "ds_cnn");
}

}  // namespace paretiny::test
