// Whether this build has code for a device.
#pragma once

namespace paretiny::cuda {

/// Throws DeviceError, naming the architecture to build for, unless the program holds machine code
/// for the calling thread's device, or PTX that the driver can compile for it. The arguments say
/// which device that is.
void check_architecture(const char* device, int major, int minor);

}  // namespace paretiny::cuda
