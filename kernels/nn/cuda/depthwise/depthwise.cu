// Depthwise convolution: which kernel serves a shape, and how its work is divided.
#include <limits>

#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/depthwise/depthwise_kernels.h"

namespace paretiny::cuda {

using nn::DepthwiseShape;

namespace depthwise {

namespace {

/// The cut of a slice's rows that keeps the busiest of `room` blocks busy for the fewest steps,
/// when there are `others` strips beside each other.
std::int64_t best_row_strips(const PlanRequest& request, std::int64_t others, std::int64_t room) {
  const std::int64_t rows = request.result.h;
  const auto work = [&](std::int64_t strips) {
    const std::int64_t steps = ceil_div(ceil_div(rows, strips), request.step_rows) + request.lead;
    return ceil_div(others * strips, room) * steps;
  };
  std::int64_t best = 1;
  const std::int64_t most = std::min(rows, 4 * ceil_div(room, others));
  for (std::int64_t strips = 2; strips <= most; ++strips) {
    if (work(strips) < work(best)) best = strips;
  }
  return best;
}

}  // namespace

Plan make_plan(Stream& stream, const PlanRequest& request) {
  const Shape& result = request.result;
  const std::int64_t lanes = request.pack / request.vector;  // that share a chunk
  const std::int64_t all_chunks = ceil_div(result.c, request.pack);
  const std::int64_t all_columns = ceil_div(result.w + request.margin, request.columns);
  // Whole rows in a block have no halo of columns; but 64 bytes of a pixel at least, so that what
  // is fetched is used, and a warp at most, which is more than enough.
  const std::int64_t side_by_side = request.threads / (lanes * all_columns);
  const std::int64_t most_chunks = std::clamp<std::int64_t>(side_by_side, 4, 32 / lanes);
  const std::int64_t chunks = ceil_div(all_chunks, ceil_div(all_chunks, most_chunks));
  const std::int64_t slices = ceil_div(all_chunks, chunks);
  const std::int64_t channel_threads = chunks * lanes;
  const std::int64_t most_columns = request.threads / channel_threads;
  const std::int64_t column_threads = ceil_div(all_columns, ceil_div(all_columns, most_columns));
  const std::int64_t column_strips = ceil_div(all_columns, column_threads);

  const std::int64_t processors = multiprocessors(stream);
  // Samples side by side where rows are short, but not so many that blocks want for work.
  const std::int64_t busy = ceil_div(processors * request.blocks, column_strips * slices);
  const std::int64_t most_samples = request.threads / (channel_threads * column_threads);
  const std::int64_t few = std::min(most_samples, ceil_div(64, channel_threads * column_threads));
  const std::int64_t together =
      std::min(result.n, std::clamp<std::int64_t>(result.n / busy, few, most_samples));
  const std::int64_t sample_threads = ceil_div(result.n, ceil_div(result.n, together));
  return make_plan(
      stream, request,
      {all_chunks, all_columns, chunks, channel_threads, column_threads, sample_threads});
}

Plan make_plan(Stream& stream, const PlanRequest& request, const BlockCut& cut) {
  const Shape& result = request.result;
  const auto [all_chunks, all_columns, chunks, channel_threads, column_threads, sample_threads] =
      cut;
  const std::int64_t slices = ceil_div(all_chunks, chunks);
  const std::int64_t column_strips = ceil_div(all_columns, column_threads);
  const std::int64_t groups = ceil_div(result.n, sample_threads);
  const std::int64_t processors = multiprocessors(stream);
  const std::int64_t threads = channel_threads * column_threads * sample_threads;
  const std::int64_t blocks = std::clamp<std::int64_t>(request.blocks * request.threads / threads,
                                                       request.blocks, kMostBlocks);
  const std::int64_t room = std::max<std::int64_t>(processors * blocks / slices, 1);
  const std::int64_t strip_rows =
      ceil_div(result.h, best_row_strips(request, groups * column_strips, room));

  Plan plan{};
  const auto set = [](int& to, std::int64_t value) { to = static_cast<int>(value); };
  set(plan.samples, result.n);
  set(plan.channels, result.c);
  set(plan.result_h, result.h);
  set(plan.result_w, result.w);
  set(plan.chunks, chunks);
  set(plan.channel_threads, channel_threads);
  set(plan.column_threads, column_threads);
  set(plan.sample_threads, sample_threads);
  set(plan.copy_step, channel_threads * column_threads / chunks);
  set(plan.slices, slices);
  set(plan.column_strips, column_strips);
  set(plan.strip_rows, strip_rows);
  set(plan.row_strips, ceil_div(result.h, strip_rows));
  set(plan.strips, groups * column_strips * plan.row_strips);
  set(plan.blocks, std::min<std::int64_t>(plan.strips, room));
  const int step_bytes = plan.layout(request.group, request.reach).row * request.rows * 16;
  const int room_steps = kRingBytes / request.blocks / request.stages / step_bytes;
  plan.stage_steps =
      request.stage_steps > 0 ? request.stage_steps : std::clamp(room_steps, 1, kMostStageSteps);
  plan.aligned = request.aligned;
  return plan;
}

void merge_statistics(Stream& stream, int blocks, std::int64_t channels, const Moments* partial,
                      const nn::Epilogue& epilogue) {
  if (!epilogue.mean) return;
  merge_parts(stream, "depthwise_forward: statistics", partial, blocks, static_cast<int>(channels),
              StoreStatistics{epilogue.mean.as<float>(), epilogue.variance.as<float>()});
}

void merge_weights(Stream& stream, const DepthwiseShape& shape, int blocks, const PlainSum* partial,
                   View dw, View db) {
  const int weights = static_cast<int>(shape.weights().elements());
  merge_parts(stream, "depthwise_backward_weights: sum over blocks", partial, blocks,
              weights + static_cast<int>(shape.input.c),
              StoreSums{dw.as<float>(), weights, db.as<float>()});
}

namespace {

/// Rows of independent series, [n, h, w, c] with a window of height 1, as few samples of many rows:
/// short strips are slow. Not where a gate tells samples apart.
DepthwiseShape flattened(const DepthwiseShape& shape, bool gated) {
  const nn::Window& window = shape.window;
  const bool rows = window.kernel_h == 1 && window.top == 0 && window.bottom == 0 &&
                    (window.stride_h == 1 || shape.input.h == 1);
  if (!rows) return shape;
  DepthwiseShape flat = shape;
  flat.window.stride_h = 1;
  if (gated) return flat;
  const std::int64_t all = shape.input.n * shape.input.h;
  std::int64_t samples = std::min<std::int64_t>(all, 32);
  while (all % samples != 0) --samples;
  flat.input.n = samples;
  flat.input.h = all / samples;
  return flat;
}

/// Whether coordinates and the elements of a row fit in 32 bits.
bool streams(const DepthwiseShape& shape) {
  constexpr std::int64_t kMost = std::numeric_limits<int>::max() / 2;
  const auto fits = [](const Shape& s) {
    return s.n * s.h * s.w < kMost && s.w * s.c < kMost && s.c < kMost;
  };
  const nn::Window& v = shape.window;
  const bool padding = std::max({v.top, v.bottom, v.left, v.right}) < kMost;
  return padding && fits(shape.input) && fits(shape.output()) && with_taps(v, [](auto) {});
}

template <class V>
V reshaped(V view, const Shape& shape) {
  if (view) view.shape = shape;
  return view;
}

void forward(Stream& stream, const DepthwiseShape& given, const nn::ConvolutionForward& t) {
  const DepthwiseShape shape = flattened(given, bool{t.prologue.gate});
  if (!streams(shape)) return any_forward(stream, given, t);
  correlate(stream, "depthwise_forward", shape, shape.output(),
            {t.w.as<float>(), static_cast<int>(shape.window.kernel_h),
             static_cast<int>(shape.window.kernel_w), false},
            t);
}

void backward_data(Stream& stream, const DepthwiseShape& given, ConstView dy, ConstView w,
                   View dx) {
  const DepthwiseShape shape = flattened(given, false);
  const nn::Window& window = shape.window;
  if (!streams(shape)) return any_backward_data(stream, given, dy, w, dx);
  dx = reshaped(dx, shape.input);
  dy = reshaped(dy, shape.output());
  if (window.stride_w != 1) return spread(stream, shape, dy, w, dx);
  DepthwiseShape turned{dy.shape, window};
  turned.window.top = window.kernel_h - 1 - window.top;
  turned.window.left = window.kernel_w - 1 - window.left;
  correlate(
      stream, "depthwise_backward_data", turned, dx.shape,
      {w.as<float>(), static_cast<int>(window.kernel_h), static_cast<int>(window.kernel_w), true},
      {.x = dy, .y = dx});
}

void backward_weights(Stream& stream, const DepthwiseShape& given,
                      const nn::ConvolutionWeightGradient& t) {
  const DepthwiseShape shape = flattened(given, bool{t.prologue.gate});
  if (!streams(shape)) return any_backward_weights(stream, given, t);
  stream_weights(stream, shape, t);
}

std::size_t scratch_bytes(Stream& stream, const DepthwiseShape& given, DType dtype) {
  const auto bytes = [&](const DepthwiseShape& shape) {
    if (!streams(shape)) return any_scratch_bytes(stream, given);
    return std::max(correlate_scratch_bytes(stream, shape.window, shape.output(), dtype),
                    stream_weights_scratch_bytes(stream, shape, dtype));
  };
  return std::max(bytes(flattened(given, false)), bytes(flattened(given, true)));
}

const Twin forward_twin(nn::twins::depthwise_forward, DeviceKind::cuda, forward);
const Twin backward_data_twin(nn::twins::depthwise_backward_data, DeviceKind::cuda, backward_data);
const Twin backward_weights_twin(nn::twins::depthwise_backward_weights, DeviceKind::cuda,
                                 backward_weights);
const Twin scratch_twin(nn::twins::depthwise_scratch_bytes, DeviceKind::cuda, scratch_bytes);

}  // namespace
}  // namespace depthwise
}  // namespace paretiny::cuda
