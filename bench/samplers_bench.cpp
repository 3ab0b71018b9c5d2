// The samplers on the CPU.
#include <benchmark/benchmark.h>

#include "bench/samplers.h"

int main(int argc, char** argv) {
  paretiny::register_samplers({});
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
