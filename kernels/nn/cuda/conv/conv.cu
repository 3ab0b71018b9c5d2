// Dense convolution: cuDNN's where the table of variants wants it and it takes the job
// (libraries.h), else our own (conv_kernels.h).
#include <algorithm>

#include "kernels/core/cuda/variants.h"
#include "kernels/nn/conv.h"
#include "kernels/nn/cuda/bias.h"
#include "kernels/nn/cuda/channel_statistics.h"
#include "kernels/nn/cuda/conv/conv_kernels.h"
#include "kernels/nn/cuda/libraries.h"

namespace paretiny::cuda {
namespace {

Variant variant(const nn::ConvShape& shape, DType activations, ConvPass pass) {
  const std::int64_t channels = std::min(shape.input.c, shape.out_channels);
  switch (pass) {
    case ConvPass::forward:
      return variant_of(Choice::conv_forward, activations, channels);
    case ConvPass::backward_data:
      return variant_of(Choice::conv_backward_data, activations, channels);
    case ConvPass::backward_weights:
      break;
  }
  return Variant::cudnn;
}

/// A pass by our own kernels; whether it took the statistics, if they are wanted.
bool own(Stream& stream, Variant chosen, const Gather& gather, const nn::ConvShape& shape,
         const ConstView& source, const ConstView& w, const ConstView& b, const View& target,
         const View& mean = {}, const View& variance = {}) {
  Arena::Scope scratch(stream.scratch());
  const ConstView weights = gather_weights(stream, scratch, gather, shape, w, source.dtype);
  const ConstView whole = with_whole_packs(stream, scratch, source);
  const bool backward = gather.y.backward;
  if (chosen != Variant::gather && halo_takes(stream, gather, source.dtype)) {
    halo_convolution(stream, backward ? "conv_halo_backward_data" : "conv_halo_forward", gather,
                     whole, weights, b, target, mean, variance);
    return true;
  }
  gather_convolution(stream, backward ? "conv_backward_data" : "conv_forward", gather, whole,
                     weights, b, target);
  return false;
}

/// y, and whether the statistics too.
bool convolve(Stream& stream, const nn::ConvShape& shape, const nn::ConvWithStatistics& t) {
  const Variant chosen = variant(shape, t.x.dtype, ConvPass::forward);
  if (chosen == Variant::cudnn && cudnn_conv_forward(stream, shape, t.x, t.w, t.y)) {
    if (t.b) add_bias(stream, t.b, t.y);
    return false;
  }
  return own(stream, chosen, Gather::of(shape, t.x.dtype, false), shape, t.x, t.w, t.b, t.y, t.mean,
             t.variance);
}

void forward(Stream& stream, const nn::ConvShape& shape, ConstView x, ConstView w, ConstView b,
             View y) {
  convolve(stream, shape, {.x = x, .w = w, .b = b, .y = y, .mean = {}, .variance = {}});
}

void forward_statistics(Stream& stream, const nn::ConvShape& shape,
                        const nn::ConvWithStatistics& t) {
  if (!convolve(stream, shape, t)) channel_statistics(stream, t.y, t.mean, t.variance);
}

void backward_data(Stream& stream, const nn::ConvShape& shape, ConstView dy, ConstView w, View dx) {
  const Variant chosen = variant(shape, dy.dtype, ConvPass::backward_data);
  if (chosen == Variant::cudnn && cudnn_conv_backward_data(stream, shape, dy, w, dx)) return;
  own(stream, chosen, Gather::of(shape, dy.dtype, true), shape, dy, w, ConstView{}, dx);
}

void backward_weights(Stream& stream, const nn::ConvShape& shape, ConstView x, ConstView dy,
                      View dw, View db) {
  if (db) bias_gradient(stream, dy, db);
  if (cudnn_conv_backward_weights(stream, shape, x, dy, dw)) return;
  Arena::Scope scratch(stream.scratch());
  const ConstView whole_x = with_whole_packs(stream, scratch, x);
  const ConstView whole_dy = with_whole_packs(stream, scratch, dy);
  weight_gradient(stream, shape, whole_x, whole_dy, dw);
}

std::size_t own_scratch_bytes(Stream& stream, const nn::ConvShape& shape, DType activations,
                              ConvPass pass) {
  const std::size_t x = whole_packs_bytes(shape.input, activations);
  const std::size_t y = whole_packs_bytes(shape.output(), activations);
  switch (pass) {
    case ConvPass::forward: {
      const Gather gather = Gather::of(shape, activations, false);
      return x + gather_weights_bytes(gather, activations) +
             (halo_takes(stream, gather, activations) ? halo_statistics_bytes(gather) : 0);
    }
    case ConvPass::backward_data:
      return y + gather_weights_bytes(Gather::of(shape, activations, true), activations);
    case ConvPass::backward_weights:
      return x + y + weight_gradient_bytes(stream, shape, activations);
  }
  return 0;
}

std::size_t most_scratch(Stream& stream, const nn::ConvShape& shape, DType activations) {
  std::size_t most = std::max(bias_gradient_bytes(stream, shape.output(), activations),
                              channel_statistics_bytes(stream, shape.output(), activations));
  for (const ConvPass pass :
       {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weights}) {
    std::optional<std::size_t> library;
    if (variant(shape, activations, pass) == Variant::cudnn) {
      library = cudnn_conv_scratch_bytes(stream, shape, activations, pass);
    }
    most = std::max(most, library ? *library : own_scratch_bytes(stream, shape, activations, pass));
  }
  return most;
}

const Twin forward_twin(nn::twins::conv_forward, DeviceKind::cuda, forward);
const Twin statistics_twin(nn::twins::conv_forward_statistics, DeviceKind::cuda,
                           forward_statistics);
const Twin backward_data_twin(nn::twins::conv_backward_data, DeviceKind::cuda, backward_data);
const Twin backward_weights_twin(nn::twins::conv_backward_weights, DeviceKind::cuda,
                                 backward_weights);
const Twin scratch_twin(nn::twins::conv_scratch_bytes, DeviceKind::cuda, most_scratch);

}  // namespace
}  // namespace paretiny::cuda
