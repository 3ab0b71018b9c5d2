// The layers of the models as they are trained: every distinct shape once, and some odd ones.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/graph/graph.h"
#include "kernels/nn/batchnorm.h"
#include "kernels/nn/conv.h"
#include "kernels/nn/depthwise.h"
#include "kernels/nn/fully_connected.h"
#include "kernels/nn/pointwise.h"

namespace paretiny::bench {

struct ModelLayers {
  std::vector<nn::ConvShape> conv;
  std::vector<nn::DepthwiseShape> depthwise;
  std::vector<nn::PointwiseShape> pointwise;
  std::vector<nn::FullyConnectedShape> fully_connected;
  std::vector<nn::BatchNormShape> batch_norm;                ///< with the activation behind it
  std::vector<std::pair<Shape, nn::Activation>> activation;  ///< that no batch norm takes in
  std::vector<Shape> add, channel_scale, global_average_pool;
};

/// ResNet-18 scaled, ResNet-8 and MobileNetV3 on 32x32x3, MobileNetV3 on 96x96x3 and on 24 channels
/// x 1024, DS-CNN on 49x10: batch 512 (96x96: 256).
const ModelLayers& model_layers();

/// Names a shape: "512x16x16x96", "_k3_s1" (or "_k1x5_s1x2"), "_to96".
std::string label(const nn::ConvShape& shape);
std::string label(const nn::DepthwiseShape& shape);
std::string label(const nn::PointwiseShape& shape);
std::string label(const nn::FullyConnectedShape& shape);
std::string label(const nn::BatchNormShape& shape);

}  // namespace paretiny::bench
