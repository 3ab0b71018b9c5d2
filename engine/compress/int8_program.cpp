#include "engine/compress/int8_program.h"

#include "engine/graph/memory_plan.h"
#include "kernels/int8/int8.h"

namespace paretiny::compress {
namespace {

Shape batched(Shape sample, std::int64_t batch) {
  sample.n = batch;
  return sample;
}

/// Constants collected on the host, then uploaded as one block.
class Constants {
 public:
  template <class T>
  std::size_t add(const T* values, std::size_t count) {
    const std::size_t offset = bytes_.size();
    const auto* begin = reinterpret_cast<const std::byte*>(values);
    bytes_.insert(bytes_.end(), begin, begin + count * sizeof(T));
    bytes_.resize(aligned(bytes_.size()));
    return offset;
  }
  Buffer upload(Stream& stream) const {
    Buffer buffer(stream.device(), bytes_.size());
    stream.upload(buffer.data(), bytes_.data(), bytes_.size());
    return buffer;
  }

 private:
  std::vector<std::byte> bytes_;
};

/// Where a step's constants lie in the block.
struct StepConstants {
  std::size_t weights = 0, bias = 0, multipliers = 0, shifts = 0;  ///< table: `weights`
};

StepConstants collect(Constants& constants, const Int8Operation& operation) {
  StepConstants at;
  const auto layer = [&](const Int8Layer& l) {
    at.weights = constants.add(l.weights.data(), l.weights.size());
    at.bias = constants.add(l.bias.data(), l.bias.size());
    at.multipliers = constants.add(l.multipliers.data(), l.multipliers.size());
    at.shifts = constants.add(l.shifts.data(), l.shifts.size());
  };
  std::visit(
      [&](const auto& op) {
        using Op = std::decay_t<decltype(op)>;
        if constexpr (std::is_base_of_v<Int8Layer, Op>) {
          layer(op);
        } else if constexpr (std::is_same_v<Op, Int8Lookup>) {
          at.weights = constants.add(op.table.data(), op.table.size());
        }
      },
      operation);
  return at;
}

/// Makes a step's kernel call over views that stay valid as long as the program.
class Binder {
 public:
  using Call = std::function<void(Stream&)>;

  Binder(const Buffer& constants, const StepConstants& at, std::vector<View> inputs, View output)
      : constants_(constants), at_(at), inputs_(std::move(inputs)), y_(output) {}

  Call operator()(const Int8Conv& op) const {
    return layer(int8::int8_conv, nn::ConvShape{x().shape, y_.shape.c, op.window}, op);
  }
  Call operator()(const Int8Depthwise& op) const {
    return layer(int8::int8_depthwise, nn::DepthwiseShape{x().shape, op.window}, op);
  }
  Call operator()(const Int8FullyConnected& op) const {
    return layer(int8::int8_fully_connected, nn::FullyConnectedShape{x().shape, y_.shape.c}, op);
  }
  Call operator()(const Int8Add& op) const {
    return [p = op.parameters, a = x(), b = inputs_[1], y = y_](Stream& s) {
      int8::int8_add(s, p, a, b, y);
    };
  }
  Call operator()(const Int8Mul& op) const {
    return [p = op.parameters, a = x(), b = inputs_[1], y = y_](Stream& s) {
      int8::int8_mul(s, p, a, b, y);
    };
  }
  Call operator()(const Int8Lookup&) const {
    return [x = x(), table = constant(at_.weights, DType::i8, {1, 1, 1, 256}), y = y_](Stream& s) {
      int8::int8_lookup(s, x, table, y);
    };
  }
  Call operator()(const Int8MaxPool& op) const { return pool(int8::int8_max_pool, op.window); }
  Call operator()(const Int8AveragePool& op) const {
    return pool(int8::int8_average_pool, op.window);
  }
  Call operator()(const Int8Mean& op) const {
    return [p = op.parameters, x = x(), y = y_](Stream& s) { int8::int8_mean(s, p, x, y); };
  }

 private:
  View x() const { return inputs_.front(); }
  View constant(std::size_t offset, DType dtype, const Shape& shape) const {
    return constants_.at(offset, dtype, shape);
  }
  template <class OpShape>
  Call layer(void (*run)(Stream&, const OpShape&, const int8::Int8LayerParameters&,
                         const int8::Int8LayerTensors&),
             const OpShape& shape, const Int8Layer& op) const {
    const Shape channels{1, 1, 1, y_.shape.c};
    const int8::Int8LayerTensors tensors{
        .x = x(),
        .w = constant(at_.weights, DType::i8, op.weights_shape),
        .b = constant(at_.bias, DType::i32, channels),
        .multipliers = constant(at_.multipliers, DType::i32, channels),
        .shifts = constant(at_.shifts, DType::i32, channels),
        .y = y_};
    return [=, p = op.parameters](Stream& s) { run(s, shape, p, tensors); };
  }
  Call pool(void (*run)(Stream&, const nn::PoolShape&, const int8::Int8Range&, ConstView, View),
            const nn::Window& window) const {
    return [=, shape = nn::PoolShape{x().shape, window}, x = x(), y = y_](Stream& s) {
      run(s, shape, {}, x, y);
    };
  }

  const Buffer& constants_;
  const StepConstants& at_;
  std::vector<View> inputs_;
  View y_;
};

/// One block a tensor, and one more for the f32 input. Step 0 quantizes.
graph::MemoryPlan plan_tensors(const Int8Network& network, std::int64_t batch) {
  std::vector<graph::LiveBlock> blocks;
  for (const Int8Tensor& tensor : network.tensors) {
    blocks.push_back({static_cast<std::size_t>(batch * tensor.shape.elements()), 0, 0});
  }
  for (std::size_t i = 0; i < network.steps.size(); ++i) {
    const int now = static_cast<int>(i) + 1;
    const Int8Step& step = network.steps[i];
    for (const int input : step.inputs) blocks[static_cast<std::size_t>(input)].last = now;
    graph::LiveBlock& output = blocks[static_cast<std::size_t>(step.output)];
    output.first = output.last = now;
  }
  blocks.push_back({blocks.front().bytes * sizeof(float), 0, 0});
  return graph::plan_memory(blocks, 64);
}

}  // namespace

Int8Program::Int8Program(Stream& stream, const Int8Network& network, std::int64_t batch) {
  Constants constants;
  std::vector<StepConstants> at;
  for (const Int8Step& step : network.steps) at.push_back(collect(constants, step.operation));
  constants_ = constants.upload(stream);

  const graph::MemoryPlan plan = plan_tensors(network, batch);
  arena_ = Buffer(stream.device(), plan.bytes);
  std::vector<View> tensors;
  for (std::size_t i = 0; i < network.tensors.size(); ++i) {
    tensors.push_back(
        arena_.at(plan.offsets[i], DType::i8, batched(network.tensors[i].shape, batch)));
  }
  input_ = arena_.at(plan.offsets.back(), DType::f32, tensors.front().shape);

  steps_.push_back([x = input_, y = tensors.front(), q = network.input().quantization](Stream& s) {
    int8::int8_quantize(s, q, x, y);
  });
  for (std::size_t i = 0; i < network.steps.size(); ++i) {
    const Int8Step& step = network.steps[i];
    std::vector<View> inputs;
    for (const int input : step.inputs) inputs.push_back(tensors[static_cast<std::size_t>(input)]);
    output_ = tensors[static_cast<std::size_t>(step.output)];
    steps_.push_back(std::visit(Binder(constants_, at[i], inputs, output_), step.operation));
  }
}

void Int8Program::run(Stream& stream) const {
  for (const auto& step : steps_) step(stream);
}

}  // namespace paretiny::compress
