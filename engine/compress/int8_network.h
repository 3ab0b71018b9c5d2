// A quantized network as a value: steps of integer operators over int8 tensors, with every number
// that running it, or writing it out as C, needs. kernels/int8/int8.h gives the arithmetic.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "kernels/core/tensor.h"
#include "kernels/int8/parameters.h"
#include "kernels/int8/tables.h"
#include "kernels/nn/window.h"

namespace paretiny::compress {

struct Int8Tensor {
  std::string name;  ///< of the graph's node that it is the output of
  Shape shape;       ///< of one sample, n = 1
  int8::Quantization quantization;
};

/// A layer with weights. Weights as the kernels lay them out, one scale, bias and multiplier an
/// output channel.
struct Int8Layer {
  nn::Window window;  ///< 1x1 for a fully connected layer
  int8::Int8LayerParameters parameters;
  Shape weights_shape;
  std::vector<std::int8_t> weights;  ///< in [-127, 127]
  std::vector<float> weight_scales;
  std::vector<std::int32_t> bias;
  std::vector<std::int32_t> multipliers;
  std::vector<std::int32_t> shifts;
};

struct Int8Conv : Int8Layer {};
struct Int8Depthwise : Int8Layer {};
struct Int8FullyConnected : Int8Layer {};
struct Int8Add {
  int8::Int8AddParameters parameters;
};
/// The second input is repeated over h and w: the gate of squeeze-and-excite.
struct Int8Mul {
  int8::Int8MulParameters parameters;
};
/// An element-wise function: hard-swish, hard-sigmoid, or a clamp that no layer could take in.
struct Int8Lookup {
  nn::Activation activation;
  int8::Int8Table table;
};
struct Int8MaxPool {
  nn::Window window;
};
struct Int8AveragePool {
  nn::Window window;
};
/// Global average pool.
struct Int8Mean {
  int8::Int8MeanParameters parameters;
};

using Int8Operation = std::variant<Int8Conv, Int8Depthwise, Int8FullyConnected, Int8Add, Int8Mul,
                                   Int8Lookup, Int8MaxPool, Int8AveragePool, Int8Mean>;

struct Int8Step {
  std::string name;  ///< of the graph's node
  Int8Operation operation;
  std::vector<int> inputs;  ///< indices of tensors
  int output = 0;
};

/// Tensor 0 is the input, the output of the last step the logits: the class is the first of the
/// largest. Steps are in an order in which they can run.
struct Int8Network {
  std::vector<Int8Tensor> tensors;
  std::vector<Int8Step> steps;

  const Int8Tensor& input() const { return tensors.front(); }
  const Int8Tensor& output() const {
    return tensors[static_cast<std::size_t>(steps.back().output)];
  }
};

}  // namespace paretiny::compress
