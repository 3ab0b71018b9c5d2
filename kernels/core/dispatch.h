// Where an op meets its twins. An op's header declares `Op` objects in namespace twins; the file of
// each device registers its function there:
//
//   header:     namespace twins { extern Op<decltype(relu_forward)> relu_forward; }
//   relu.cpp:   checks shapes once, then calls twins::relu_forward(stream, ...)
//   cpu/relu.cpp:  const Twin twin(twins::relu_forward, DeviceKind::cpu, relu_forward_cpu);
#pragma once

#include <array>
#include <string>

#include "base/error.h"
#include "kernels/core/device.h"
#include "kernels/core/stream.h"

namespace paretiny {

template <class Signature>
class Op;

/// One function a device kind, chosen by the stream's device.
template <class Result, class... Arguments>
class Op<Result(Stream&, Arguments...)> {
 public:
  using Function = Result (*)(Stream&, Arguments...);

  constexpr explicit Op(const char* name) : name_(name) {}

  Result operator()(Stream& stream, Arguments... arguments) const {
    const Function twin = functions_[static_cast<std::size_t>(stream.device().kind)];
    if (twin == nullptr) {
      throw DeviceError(std::string(name_) + " has no implementation for device " +
                        to_string(stream.device()));
    }
    return twin(stream, arguments...);
  }

  void add(DeviceKind kind, Function function) {
    functions_[static_cast<std::size_t>(kind)] = function;
  }

 private:
  const char* name_;
  std::array<Function, kDeviceKinds> functions_{};
};

/// Registers a device's function when the program starts. The `Op` objects are
/// constant-initialised, so the order of initialisation does not matter.
struct Twin {
  template <class Signature>
  Twin(Op<Signature>& op, DeviceKind kind, typename Op<Signature>::Function function) {
    op.add(kind, function);
  }
};

}  // namespace paretiny
