// The padding of x is laid out as its zero point, so that a filter's share of the zero point is the
// same everywhere: sum w * (x - z) + b = sum w * x + (b - z * sum w).
#include <omp.h>

#include <algorithm>

#include "kernels/cpu/int8_conv.h"
#include "kernels/cpu/int8_row.h"
#include "kernels/cpu/onednn.h"

namespace paretiny::cpu {
namespace {

constexpr std::int64_t kSumsBytes = 4 << 20;  ///< of one pass, to stay within the caches
constexpr std::int64_t kMostWeight = (1 << 24) / 256;
constexpr std::int64_t kInt8Key = 3;  ///< first word of a PrimitiveKey, after `Direction`'s

Prepared prepare_int8(const dnnl::engine& engine, const ConvShape& shape) {
  using Desc = dnnl::memory::desc;
  using Tag = dnnl::memory::format_tag;
  using Type = dnnl::memory::data_type;
  const Shape in = shape.input;
  const Shape out = shape.output();
  const Shape w = shape.weights();
  const Desc x({in.n, in.c, in.h, in.w}, Type::s8, Tag::nhwc);
  const Desc y({out.n, out.c, out.h, out.w}, Type::s32, Tag::nhwc);
  const Desc filters({w.n, w.c, w.h, w.w}, Type::s8, Tag::ohwi);
  const Desc any({w.n, w.c, w.h, w.w}, Type::s8, Tag::any);
  const auto forward = describe<dnnl::convolution_forward>(
      engine, std::tuple<>(), dnnl::prop_kind::forward_inference,
      dnnl::algorithm::convolution_direct, x, any, y,
      dnnl::memory::dims{shape.window.stride_h, shape.window.stride_w}, dnnl::memory::dims{0, 0},
      dnnl::memory::dims{0, 0});
  return {engine,
          dnnl::convolution_forward(forward),
          forward.impl_info_str(),
          forward.scratchpad_desc(),
          {{DNNL_ARG_SRC, x, forward.src_desc()},
           {DNNL_ARG_WEIGHTS, filters, forward.weights_desc()},
           {DNNL_ARG_DST, y, forward.dst_desc(), true}}};
}

/// The convolution of s8 into s32 sums; the window has no padding.
Prepared& prepared_sums(CpuStream& stream, const ConvShape& shape) {
  const Window& v = shape.window;
  const PrimitiveKey key{
      kInt8Key,      omp_get_max_threads(), shape.out_channels, shape.input.n, shape.input.h,
      shape.input.w, shape.input.c,         v.kernel_h,         v.kernel_w,    v.stride_h,
      v.stride_w};
  Primitives& primitives = stream.primitives();
  if (Prepared* found = primitives.prepared.find(key)) return *found;
  try {
    return primitives.prepared.insert(key, prepare_int8(primitives.engine, shape));
  } catch (const dnnl::error& error) {
    throw DeviceError("oneDNN cannot prepare an int8 convolution of " + to_string(shape.input) +
                      ": " + error.what());
  }
}

/// to = x with its padding, filled with the zero point.
void pad(ConstView x, const Window& window, std::int8_t zero_point, View to) {
  const Shape in = x.shape;
  const Shape padded = to.shape;
  const std::int64_t row = padded.w * padded.c;
#pragma omp parallel for collapse(2) schedule(static)
  for (std::int64_t n = 0; n < padded.n; ++n) {
    for (std::int64_t h = 0; h < padded.h; ++h) {
      std::int8_t* out = to.as<std::int8_t>() + (n * padded.h + h) * row;
      const std::int64_t from = h - window.top;
      if (from < 0 || from >= in.h) {
        std::fill_n(out, row, zero_point);
        continue;
      }
      out = std::fill_n(out, window.left * in.c, zero_point);
      out = std::copy_n(x.as<std::int8_t>() + (n * in.h + from) * in.w * in.c, in.w * in.c, out);
      std::fill_n(out, window.right * in.c, zero_point);
    }
  }
}

/// b - zero point * sum of w, a filter.
void fold_zero_point(ConstView w, ConstView b, std::int32_t zero_point, std::int32_t* offsets) {
  const std::int64_t taps = w.elements() / w.shape.n;
  for (std::int64_t o = 0; o < w.shape.n; ++o) {
    const std::int8_t* filter = w.as<std::int8_t>() + o * taps;
    std::int32_t sum = 0;
    for (std::int64_t i = 0; i < taps; ++i) sum += filter[i];
    offsets[o] = (b ? b.as<std::int32_t>()[o] : 0) - zero_point * sum;
  }
}

}  // namespace

bool int8_conv_fits_onednn(ConstView w) {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  if (isa != dnnl::cpu_isa::avx512_core_vnni && isa != dnnl::cpu_isa::avx512_core_bf16 &&
      isa != dnnl::cpu_isa::avx512_core_amx && isa != dnnl::cpu_isa::avx2_vnni) {
    return false;
  }
  const std::int64_t taps = w.elements() / w.shape.n;
  for (std::int64_t o = 0; o < w.shape.n; ++o) {
    const std::int8_t* filter = w.as<std::int8_t>() + o * taps;
    std::int64_t positive = 0;
    std::int64_t negative = 0;
    for (std::int64_t i = 0; i < taps; ++i) {
      positive += std::max<std::int32_t>(filter[i], 0);
      negative -= std::min<std::int32_t>(filter[i], 0);
    }
    if (std::max(positive, negative) > kMostWeight) return false;
  }
  return true;
}

void int8_conv_onednn(Stream& stream, const ConvShape& shape, const Int8LayerParameters& parameters,
                      ConstView x, ConstView w, ConstView b, ConstView multipliers,
                      ConstView shifts, View y) {
  const Window& window = shape.window;
  const Shape in = shape.input;
  const Shape out = shape.output();
  const bool pads = window.top + window.left + window.bottom + window.right > 0;
  const std::int64_t pixels = out.h * out.w;
  const std::int64_t batch = std::clamp<std::int64_t>(kSumsBytes / (pixels * out.c * 4), 1, out.n);

  Arena::Scope scratch(stream.scratch());
  auto* offsets = scratch.take(DType::i32, {1, 1, 1, out.c}).as<std::int32_t>();
  fold_zero_point(w, b, parameters.input_zero_point, offsets);
  const Int8Row row(scratch, offsets, multipliers, shifts, parameters);
  const View sums = scratch.take(DType::i32, {batch, out.h, out.w, out.c});
  View padded;
  padded.shape = {batch, in.h + window.top + window.bottom, in.w + window.left + window.right,
                  in.c};
  if (pads) padded = scratch.take(DType::i8, padded.shape);

  for (std::int64_t first = 0; first < out.n; first += batch) {
    const std::int64_t images = std::min(batch, out.n - first);
    x.shape.n = padded.shape.n = images;
    const std::int8_t* from = x.as<std::int8_t>() + first * in.h * in.w * in.c;
    if (pads) {
      pad(view(from, DType::i8, x.shape), window,
          static_cast<std::int8_t>(parameters.input_zero_point), padded);
      from = padded.as<std::int8_t>();
    }
    const ConvShape unpadded{
        padded.shape, out.c, {window.kernel_h, window.kernel_w, window.stride_h, window.stride_w}};
    auto& cpu_stream = static_cast<CpuStream&>(stream);
    prepared_sums(cpu_stream, unpadded)
        .run(cpu_stream, {{const_cast<std::int8_t*>(from), const_cast<void*>(w.data), sums.data}});

#pragma omp parallel for schedule(static)
    for (std::int64_t h = 0; h < images * out.h; ++h) {
      const std::int64_t pixel = h * out.w;
      row.requantize_pixels(sums.as<std::int32_t>() + pixel * out.c, out.w * out.c,
                            y.as<std::int8_t>() + (first * pixels + pixel) * out.c);
    }
  }
}

}  // namespace paretiny::cpu
