// Element-wise activations: one pass over memory.
#include "kernels/activation.h"
#include "kernels/cuda/elementwise.h"

namespace paretiny::cuda {
namespace {

struct Activate {
  Activation activation;
  __device__ float operator()(float x) const { return activate(activation, x); }
};

struct TimesSlope {
  Activation activation;
  __device__ float operator()(float x, float dy) const {
    return activation_slope(activation, x) * dy;
  }
};

void activation_forward(Stream& stream, Activation activation, ConstView x, View y) {
  with_element(x.dtype, [&]<class T>(const T*) {
    map_elements(stream, "activation_forward", x.elements(), y.as<T>(), Activate{activation},
                 x.as<T>());
  });
}

void activation_backward(Stream& stream, Activation activation, ConstView x, ConstView dy,
                         View dx) {
  with_element(x.dtype, [&]<class T>(const T*) {
    map_elements(stream, "activation_backward", x.elements(), dx.as<T>(), TimesSlope{activation},
                 x.as<T>(), dy.as<T>());
  });
}

const Twin forward(twins::activation_forward, DeviceKind::cuda, activation_forward);
const Twin backward(twins::activation_backward, DeviceKind::cuda, activation_backward);

}  // namespace
}  // namespace paretiny::cuda
