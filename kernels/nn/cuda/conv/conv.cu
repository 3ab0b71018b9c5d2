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
         const nn::ConvolutionForward& t) {
  Arena::Scope scratch(stream.scratch());
  const bool backward = gather.y.backward;
  const bool halo = chosen != Variant::gather && halo_takes(stream, gather, t.x.dtype);
  const bool on_the_way = halo && packs(t.x.as<bf16>(), t.x.shape.c);
  const ConstView source = on_the_way ? t.x : read_through(stream, scratch, t.x, t.prologue);
  const ConstView whole = with_whole_packs(stream, scratch, source);
  const ConstView weights = gather_weights(stream, scratch, gather, shape, t.w, t.x.dtype);
  if (!halo) {
    gather_convolution(stream, backward ? "conv_backward_data" : "conv_forward", gather, whole,
                       weights, t.b, t.y);
    return false;
  }
  HaloTensors tensors{whole, weights, t.b, t.y, t.epilogue.mean, t.epilogue.variance};
  if (on_the_way) tensors.input = InputTransform(t.prologue, t.x.shape);
  halo_convolution(stream, backward ? "conv_halo_backward_data" : "conv_halo_forward", gather,
                   tensors);
  return true;
}

/// y, and whether the statistics too.
bool convolve(Stream& stream, const nn::ConvShape& shape, const nn::ConvolutionForward& t) {
  const Variant chosen = variant(shape, t.x.dtype, ConvPass::forward);
  if (chosen == Variant::cudnn) {
    Arena::Scope scratch(stream.scratch());
    nn::ConvolutionForward read = t;
    read.x = read_through(stream, scratch, t.x, t.prologue);
    read.prologue = {};
    if (!cudnn_conv_forward(stream, shape, read.x, t.w, t.y)) {
      return own(stream, chosen, Gather::of(shape, t.x.dtype, false), shape, read);
    }
    if (t.b) add_bias(stream, t.b, t.y);
    return false;
  }
  return own(stream, chosen, Gather::of(shape, t.x.dtype, false), shape, t);
}

void forward(Stream& stream, const nn::ConvShape& shape, const nn::ConvolutionForward& t) {
  if (convolve(stream, shape, t) || !t.epilogue.mean) return;
  channel_statistics(stream, t.y, t.epilogue.mean, t.epilogue.variance);
}

void backward_data(Stream& stream, const nn::ConvShape& shape, ConstView dy, ConstView w, View dx) {
  const Variant chosen = variant(shape, dy.dtype, ConvPass::backward_data);
  if (chosen == Variant::cudnn && cudnn_conv_backward_data(stream, shape, dy, w, dx)) return;
  own(stream, chosen, Gather::of(shape, dy.dtype, true), shape, {.x = dy, .w = w, .y = dx});
}

void backward_weights(Stream& stream, const nn::ConvShape& shape,
                      const nn::ConvolutionWeightGradient& t) {
  if (t.db) bias_gradient(stream, t.dy, t.db);
  Arena::Scope scratch(stream.scratch());
  const ConstView x = read_through(stream, scratch, t.x, t.prologue);
  if (cudnn_conv_backward_weights(stream, shape, x, t.dy, t.dw)) return;
  const ConstView whole_x = with_whole_packs(stream, scratch, x);
  const ConstView whole_dy = with_whole_packs(stream, scratch, t.dy);
  weight_gradient(stream, shape, whole_x, whole_dy, t.dw);
}

/// Where the tensor before a batch norm is read in place of the one behind it.
bool may_read_through(const nn::ConvShape& shape, DType activations) {
  return variant_of(Choice::conv_input, activations, std::min(shape.input.c, shape.out_channels)) ==
         Variant::read_through;
}

bool reads_through(Stream& stream, const nn::ConvShape& shape, DType activations) {
  return may_read_through(shape, activations) && activations == DType::bf16 &&
         shape.input.c % kPack<bf16> == 0 &&
         variant(shape, activations, ConvPass::forward) == Variant::halo &&
         halo_takes(stream, Gather::of(shape, activations, false), activations);
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

std::size_t most_scratch(Stream& stream, const nn::ConvShape& shape, DType activations,
                         const nn::ConvolutionUse& use) {
  std::size_t most = std::max(bias_gradient_bytes(stream, shape.output(), activations),
                              channel_statistics_bytes(stream, shape.output(), activations));
  for (const ConvPass pass :
       {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weights}) {
    if (pass != ConvPass::forward && !use.backward) continue;
    std::optional<std::size_t> library;
    if (variant(shape, activations, pass) == Variant::cudnn) {
      library = cudnn_conv_scratch_bytes(stream, shape, activations, pass);
    }
    most = std::max(most, library ? *library : own_scratch_bytes(stream, shape, activations, pass));
  }
  // The weight gradient, or whatever cannot read on the way in, has a copy of what is read.
  return may_read_through(shape, activations)
             ? most +
                   aligned(static_cast<std::size_t>(shape.input.elements()) * size_of(activations))
             : most;
}

const Twin forward_twin(nn::twins::conv_forward, DeviceKind::cuda, forward);
const Twin backward_data_twin(nn::twins::conv_backward_data, DeviceKind::cuda, backward_data);
const Twin backward_weights_twin(nn::twins::conv_backward_weights, DeviceKind::cuda,
                                 backward_weights);
const Twin reads_twin(nn::twins::conv_reads_through, DeviceKind::cuda, reads_through);
const Twin scratch_twin(nn::twins::conv_scratch_bytes, DeviceKind::cuda, most_scratch);

}  // namespace
}  // namespace paretiny::cuda
