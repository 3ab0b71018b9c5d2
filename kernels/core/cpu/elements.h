// Flat loops over the elements of a tensor, sixteen at a time. The choice of type is made
// outside them.
#pragma once

#include <type_traits>

#include "kernels/core/cpu/f32x16.h"
#include "kernels/core/threads.h"

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

/// Loads in a walk through memory, and asks for what the walk will need 4 KiB later: for two-byte
/// elements the processor's own prefetching comes too late (two fifths slower, measured).
template <class T, class Width>
void load_ahead(F32x16& lanes, const T* from, Width width) {
  if constexpr (sizeof(T) == 2) {
    __builtin_prefetch(reinterpret_cast<const char*>(from) + 4096);
  }
  load(lanes, from, width);
}

/// f(i, width) for i = 0, 16, ...: a width that is the compile-time kLanes, but for what is left at
/// the end.
template <class F>
void by_vectors(std::int64_t count, F f) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) f(i, std::integral_constant<std::int64_t, kLanes>{});
  if (i < count) f(i, count - i);
}

/// The same over the threads; f must not touch what another i writes.
template <class F>
void for_elements(std::int64_t count, F f) {
  parallel_for(count / kLanes, count >= kParallelElements, [&](std::int64_t vector) {
    f(vector * kLanes, std::integral_constant<std::int64_t, kLanes>{});
  });
  if (count % kLanes != 0) f(count / kLanes * kLanes, count % kLanes);
}

}  // namespace paretiny::cpu
