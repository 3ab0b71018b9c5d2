#include "engine/deploy/formats/int8_network_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "engine/compress/int8_limits.h"
#include "engine/graph/graph.h"

namespace paretiny::deploy {
namespace {

using nlohmann::json;

/// Tensors and weights are what a machine can address.
constexpr std::int64_t kMostElements = 1 << 28;

[[noreturn]] void refuse(const std::string& what) {
  throw DataError(what);
}

void require(bool holds, const char* what) {
  if (!holds) refuse(what);
}

// --- Writing ------------------------------------------------------------------------------------

template <class T>
json binary(const std::vector<T>& values) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
  return json::binary({bytes, bytes + values.size() * sizeof(T)});
}

json window_form(const nn::Window& w) {
  return {w.kernel_h, w.kernel_w, w.stride_h, w.stride_w, w.top, w.left, w.bottom, w.right};
}

json range_form(const int8::Int8Range& range) {
  return {range.low, range.high};
}

json layer_form(const char* op, const compress::Int8Layer& layer) {
  return {{"op", op},
          {"window", window_form(layer.window)},
          {"range", range_form(layer.parameters.range)},
          {"channels", layer.bias.size()},
          {"weights", binary(layer.weights)},
          {"scales", binary(layer.weight_scales)},
          {"bias", binary(layer.bias)}};
}

struct Writer {
  json operator()(const compress::Int8Conv& op) const { return layer_form("conv", op); }
  json operator()(const compress::Int8Depthwise& op) const { return layer_form("depthwise", op); }
  json operator()(const compress::Int8FullyConnected& op) const {
    return layer_form("fully_connected", op);
  }
  json operator()(const compress::Int8Add& op) const {
    return {{"op", "add"}, {"range", range_form(op.parameters.range)}};
  }
  json operator()(const compress::Int8Mul& op) const {
    return {{"op", "mul"}, {"range", range_form(op.parameters.range)}};
  }
  json operator()(const compress::Int8Lookup& op) const {
    return {{"op", "lookup"}, {"activation", name_of(op.activation)}};
  }
  json operator()(const compress::Int8MaxPool& op) const {
    return {{"op", "max_pool"}, {"window", window_form(op.window)}};
  }
  json operator()(const compress::Int8AveragePool& op) const {
    return {{"op", "average_pool"}, {"window", window_form(op.window)}};
  }
  json operator()(const compress::Int8Mean&) const { return {{"op", "mean"}}; }
};

// --- Reading ------------------------------------------------------------------------------------

template <class T>
std::vector<T> values_of(const json& form, std::int64_t count, const char* what) {
  const auto& bytes = form.get_binary();
  require(count >= 0 && bytes.size() == static_cast<std::size_t>(count) * sizeof(T), what);
  std::vector<T> values(static_cast<std::size_t>(count));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::uint8_t*>(values.data()));
  return values;
}

int8::Int8Range range_of(const json& form) {
  const int8::Int8Range range{form.at(0), form.at(1)};
  require(-128 <= range.low && range.low <= range.high && range.high <= 127,
          "its bounds are not within -128 .. 127");
  return range;
}

nn::Window window_of(const json& form, const Shape& in) {
  const nn::Window w{form.at(0), form.at(1), form.at(2), form.at(3),
                     form.at(4), form.at(5), form.at(6), form.at(7)};
  for (const std::int64_t extent : {w.kernel_h, w.kernel_w, w.top, w.left, w.bottom, w.right}) {
    require(extent >= 0 && extent <= graph::kMostExtent, "its window is out of range");
  }
  require(w.valid(in.h, in.w) && w.stride_h <= 255 && w.stride_w <= 255 && w.top <= 255 &&
              w.left <= 255 && w.top < w.kernel_h && w.left < w.kernel_w && w.bottom < w.kernel_h &&
              w.right < w.kernel_w,
          "its window does not fit its input");
  return w;
}

class Reader {
 public:
  explicit Reader(const json& form) {
    const json& tensors = form.at("tensors");
    const json& steps = form.at("steps");
    require(steps.is_array() && !steps.empty(), "it has no steps");
    require(tensors.is_array() && tensors.size() == steps.size() + 1,
            "it has not one tensor more than steps");
    const auto& shape = form.at("input");
    tensor(tensors.at(0), {1, shape.at(0), shape.at(1), shape.at(2)});
    for (std::size_t i = 0; i < steps.size(); ++i) {
      step_ = {};
      step_.name = steps[i].at("name");
      step_.output = static_cast<int>(i) + 1;
      try {
        const auto inputs = steps[i].at("inputs").get<std::vector<std::int64_t>>();
        for (const std::int64_t input : inputs) {
          require(input >= 0 && input <= static_cast<std::int64_t>(i),
                  "it reads a tensor that is not there yet");
          step_.inputs.push_back(static_cast<int>(input));
        }
        require(!inputs.empty(), "it reads nothing");
        read(steps[i], tensors[i + 1]);
      } catch (const json::exception& error) {
        refuse("step " + std::to_string(i) + ": " + error.what());
      } catch (const Error& error) {
        refuse("step " + std::to_string(i) + ", " + step_.name + ": " + error.what());
      }
      result_.steps.push_back(std::move(step_));
    }
  }

  compress::Int8Network result() { return std::move(result_); }

 private:
  void tensor(const json& form, const Shape& shape) {
    for (const std::int64_t extent : {shape.h, shape.w, shape.c}) {
      require(extent >= 1 && extent <= graph::kMostExtent, "a tensor's extent is out of range");
    }
    require(shape.h * shape.w <= kMostElements / shape.c, "a tensor is too large");
    const double scale = form.at("scale");
    const std::int64_t zero_point = form.at("zero_point");
    compress::check_scale(scale, "a tensor's");
    require(-128 <= zero_point && zero_point <= 127, "a tensor's zero point is out of range");
    result_.tensors.push_back({form.at("name"),
                               shape,
                               {static_cast<float>(scale), static_cast<std::int32_t>(zero_point)}});
  }

  const compress::Int8Tensor& in(std::size_t i = 0) const {
    require(i < step_.inputs.size(), "it reads too few tensors");
    return result_.tensors[static_cast<std::size_t>(step_.inputs[i])];
  }
  const int8::Quantization& out() const { return result_.tensors.back().quantization; }

  void read(const json& form, const json& output) {
    const std::string op = form.at("op");
    const Shape x = in().shape;
    const auto reads = [&](std::size_t count) {
      require(step_.inputs.size() == count, "it reads a wrong number of tensors");
    };
    reads(op == "add" || op == "mul" ? 2 : 1);
    if (op == "conv") {
      layer(form, output, compress::Int8Conv{});
    } else if (op == "depthwise") {
      layer(form, output, compress::Int8Depthwise{});
    } else if (op == "fully_connected") {
      layer(form, output, compress::Int8FullyConnected{});
    } else if (op == "add") {
      require(in(1).shape == x, "its inputs differ in shape");
      tensor(output, x);
      compress::check_add_ratio(in(0).quantization, in(1).quantization, out());
      compress::Int8Add add{int8::add_parameters(in(0).quantization, in(1).quantization, out())};
      add.parameters.range = range_of(form.at("range"));
      step_.operation = add;
    } else if (op == "mul") {
      require(in(1).shape == Shape{1, 1, 1, x.c}, "its gate has not one value a channel");
      tensor(output, x);
      compress::check_mul_ratio(in(0).quantization, in(1).quantization, out());
      compress::Int8Mul mul{int8::mul_parameters(in(0).quantization, in(1).quantization, out())};
      mul.parameters.range = range_of(form.at("range"));
      step_.operation = mul;
    } else if (op == "lookup") {
      tensor(output, x);
      step_.operation = lookup(form.at("activation"));
    } else if (op == "max_pool" || op == "average_pool") {
      const nn::Window window = window_of(form.at("window"), x);
      tensor(output, {1, window.out_h(x.h), window.out_w(x.w), x.c});
      if (op == "max_pool") {
        step_.operation = compress::Int8MaxPool{window};
      } else {
        step_.operation = compress::Int8AveragePool{window};
      }
    } else if (op == "mean") {
      tensor(output, {1, 1, 1, x.c});
      compress::check_ratio(in().quantization.scale, out().scale);
      require(x.h * x.w <= (1 << 22), "it takes the mean of too many pixels");
      step_.operation =
          compress::Int8Mean{int8::mean_parameters(in().quantization, out(), x.h * x.w)};
    } else {
      refuse("'" + op + "' is no operator");
    }
  }

  compress::Int8Lookup lookup(const std::string& name) const {
    const int8::Quantization& x = in().quantization;
    compress::check_ratio(x.scale, out().scale);
    if (name == name_of(nn::Activation::none)) {
      return {nn::Activation::none, int8::requantize_table(x, out())};
    }
    for (const nn::Activation activation : {nn::Activation::relu, nn::Activation::relu6}) {
      if (name == name_of(activation)) {
        return {activation, int8::relu_table(activation, x, out())};
      }
    }
    if (name == name_of(nn::Activation::hard_swish)) {
      return {nn::Activation::hard_swish, int8::hard_swish_table(x, out())};
    }
    require(name == name_of(nn::Activation::hard_sigmoid), "its activation is not known");
    return {nn::Activation::hard_sigmoid, int8::hard_sigmoid_table(x, out())};
  }

  template <class Operation>
  void layer(const json& form, const json& output, Operation op) {
    constexpr bool depthwise = std::is_same_v<Operation, compress::Int8Depthwise>;
    constexpr bool flat = std::is_same_v<Operation, compress::Int8FullyConnected>;
    const Shape x = in().shape;
    const std::int64_t channels = form.at("channels");
    require(channels >= 1 && channels <= graph::kMostExtent && (!depthwise || channels == x.c),
            "its number of channels is out of range");
    if (!flat) op.window = window_of(form.at("window"), x);
    const nn::Window& w = op.window;
    op.weights_shape = depthwise ? Shape{1, w.kernel_h, w.kernel_w, x.c}
                       : flat    ? Shape{channels, 1, 1, x.elements()}
                                 : Shape{channels, w.kernel_h, w.kernel_w, x.c};
    const Shape one = {1, op.weights_shape.h, op.weights_shape.w, op.weights_shape.c};
    require(one.elements() <= kMostElements / op.weights_shape.n, "it has too many weights");
    op.weights = values_of<std::int8_t>(form.at("weights"), op.weights_shape.elements(),
                                        "its weights are not as many as its shape says");
    op.weight_scales = values_of<float>(form.at("scales"), channels, "its scales are incomplete");
    op.bias = values_of<std::int32_t>(form.at("bias"), channels, "its bias is incomplete");
    tensor(output,
           flat ? Shape{1, 1, 1, channels} : Shape{1, w.out_h(x.h), w.out_w(x.w), channels});
    const int8::Quantization& y = out();
    op.parameters = {in().quantization.zero_point, y.zero_point, range_of(form.at("range"))};
    for (std::int64_t c = 0; c < channels; ++c) {
      const float scale = op.weight_scales[static_cast<std::size_t>(c)];
      compress::check_scale(scale, "a weight's");
      compress::check_ratio(double{in().quantization.scale} * double{scale}, y.scale);
      const int8::QuantizedMultiplier m =
          int8::layer_multiplier(in().quantization.scale, scale, y.scale);
      op.multipliers.push_back(m.multiplier);
      op.shifts.push_back(m.shift);
      check_sum(op, c, depthwise);
    }
    step_.operation = std::move(op);
  }

  static void check_sum(const compress::Int8Layer& op, std::int64_t channel, bool depthwise) {
    const auto channels = static_cast<std::int64_t>(op.bias.size());
    const std::int64_t taps = static_cast<std::int64_t>(op.weights.size()) / channels;
    const std::int8_t* const first = op.weights.data() + (depthwise ? channel : channel * taps);
    const std::int64_t stride = depthwise ? channels : 1;
    for (std::int64_t i = 0; i < taps; ++i) require(first[i * stride] != -128, "a weight is -128");
    require(compress::sum_fits(first, taps, stride, op.bias[static_cast<std::size_t>(channel)]),
            "its sums could leave 32 bits");
  }

  compress::Int8Network result_;
  compress::Int8Step step_;
};

}  // namespace

json to_json(const compress::Int8Network& network) {
  const Shape& in = network.input().shape;
  json form = {{"input", {in.h, in.w, in.c}}, {"tensors", json::array()}, {"steps", json::array()}};
  for (const compress::Int8Tensor& tensor : network.tensors) {
    form["tensors"].push_back({{"name", tensor.name},
                               {"scale", double{tensor.quantization.scale}},
                               {"zero_point", tensor.quantization.zero_point}});
  }
  for (const compress::Int8Step& step : network.steps) {
    json entry = std::visit(Writer{}, step.operation);
    entry["name"] = step.name;
    entry["inputs"] = step.inputs;
    form["steps"].push_back(std::move(entry));
  }
  return form;
}

compress::Int8Network int8_network_from_json(const json& form) {
  return Reader(form).result();
}

}  // namespace paretiny::deploy
