// Element-wise activations: one pass over memory, one branch on the activation for each thread.
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/nn/activation.h"
#include "kernels/nn/cuda/elementwise.h"
#include "kernels/nn/cuda/fixed_activation.h"

namespace paretiny::cuda {
namespace {

/// x, y: [count].
template <class T>
__global__ void activate_kernel(GridDependency earlier, T* y, std::int64_t count, bool aligned,
                                nn::Activation activation, const T* x) {
  earlier.wait();
  with_activation(activation, [&]<nn::Activation kActivation>() {
    map_share(
        y, count, aligned, [](float value) { return nn::activate(kActivation, value); }, x);
  });
}

/// x, dy, dx: [count].
template <class T>
__global__ void slope_kernel(GridDependency earlier, T* dx, std::int64_t count, bool aligned,
                             nn::Activation activation, const T* x, const T* dy) {
  earlier.wait();
  with_activation(activation, [&]<nn::Activation kActivation>() {
    map_share(
        dx, count, aligned,
        [](float value, float gradient) {
          return nn::activation_slope(kActivation, value) * gradient;
        },
        x, dy);
  });
}

void activation_forward(Stream& stream, nn::Activation activation, ConstView x, View y) {
  with_element(x.dtype, [&]<class T>(T) {
    const MapLaunch how = map_launch(stream, x.elements(), y.as<T>(), x.as<T>());
    launch_dependent(stream, "activation_forward", activate_kernel<T>, how.shape, y.as<T>(),
                     x.elements(), how.aligned, activation, x.as<T>());
  });
}

void activation_backward(Stream& stream, nn::Activation activation, ConstView x, ConstView dy,
                         View dx) {
  with_element(x.dtype, [&]<class T>(T) {
    const MapLaunch how = map_launch(stream, x.elements(), dx.as<T>(), x.as<T>(), dy.as<T>());
    launch_dependent(stream, "activation_backward", slope_kernel<T>, how.shape, dx.as<T>(),
                     x.elements(), how.aligned, activation, x.as<T>(), dy.as<T>());
  });
}

const Twin forward(nn::twins::activation_forward, DeviceKind::cuda, activation_forward);
const Twin backward(nn::twins::activation_backward, DeviceKind::cuda, activation_backward);

}  // namespace
}  // namespace paretiny::cuda
