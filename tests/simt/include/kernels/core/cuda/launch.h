// The SIMT twin of kernels/core/cuda/launch.h.
#pragma once

#include <cuda_runtime.h>

#include <tuple>
#include <utility>

#include "kernels/core/stream.h"
#include "tests/simt/memory.h"
#include "tests/simt/recording.h"

namespace paretiny::cuda {

int multiprocessors(Stream& stream);
std::size_t shared_memory_limit(Stream& stream);

struct LaunchShape {
  dim3 blocks;
  dim3 threads;
  std::size_t shared_bytes = 0;
};

template <class... Parameters, class... Arguments>
void launch(Stream&, const char* name, void (*kernel)(Parameters...), const LaunchShape& shape,
            Arguments&&... arguments) {
  static_assert((std::is_trivially_copyable_v<Parameters> && ...), "copied byte by byte");
  const std::tuple<Parameters...> parameters(static_cast<Parameters>(arguments)...);
  const auto check = [&](const auto& parameter) {
    if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(parameter)>>) {
      simt::check_device_memory(name, parameter, 0);
    }
  };
  std::apply([&](const auto&... each) { (check(each), ...); }, parameters);
  simt::Given given(name);
  given.with(shape.blocks).with(shape.threads).with(shape.shared_bytes);
  std::apply([&](const auto&... each) { (given.with(each), ...); }, parameters);
  given.note();
  simt::run(name, shape.blocks, shape.threads, shape.shared_bytes,
            [&] { std::apply(kernel, parameters); });
}

}  // namespace paretiny::cuda
