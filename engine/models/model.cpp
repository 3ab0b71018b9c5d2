#include "engine/models/model.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/nearest.h"

namespace paretiny::models {
namespace {

struct Model {
  std::string name;
  graph::Graph (*build)(const ModelContext&);
  std::vector<ModelOption> options;
};

const std::vector<Model>& models() {
  static const std::vector<Model> list = {
      {"resnet18", resnet18, {{"blocks", 2, 1, 4, "residual blocks a stage"}}},
      {"resnet8", resnet8, {}},
      {"mobilenet_v3",
       mobilenet_v3,
       {{"blocks", 11, 1, 11, "inverted residual blocks, counted from the input"},
        {"squeeze_excite", 1, 0, 1, "1: squeeze-and-excite where MobileNetV3 has it"},
        {"stem_stride", 2, 1, 2, "stride of the first convolution"},
        {"head", 1024, 0, 4096, "hidden units of the classifier at full width; 0: none"}}},
      {"ds_cnn",
       ds_cnn,
       {{"blocks", 4, 1, 12, "depthwise separable blocks"},
        {"stem_height", 10, 1, 16, "kernel height of the first convolution"},
        {"stem_width", 4, 1, 16, "kernel width of the first convolution"},
        {"stem_stride", 2, 1, 4, "stride of the first convolution"}}},
  };
  return list;
}

const Model& model_named(const std::string& name) {
  for (const Model& model : models()) {
    if (model.name == name) return model;
  }
  throw UsageError("model '" + name + "' is not known" + suggestion(name, model_names()));
}

}  // namespace

std::int64_t scaled_channels(std::int64_t channels, double width) {
  const double quarter = static_cast<double>(channels) * width / 4;
  return std::max<std::int64_t>(4, 4 * std::llround(quarter));
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Model& model : models()) names.push_back(model.name);
  return names;
}

std::vector<ModelOption> model_options(const std::string& model) {
  return model_named(model).options;
}

graph::Graph build_model(const ModelSpec& spec) {
  const Model& model = model_named(spec.name);
  if (!(spec.width > 0 && spec.width <= 16)) {
    throw UsageError("model.width is " + std::to_string(spec.width) + "; it lies in (0, 16]");
  }
  if (spec.classes < 2) throw UsageError("a model needs at least two classes");
  ModelContext context{spec, {}};
  std::vector<std::string> known;
  for (const ModelOption& option : model.options) {
    context.options[option.name] = option.value;
    known.push_back(option.name);
  }
  for (const auto& [name, value] : spec.options) {
    const auto option = std::find(known.begin(), known.end(), name);
    if (option == known.end()) {
      throw UsageError("model '" + spec.name + "' has no option '" + name + "'" +
                       suggestion(name, known));
    }
    const ModelOption& range = model.options[static_cast<std::size_t>(option - known.begin())];
    if (!(value >= range.low && value <= range.high) || value != std::floor(value)) {
      throw UsageError("model." + name + " is " + std::to_string(value) +
                       "; it is a whole number from " + std::to_string(std::lround(range.low)) +
                       " to " + std::to_string(std::lround(range.high)));
    }
    context.options[name] = value;
  }
  return model.build(context);
}

}  // namespace paretiny::models
