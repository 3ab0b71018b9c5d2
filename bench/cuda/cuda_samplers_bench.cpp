// The samplers on the GPU, and beside them on this machine's CPU.
#include "bench/cuda/measure.h"
#include "bench/samplers.h"

int main(int argc, char** argv) {
  using namespace paretiny;
  register_samplers({DeviceKind::cuda, 0});
  register_samplers({});
  return bench::run(argc, argv);
}
