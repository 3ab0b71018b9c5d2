// What a suggestion costs, and of what: the fit of the surrogates, their posterior. How far the
// samplers get is `paretiny optimize`'s matter (docs/samplers.md holds tables).
#pragma once

#include "kernels/core/device.h"

namespace paretiny {

/// Registers the benchmarks of every sampler on a device.
void register_samplers(Device device);

}  // namespace paretiny
