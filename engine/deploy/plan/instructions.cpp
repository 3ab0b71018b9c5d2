#include "engine/deploy/plan/instructions.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <span>
#include <variant>

#include "engine/deploy/plan/instruction_costs.h"
#include "engine/deploy/plan/kernel_order.h"
#include "kernels/core/host_device.h"

namespace paretiny::deploy {

using graph::OpKind;

namespace {

/// Rows (or columns) of one window that lie before, inside and after the input.
struct Reach {
  std::int64_t before = 0, inside = 0, after = 0;
};

Reach reach(std::int64_t output, std::int64_t stride, std::int64_t pad, std::int64_t kernel,
            std::int64_t size) {
  const std::int64_t first = output * stride - pad;
  const std::int64_t before = std::clamp<std::int64_t>(-first, 0, kernel);
  const std::int64_t after = std::clamp<std::int64_t>(first + kernel - size, 0, kernel - before);
  return {before, kernel - before - after, after};
}

Reach rows_of(const StepShape& step, std::int64_t y) {
  return reach(y, step.window.stride_h, step.window.top, step.window.kernel_h, step.in.h);
}

Reach columns_of(const StepShape& step, std::int64_t x) {
  return reach(x, step.window.stride_w, step.window.left, step.window.kernel_w, step.in.w);
}

/// A loop over bytes: `at_once` of them as a word while there are as many, and what is left one by
/// one; 1 for no words.
struct ByteLoop {
  std::int64_t at_once = 1;
  double calls = 0, words = 0, bytes = 0;

  void add(std::int64_t count, double times) {
    const std::int64_t left = at_once == 1 ? count : count % at_once;
    calls += times;
    const std::int64_t whole = (count - left) / at_once;
    words += times * static_cast<double>(whole);
    bytes += times * static_cast<double>(left);
  }
};

/// Bytes, or channels of a depthwise convolution, that a core's kernels take at once.
std::int64_t at_once(CoreClass core) {
  return core == CoreClass::dsp ? 4 : 1;
}

std::vector<double> conv_terms(const StepShape& step, CoreClass core) {
  const nn::Window& window = step.window;
  const std::int64_t positions = window.kernel_h * window.kernel_w;
  const std::int64_t taps = positions * step.in.c;
  const bool gathers = conv_gathers(step.in, window);
  const std::int64_t filter_pairs = ceil_div(step.out.c, 2);
  const auto pairs = static_cast<double>(filter_pairs);
  double blocks = 0, doubles = 0, singles = 0;
  ByteLoop two{at_once(core)}, one = two, padding = two;
  for (std::int64_t y = 0; y < step.out.h; ++y) {
    const Reach rows = rows_of(step, y);
    for (std::int64_t x = 0, pixels; x < step.out.w; x += pixels) {
      const Reach columns = columns_of(step, x);
      pixels = conv_pixels(step.in, step.out, window, x);
      ByteLoop& products = pixels == 2 ? two : one;
      (pixels == 2 ? doubles : singles) += pairs;
      ++blocks;
      if (gathers) {
        products.add(taps, pairs);
        continue;
      }
      const auto inside = static_cast<double>(rows.inside) * pairs;
      products.add(columns.inside * step.in.c, inside);
      if (columns.before > 0) padding.add(columns.before * step.in.c, inside);
      if (columns.after > 0) padding.add(columns.after * step.in.c, inside);
      const auto outside = static_cast<double>(rows.before + rows.after) * pairs;
      padding.add(window.kernel_w * step.in.c, outside);
    }
  }
  const auto outputs = static_cast<double>(step.out.elements());
  const double gathered = gathers ? static_cast<double>(step.out.h * step.out.w) : 0;
  return {1,
          blocks,
          doubles,
          singles,
          outputs,
          two.calls,
          two.words,
          two.bytes,
          one.calls,
          one.words,
          one.bytes,
          padding.calls,
          padding.words,
          padding.bytes,
          gathered * static_cast<double>(positions),
          gathered * static_cast<double>(taps)};
}

std::vector<double> depthwise_terms(const StepShape& step, CoreClass core) {
  ByteLoop channels{at_once(core)};
  channels.add(step.out.c, 1);
  const auto pixels = static_cast<double>(step.out.h * step.out.w);
  double rows = 0, taps = 0;  // inside the input: padding is left out
  for (std::int64_t y = 0; y < step.out.h; ++y) {
    const auto high = static_cast<double>(rows_of(step, y).inside);
    for (std::int64_t x = 0; x < step.out.w; ++x) {
      rows += high;
      taps += high * static_cast<double>(columns_of(step, x).inside);
    }
  }
  std::vector<double> terms = {1, pixels};
  for (const double times : {channels.words, channels.bytes}) {
    for (const double each : {pixels, rows, taps}) terms.push_back(times * each);
  }
  return terms;
}

std::vector<double> pool_terms(const StepShape& step) {
  double rows = 0, visits = 0;
  for (std::int64_t y = 0; y < step.out.h; ++y) {
    const auto high = static_cast<double>(rows_of(step, y).inside);
    for (std::int64_t x = 0; x < step.out.w; ++x) {
      rows += high;
      visits += high * static_cast<double>(columns_of(step, x).inside);
    }
  }
  const auto channels = static_cast<double>(step.out.c);
  return {1, static_cast<double>(step.out.h * step.out.w), static_cast<double>(step.out.elements()),
          rows * channels, visits * channels};
}

OpKind kind_of(const compress::Int8Operation& operation) {
  constexpr OpKind kinds[] = {OpKind::conv,     OpKind::depthwise,     OpKind::fully_connected,
                              OpKind::add,      OpKind::channel_scale, OpKind::activation,
                              OpKind::max_pool, OpKind::average_pool,  OpKind::global_average_pool};
  static_assert(std::size(kinds) == std::variant_size_v<compress::Int8Operation>);
  return kinds[operation.index()];
}

}  // namespace

StepShape step_shape(const graph::Graph& graph, graph::NodeId id) {
  const graph::Node& node = graph.node(id);
  return {node.op, graph.input_of(id), node.output, node.window};
}

StepShape step_shape(const compress::Int8Network& network, const compress::Int8Step& step) {
  const auto shape = [&](int tensor) {
    return network.tensors[static_cast<std::size_t>(tensor)].shape;
  };
  StepShape result{kind_of(step.operation), shape(step.inputs.front()), shape(step.output), {}};
  std::visit(
      [&]<class Operation>(const Operation& operation) {
        if constexpr (requires { operation.window; }) result.window = operation.window;
      },
      step.operation);
  return result;
}

std::vector<double> instruction_terms(const StepShape& step, CoreClass core) {
  const auto elements = static_cast<double>(step.out.elements());
  switch (step.op) {
    case OpKind::conv:
      return conv_terms(step, core);
    case OpKind::depthwise:
      return depthwise_terms(step, core);
    case OpKind::fully_connected: {
      ByteLoop products{at_once(core)};
      products.add(step.in.elements(), elements);
      return {1, products.calls, products.words, products.bytes};
    }
    case OpKind::channel_scale:
      return {1, static_cast<double>(step.out.h * step.out.w), elements};
    case OpKind::add:
    case OpKind::activation:
      return {1, elements};
    case OpKind::global_average_pool:
      return {1, elements, static_cast<double>(step.in.elements())};
    case OpKind::max_pool:
    case OpKind::average_pool:
      return pool_terms(step);
    case OpKind::input:
    case OpKind::batch_norm:
      break;
  }
  return {1};
}

std::int64_t instructions(const StepShape& step, CoreClass core) {
  const std::vector<double> terms = instruction_terms(step, core);
  const std::span<const double> each = instruction_costs(step.op, core);
  return std::llround(std::inner_product(each.begin(), each.end(), terms.begin(), 0.0));
}

}  // namespace paretiny::deploy
