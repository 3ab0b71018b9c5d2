// The classifier is small: loops over rows, vectorised along the input features; samples x in x out
// multiply-adds a pass.
#include "kernels/nn/fully_connected.h"

#include <algorithm>

#include "kernels/core/cpu/elements.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {
namespace {

template <class T>
void forward_rows(std::int64_t samples, std::int64_t in, std::int64_t out, const T* x,
                  const float* w, const float* b, float* y) {
  parallel_for(samples, samples * in * out > 1 << 16, [&](std::int64_t n) {
    for (std::int64_t o = 0; o < out; ++o) {
      float sum = 0;
#pragma omp simd reduction(+ : sum)
      for (std::int64_t i = 0; i < in; ++i) sum += to_float(x[n * in + i]) * w[o * in + i];
      y[n * out + o] = sum + (b != nullptr ? b[o] : 0);
    }
  });
}

/// dx = dy w, a piece of a row at a time in f32, rounded once.
template <class T>
void data_rows(std::int64_t samples, std::int64_t in, std::int64_t out, const float* dy,
               const float* w, T* dx) {
  constexpr std::int64_t kPiece = 256;  // floats: 1 KiB of the first-level cache
  parallel_for(samples, samples * in * out > 1 << 16, [&](std::int64_t n) {
    for (std::int64_t begin = 0; begin < in; begin += kPiece) {
      const std::int64_t count = std::min(kPiece, in - begin);
      float piece[kPiece] = {};
      for (std::int64_t o = 0; o < out; ++o) {
        const float scale = dy[n * out + o];
        const float* const row = w + o * in + begin;
        for (std::int64_t i = 0; i < count; ++i) piece[i] += scale * row[i];
      }
      for (std::int64_t i = 0; i < count; ++i) dx[n * in + begin + i] = from_float<T>(piece[i]);
    }
  });
}

template <class T>
void weight_rows(std::int64_t samples, std::int64_t in, std::int64_t out, const T* x,
                 const float* dy, float* dw, float* db) {
  parallel_for(out, samples * in * out > 1 << 16, [&](std::int64_t o) {
    float* const row = dw + o * in;
    std::fill(row, row + in, 0.0f);
    float sum = 0;
    for (std::int64_t n = 0; n < samples; ++n) {
      const float scale = dy[n * out + o];
      sum += scale;
      for (std::int64_t i = 0; i < in; ++i) row[i] += scale * to_float(x[n * in + i]);
    }
    if (db != nullptr) db[o] = sum;
  });
}

void forward(Stream&, const nn::FullyConnectedShape& shape, ConstView x, ConstView w, ConstView b,
             View y) {
  with_element(x.dtype, [&]<class T>(T) {
    forward_rows(shape.input.n, shape.in_features(), shape.out_features, x.as<T>(), w.as<float>(),
                 b.as<float>(), y.as<float>());
  });
}

void backward(Stream&, const nn::FullyConnectedShape& shape, const nn::FullyConnectedBackward& t) {
  with_element(t.x.dtype, [&]<class T>(T) {
    if (t.dx) {
      data_rows(shape.input.n, shape.in_features(), shape.out_features, t.dy.as<float>(),
                t.w.as<float>(), t.dx.as<T>());
    }
    weight_rows(shape.input.n, shape.in_features(), shape.out_features, t.x.as<T>(),
                t.dy.as<float>(), t.dw.as<float>(), t.db.as<float>());
  });
}

std::size_t most_scratch(Stream&, const nn::FullyConnectedShape&, DType) {
  return 0;
}

const Twin forward_twin(nn::twins::fully_connected_forward, DeviceKind::cpu, forward);
const Twin backward_twin(nn::twins::fully_connected_backward, DeviceKind::cpu, backward);
const Twin scratch_twin(nn::twins::fully_connected_scratch_bytes, DeviceKind::cpu, most_scratch);

}  // namespace
}  // namespace paretiny::cpu
