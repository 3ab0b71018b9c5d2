// Flat loops over the elements of a tensor: the choice of type and activation is made outside them.
#pragma once

#include <type_traits>

#include "kernels/activation.h"

namespace paretiny::cpu {

/// Calls f with a value of the element type: float or bf16.
template <class F>
void with_element(DType dtype, F f) {
  if (dtype == DType::bf16) {
    f(bf16{});
  } else {
    f(float{});
  }
}

/// Calls f with the activation as a compile-time constant.
template <class F>
void with_activation(Activation activation, F f) {
  using enum Activation;
  switch (activation) {
    case none:
      return f(std::integral_constant<Activation, none>{});
    case relu:
      return f(std::integral_constant<Activation, relu>{});
    case relu6:
      return f(std::integral_constant<Activation, relu6>{});
    case hard_swish:
      return f(std::integral_constant<Activation, hard_swish>{});
    case hard_sigmoid:
      return f(std::integral_constant<Activation, hard_sigmoid>{});
  }
}

template <class T>
T from_float(float x) {
  if constexpr (std::is_same_v<T, bf16>) {
    return to_bf16(x);
  } else {
    return x;
  }
}

/// Elements below which a second thread costs more than it saves.
inline constexpr std::int64_t kParallelElements = 1 << 14;

/// f(i) for each i < count, over the threads and vector lanes; f(i) must not touch what another
/// f(k) writes.
template <class F>
void for_elements(std::int64_t count, F f) {
#pragma omp parallel for simd schedule(static) if (count >= kParallelElements)
  for (std::int64_t i = 0; i < count; ++i) f(i);
}

}  // namespace paretiny::cpu
