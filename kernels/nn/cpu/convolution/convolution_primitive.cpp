#include "kernels/nn/cpu/convolution/convolution_primitive.h"

namespace paretiny::cpu {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;

}  // namespace

Type type_of(DType dtype) {
  return dtype == DType::bf16 ? Type::bf16 : Type::f32;
}

Part prepare_part(const dnnl::engine& engine, Convolution c, std::int64_t samples,
                  Direction direction, bool bias, DType computed,
                  const dnnl::memory::desc& weights) {
  using dnnl::prop_kind;
  c.input.n = samples;
  const Shape in = c.input;
  const Shape out = c.output();
  const dnnl::memory::dims stride{c.window.stride_h, c.window.stride_w};
  const dnnl::memory::dims before{c.window.top, c.window.left};
  const dnnl::memory::dims after{c.window.bottom, c.window.right};
  const Type type = type_of(computed);
  const Desc x({in.n, in.c, in.h, in.w}, type, Tag::nhwc);
  const Desc y({out.n, out.c, out.h, out.w}, type, Tag::nhwc);
  const Desc any({out.c, in.c, c.window.kernel_h, c.window.kernel_w}, type, Tag::any);
  const Desc b = bias ? Desc({out.c}, Type::f32, Tag::x) : Desc();
  const auto algorithm = dnnl::algorithm::convolution_direct;

  const bool trains = direction != Direction::forward;
  const auto forward = describe<dnnl::convolution_forward>(
      engine, std::tuple<>(), trains ? prop_kind::forward_training : prop_kind::forward_inference,
      algorithm, x, trains ? any : weights, b, y, stride, before, after);
  const auto part = [&](auto primitive, const auto& description, const Desc& layout,
                        std::vector<Prepared::Operand> operands) -> Part {
    return {Prepared(engine, std::move(primitive), description.impl_info_str(),
                     description.scratchpad_desc(), std::move(operands)),
            layout};
  };
  if (direction == Direction::forward) {
    std::vector<Prepared::Operand> operands{
        {DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}, {DNNL_ARG_WEIGHTS, forward.weights_desc()}};
    if (bias) operands.push_back({DNNL_ARG_BIAS, b});
    return part(dnnl::convolution_forward(forward), forward, forward.weights_desc(),
                std::move(operands));
  }
  if (direction == Direction::backward_data) {
    const auto backward = describe<dnnl::convolution_backward_data>(
        engine, std::tie(forward), algorithm, x, weights, y, stride, before, after);
    return part(dnnl::convolution_backward_data(backward), backward, backward.weights_desc(),
                {{DNNL_ARG_DIFF_SRC, x},
                 {DNNL_ARG_DIFF_DST, y},
                 {DNNL_ARG_WEIGHTS, backward.weights_desc()}});
  }
  const auto backward = describe<dnnl::convolution_backward_weights>(
      engine, std::tie(forward), algorithm, x, weights, b, y, stride, before, after);
  std::vector<Prepared::Operand> operands{{DNNL_ARG_SRC, x},
                                          {DNNL_ARG_DIFF_DST, y},
                                          {DNNL_ARG_DIFF_WEIGHTS, backward.diff_weights_desc()}};
  if (bias) operands.push_back({DNNL_ARG_DIFF_BIAS, b});
  return part(dnnl::convolution_backward_weights(backward), backward, backward.diff_weights_desc(),
              std::move(operands));
}

}  // namespace paretiny::cpu
