// Networks by name: functions from a spec to a Graph.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/graph/graph.h"

namespace paretiny::models {

/// The [model] table of an experiment.
struct ModelSpec {
  std::string name{};  ///< resnet18 | resnet8 | mobilenet_v3 | ds_cnn
  Shape input{};       ///< of one sample, n = 1; h = 1 for a time series
  std::int64_t classes = 0;
  double width = 1;                         ///< multiplies every layer's channels
  std::map<std::string, double> options{};  ///< the model's own keys, see model_options
};

/// Builds the named network. Throws UsageError for an unknown name or option (naming the nearest),
/// a value out of range, or an input too small for the network.
graph::Graph build_model(const ModelSpec& spec);

std::vector<std::string> model_names();

/// A model's own options.
struct ModelOption {
  std::string name;
  double value;      ///< default
  double low, high;  ///< inclusive
  std::string text;  ///< what it is, for help and errors
};
std::vector<ModelOption> model_options(const std::string& model);

/// `channels` times `width`, rounded to a multiple of 4, at least 4.
std::int64_t scaled_channels(std::int64_t channels, double width);

// One function a family. `option(name)` gives an option's value.
struct ModelContext {
  const ModelSpec& spec;
  std::map<std::string, double> options;  ///< complete: defaults filled in

  std::int64_t channels(std::int64_t full) const { return scaled_channels(full, spec.width); }
  std::int64_t integer(const std::string& name) const {
    return static_cast<std::int64_t>(options.at(name));
  }
};

/// ResNet-18 in CIFAR form with three stages of 48, 96, 192 channels (about 1.56 M parameters).
/// He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR 2016.
graph::Graph resnet18(const ModelContext& context);

/// MLPerf Tiny's ResNet-8: 77,706 parameters and 12.50 M MACs on CIFAR-10.
/// Banbury et al.: MLPerf Tiny benchmark, NeurIPS 2021.
graph::Graph resnet8(const ModelContext& context);

/// MobileNetV3-Small; 1 x k kernels and wider layers for a time series (2.3 M parameters on
/// 24 x 1024). Howard et al.: Searching for MobileNetV3, ICCV 2019.
graph::Graph mobilenet_v3(const ModelContext& context);

/// MLPerf Tiny's DS-CNN: 22,604 parameters and 2.66 M MACs on 49 x 10.
/// Zhang, Suda, Lai, Chandra: Hello Edge, 2017.
graph::Graph ds_cnn(const ModelContext& context);

}  // namespace paretiny::models
