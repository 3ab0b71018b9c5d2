// Calls of CUB, the library of sorts and reductions that comes with CUDA: no waiting, and no memory
// but the stream's scratch, so that they can be recorded. Its headers compile slowly: a .cu file
// includes those that it uses. On the test machine of tests/simt, headers of its own have their
// names.
#pragma once

#include "kernels/core/cuda/launch.h"

namespace paretiny::cuda {

/// Runs call(storage, bytes, CUDA stream): first without storage, to hear how many bytes it needs,
/// then with them. `name` is for errors.
template <class F>
void cub_call(Stream& stream, const char* name, F call) {
  std::size_t bytes = 0;
  check_cuda(call(nullptr, bytes, handle(stream)), name);
  Arena::Scope scratch(stream.scratch());
  check_cuda(call(scratch.take(bytes), bytes, handle(stream)), name);
}

}  // namespace paretiny::cuda
