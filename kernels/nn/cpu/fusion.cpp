#include "kernels/nn/cpu/fusion.h"

#include "kernels/core/cpu/elements.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {
namespace {

float scaled(const ConstView& scale, const ConstView& shift, std::int64_t c, float x) {
  return scale ? scale.as<float>()[c] * x + shift.as<float>()[c] : x;
}

/// Channel by channel, in double precision and in two passes.
template <class T>
void statistics(const View& y, const View& mean, const View& variance) {
  const std::int64_t channels = y.shape.c;
  const std::int64_t rows = y.elements() / channels;
  const T* values = y.as<T>();
  parallel_for(channels, true, [&](std::int64_t c) {
    double sum = 0;
    for (std::int64_t r = 0; r < rows; ++r) sum += to_float(values[r * channels + c]);
    const double m = sum / static_cast<double>(rows);
    double square = 0;
    for (std::int64_t r = 0; r < rows; ++r) {
      const double d = to_float(values[r * channels + c]) - m;
      square += d * d;
    }
    mean.as<float>()[c] = static_cast<float>(m);
    variance.as<float>()[c] = static_cast<float>(square / static_cast<double>(rows));
  });
}

}  // namespace

ConstView read_through(Arena::Scope& scratch, const nn::Prologue& prologue, ConstView x) {
  if (prologue.empty()) return x;
  const View to = scratch.take(x.dtype, x.shape);
  const std::int64_t channels = x.shape.c;
  const std::int64_t pixels = x.shape.h * x.shape.w;
  with_element(x.dtype, [&]<class T>(T) {
    parallel_for(x.shape.n * pixels, true, [&](std::int64_t r) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const std::int64_t i = r * channels + c;
        float value = nn::activate(
            prologue.activation, scaled(prologue.scale, prologue.shift, c, to_float(x.as<T>()[i])));
        if (prologue.gate) {
          value *= to_float(prologue.gate.as<T>()[r / pixels * channels + c]);
        }
        to.as<T>()[i] = from_float<T>(value);
      }
    });
  });
  return to;
}

void write_through(const nn::Epilogue& epilogue, View y) {
  if (epilogue.empty()) return;
  const std::int64_t channels = y.shape.c;
  with_element(y.dtype, [&]<class T>(T) {
    parallel_for(y.elements() / channels, true, [&](std::int64_t r) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const std::int64_t i = r * channels + c;
        float value = scaled(epilogue.scale, epilogue.shift, c, to_float(y.as<T>()[i]));
        if (epilogue.residual) value += to_float(epilogue.residual.as<T>()[i]);
        y.as<T>()[i] = from_float<T>(nn::activate(epilogue.activation, value));
      }
    });
    if (epilogue.mean) statistics<T>(y, epilogue.mean, epilogue.variance);
  });
}

}  // namespace paretiny::cpu
