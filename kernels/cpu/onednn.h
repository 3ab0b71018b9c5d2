// oneDNN, confined to this folder: one engine and stream a CpuStream, and its primitive cache.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>

#include "kernels/cpu/cpu_stream.h"

namespace paretiny::cpu {

struct Primitives {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

}  // namespace paretiny::cpu
