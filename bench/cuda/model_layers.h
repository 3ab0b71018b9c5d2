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
  std::vector<ConvShape> conv;
  std::vector<DepthwiseShape> depthwise;
  std::vector<PointwiseShape> pointwise;
  std::vector<FullyConnectedShape> fully_connected;
  std::vector<BatchNormShape> batch_norm;                ///< with the activation behind it
  std::vector<std::pair<Shape, Activation>> activation;  ///< that no batch norm takes in
  std::vector<Shape> add, channel_scale, global_average_pool;
};

/// ResNet-18 scaled, ResNet-8 and MobileNetV3 on 32x32x3, MobileNetV3 on 96x96x3 and on 24 channels
/// x 1024, DS-CNN on 49x10: batch 512 (96x96: 256).
const ModelLayers& model_layers();

/// Names a shape: "512x16x16x96", "_k3_s1" (or "_k1x5_s1x2"), "_to96".
std::string label(const ConvShape& shape);
std::string label(const DepthwiseShape& shape);
std::string label(const PointwiseShape& shape);
std::string label(const FullyConnectedShape& shape);
std::string label(const BatchNormShape& shape);

}  // namespace paretiny::bench
