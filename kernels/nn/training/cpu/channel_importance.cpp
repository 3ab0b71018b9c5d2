// Reads weights and gradients once, 8 bytes a weight; of activations each value once.
#include "kernels/nn/training/channel_importance.h"

#include <cmath>

#include "kernels/core/cpu/elements.h"
#include "kernels/core/cpu/lanes.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {
namespace {

double score_of(nn::FilterScore score, const float* w, const float* g, std::int64_t i) {
  switch (score) {
    case nn::FilterScore::l1:
      return std::fabs(w[i]);
    case nn::FilterScore::l2:
      return double{w[i]} * w[i];
    case nn::FilterScore::taylor:
      return std::fabs(double{w[i]} * g[i]);
  }
  return 0;
}

void filter_score(Stream&, nn::FilterScore score, ConstView w, ConstView g, View scores) {
  const std::int64_t filters = scores.shape.c;
  const std::int64_t size = w.elements() / filters;
  const bool filters_first = w.shape.n == filters;
  const std::int64_t step = filters_first ? 1 : filters;
  parallel_for(filters, w.elements() >= kParallelElements, [&](std::int64_t o) {
    const std::int64_t first = filters_first ? o * size : o;
    double sum = 0;
    for (std::int64_t k = 0; k < size; ++k) {
      sum += score_of(score, w.as<float>(), g.as<float>(), first + k * step);
    }
    scores.as<float>()[o] += static_cast<float>(sum);
  });
}

/// Counts are whole numbers, exact in a float below 2^24 = a chunk's most rows.
void positive_share(Stream& stream, ConstView x, View scores) {
  const std::int64_t channels = x.shape.c, lanes = lanes_of(channels);
  const RowChunks chunks(x.elements() / channels, channels);
  Arena::Scope scratch(stream.scratch());
  float* counts = scratch.take(DType::f32, {chunks.count, 1, 1, lanes}).as<float>();
  with_element(x.dtype, [&]<class T>(T) {
    const T* from = x.as<T>();
    parallel_for(chunks.count, chunks.count > 1, [&](std::int64_t k) {
      sum_lanes<1>(chunks.begin(k) * channels, chunks.begin(k + 1) * channels, lanes,
                   counts + k * lanes,
                   [=](std::int64_t i, std::int64_t, auto width, Addends<1>& addends) {
                     F32x16 value;
                     load_ahead(value, from + i, width);
                     addends[0] = value > 0 ? 1.0f : 0.0f;
                   });
      fold(channels, lanes, counts + k * lanes);
    });
  });
  for (std::int64_t c = 0; c < channels; ++c) {
    double count = 0;
    for (std::int64_t k = 0; k < chunks.count; ++k) count += counts[k * lanes + c];
    scores.as<float>()[c] += static_cast<float>(count / static_cast<double>(chunks.rows));
  }
}

const Twin filter_score_twin(nn::twins::filter_score, DeviceKind::cpu, filter_score);
const Twin positive_share_twin(nn::twins::positive_share, DeviceKind::cpu, positive_share);

}  // namespace
}  // namespace paretiny::cpu
