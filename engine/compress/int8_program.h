// Runs an int8 network on a device.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/compress/int8_network.h"
#include "kernels/core/buffer.h"
#include "kernels/core/stream.h"

namespace paretiny::compress {

/// An Int8Network on a device, planned for one batch size.
class Int8Program {
 public:
  /// Uploads the constants and allocates the activations. Throws OutOfMemory.
  Int8Program(Stream& stream, const Int8Network& network, std::int64_t batch);

  View input() const { return input_; }    ///< [batch, h, w, c] f32, normalised samples
  View output() const { return output_; }  ///< [batch, 1, 1, classes] i8, after run
  void run(Stream& stream) const;          ///< quantizes the input, then all steps

 private:
  Buffer constants_, arena_;
  View input_, output_;
  std::vector<std::function<void(Stream&)>> steps_;
};

}  // namespace paretiny::compress
