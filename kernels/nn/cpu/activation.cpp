// Each tensor is moved once.
#include "kernels/nn/activation.h"

#include "kernels/core/cpu/elements.h"
#include "kernels/nn/cpu/with_activation.h"

namespace paretiny::cpu {
namespace {

void activation_forward(Stream&, nn::Activation activation, ConstView x, View y) {
  with_element(x.dtype, [&]<class T>(T) {
    with_activation(activation, [&](auto fixed) {
      const T* from = x.as<T>();
      T* to = y.as<T>();
      for_elements(x.elements(), [=](std::int64_t i, auto width) {
        F32x16 value;
        load_ahead(value, from + i, width);
        nn::activate(fixed, value, value);
        store(to + i, value, width);
      });
    });
  });
}

void activation_backward(Stream&, nn::Activation activation, ConstView x, ConstView dy, View dx) {
  with_element(x.dtype, [&]<class T>(T) {
    with_activation(activation, [&](auto fixed) {
      const T* from = x.as<T>();
      const T* grad = dy.as<T>();
      T* to = dx.as<T>();
      for_elements(x.elements(), [=](std::int64_t i, auto width) {
        F32x16 value, gradient, slope;
        load_ahead(value, from + i, width);
        load_ahead(gradient, grad + i, width);
        nn::activation_slope(fixed, value, slope);
        store(to + i, slope * gradient, width);
      });
    });
  });
}

const Twin forward(nn::twins::activation_forward, DeviceKind::cpu, activation_forward);
const Twin backward(nn::twins::activation_backward, DeviceKind::cpu, activation_backward);

}  // namespace
}  // namespace paretiny::cpu
