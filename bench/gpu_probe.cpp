// Whether the first GPU that CUDA lets this process see works: one trivial kernel, launched and
// read back. Prints a line of JSON about it: gpu, features, memory_bytes, free_bytes (with this
// process's own context taken off), libraries. Exit code: 0 it works, 1 it does not, 77 there is
// none; why is one sentence on standard error.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/core/buffer.h"
#include "kernels/core/stream.h"
#include "kernels/nn/elementwise.h"

namespace paretiny::bench {
namespace {

constexpr Device kGpu{DeviceKind::cuda, 0};

void add_on_it() {
  const auto stream = Stream::create(kGpu);
  std::vector<float> values(1000);
  std::iota(values.begin(), values.end(), 0.0f);
  const std::size_t bytes = values.size() * sizeof(float);
  const Buffer memory(kGpu, bytes);
  stream->upload(memory.data(), values.data(), bytes);
  const View x = memory.at(0, DType::f32, {1, 1, 1, static_cast<std::int64_t>(values.size())});
  nn::add_forward(*stream, nn::Activation::none, x, x, x);
  std::vector<float> doubled(values.size());
  stream->download(doubled.data(), memory.data(), bytes);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (doubled[i] == 2 * values[i]) continue;
    throw DeviceError("adds wrongly: " + std::to_string(values[i]) + " twice is " +
                      std::to_string(doubled[i]));
  }
}

int probe() {
  // Throws where the GPU's part of the program cannot be loaded, which is no lack of a GPU.
  const Backend& cuda = backend(DeviceKind::cuda);
  if (const std::string missing = cuda.why_none(); !missing.empty()) {
    std::fprintf(stderr, "%s\n", missing.c_str());
    return 77;
  }
  add_on_it();
  const DeviceInfo info = cuda.devices().front();
  const nlohmann::json answer = {{"gpu", info.name},
                                 {"features", info.features},
                                 {"memory_bytes", info.memory_bytes},
                                 {"free_bytes", cuda.available(kGpu.index)},
                                 {"libraries", cuda.libraries()}};
  std::printf("%s\n", answer.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace paretiny::bench

int main() {
  try {
    return paretiny::bench::probe();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
