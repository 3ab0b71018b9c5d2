// Whether this build has code for a device.
#pragma once

namespace paretiny::cuda {

/// Throws DeviceError, naming the architecture to build for, unless the program holds machine code
/// for the compute capability, or PTX that the driver can compile for it.
void check_architecture(const char* device, int major, int minor);

}  // namespace paretiny::cuda
