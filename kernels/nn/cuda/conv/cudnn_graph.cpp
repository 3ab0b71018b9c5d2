#include "kernels/nn/cuda/conv/cudnn_graph.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/error.h"

namespace paretiny::cuda {

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  cudnnBackendDescriptor_t made = nullptr;
  const cudnnStatus_t status = cudnnBackendCreateDescriptor(type, &made);
  if (status != CUDNN_STATUS_SUCCESS) {
    throw DeviceError(std::string("cuDNN: making a descriptor: ") + cudnnGetErrorString(status));
  }
  held_.reset(made, cudnnBackendDestroyDescriptor);
}

bool Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                     std::int64_t count, const void* values) {
  return cudnnBackendSetAttribute(get(), name, type, count, values) == CUDNN_STATUS_SUCCESS;
}

bool Descriptor::set(cudnnBackendAttributeName_t name, std::span<const std::int64_t> values) {
  return set(name, CUDNN_TYPE_INT64, static_cast<std::int64_t>(values.size()), values.data());
}

bool Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& value) {
  const cudnnBackendDescriptor_t held = value.get();
  return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &held);
}

bool Descriptor::finish() {
  return cudnnBackendFinalize(get()) == CUDNN_STATUS_SUCCESS;
}

namespace {

using Numbers = std::array<std::int64_t, 4>;

/// More than any graph of one convolution has engines.
constexpr std::int64_t kMostConfigs = 64;
/// What tensors are aligned to: packs of 16 bytes.
constexpr std::int64_t kAlignment = 16;

cudnnDataType_t type_of(DType dtype) {
  return dtype == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

/// A tensor that lies as [n, h, w, c]; cuDNN names the dimensions n, c, h, w. Empty where refused.
Descriptor tensor(ConvTensor name, const Shape& shape, DType dtype) {
  Descriptor made(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const cudnnDataType_t type = type_of(dtype);
  const std::int64_t id = name;
  const Numbers dimensions = {shape.n, shape.c, shape.h, shape.w};
  const Numbers strides = {shape.h * shape.w * shape.c, 1, shape.w * shape.c, shape.c};
  const bool taken = made.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type) &&
                     made.set(CUDNN_ATTR_TENSOR_DIMENSIONS, dimensions) &&
                     made.set(CUDNN_ATTR_TENSOR_STRIDES, strides) &&
                     made.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, {&id, 1}) &&
                     made.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {&kAlignment, 1}) && made.finish();
  return taken ? made : Descriptor();
}

/// The window; sums are f32. Empty where refused.
Descriptor window_of(const nn::Window& w) {
  Descriptor made(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  const std::int64_t dimensions = 2;
  const std::array<std::int64_t, 2> before = {w.top, w.left}, after = {w.bottom, w.right},
                                    strides = {w.stride_h, w.stride_w}, dilations = {1, 1};
  const bool taken =
      made.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &sums) &&
      made.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode) &&
      made.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, {&dimensions, 1}) &&
      made.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, before) &&
      made.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, after) &&
      made.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, strides) &&
      made.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, dilations) && made.finish();
  return taken ? made : Descriptor();
}

/// What a pass is called in cuDNN.
struct PassNames {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t window, input, weights, output, alpha, beta;
};
PassNames names_of(ConvPass pass) {
  switch (pass) {
    case ConvPass::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case ConvPass::backward_data:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case ConvPass::backward_weights:
      break;
  }
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
}

/// A graph of one convolution; empty where cuDNN refuses a part of it.
Descriptor graph_of(const CudnnDevice& device, const nn::ConvShape& shape, DType dtype,
                    ConvPass pass) {
  const Descriptor x = tensor(kInput, shape.input, dtype),
                   y = tensor(kOutput, shape.output(), dtype),
                   w = tensor(kWeights, shape.weights(), dtype), window = window_of(shape.window);
  if (!x || !y || !w || !window) return {};
  const PassNames names = names_of(pass);
  const float one = 1, zero = 0;
  Descriptor operation(names.operation), graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  const bool taken =
      operation.set(names.window, window) && operation.set(names.input, x) &&
      operation.set(names.weights, w) && operation.set(names.output, y) &&
      operation.set(names.alpha, CUDNN_TYPE_FLOAT, 1, &one) &&
      operation.set(names.beta, CUDNN_TYPE_FLOAT, 1, &zero) && operation.finish() &&
      graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation) &&
      (device.handle == nullptr ||
       graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &device.handle)) &&
      graph.finish();
  return taken ? graph : Descriptor();
}

/// The configurations that the heuristics propose in a mode, best first.
std::vector<Descriptor> proposals(const CudnnDevice& device, const Descriptor& graph,
                                  cudnnBackendHeurMode_t mode) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  if (!heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph) ||
      !heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode) ||
      (device.properties && !heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, device.properties)) ||
      !heuristics.finish()) {
    return {};
  }
  std::vector<Descriptor> configs;
  std::vector<cudnnBackendDescriptor_t> places;
  for (std::int64_t i = 0; i < kMostConfigs; ++i) {
    places.push_back(configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).get());
  }
  std::int64_t count = 0;
  if (cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                               CUDNN_TYPE_BACKEND_DESCRIPTOR, kMostConfigs, &count,
                               places.data()) != CUDNN_STATUS_SUCCESS) {
    return {};
  }
  configs.resize(static_cast<std::size_t>(std::min(count, kMostConfigs)));
  return configs;
}

/// What a list-like attribute holds, as bits by its values.
template <class Note>
unsigned notes_of(const Descriptor& engine, cudnnBackendAttributeName_t name,
                  cudnnBackendAttributeType_t type, std::int64_t most) {
  std::vector<Note> notes(static_cast<std::size_t>(most));
  std::int64_t count = 0;
  cudnnBackendGetAttribute(engine.get(), name, type, most, &count, notes.data());
  unsigned bits = 0;
  for (std::int64_t i = 0; i < count; ++i) bits |= 1u << notes[static_cast<std::size_t>(i)];
  return bits;
}

constexpr unsigned bits_of(std::initializer_list<unsigned> notes) {
  unsigned bits = 0;
  for (const unsigned note : notes) bits |= 1u << note;
  return bits;
}

/// Fills in engine and whether it is on tensor cores; whether it computes as promised.
bool keeps_promises(const Descriptor& config, DType activations, ConvPlan& plan) {
  const Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t place = engine.get();
  std::int64_t count = 0;
  if (cudnnBackendGetAttribute(config.get(), CUDNN_ATTR_ENGINECFG_ENGINE,
                               CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count,
                               &place) != CUDNN_STATUS_SUCCESS ||
      cudnnBackendGetAttribute(engine.get(), CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1,
                               &count, &plan.engine) != CUDNN_STATUS_SUCCESS) {
    return false;
  }
  const unsigned numeric = notes_of<cudnnBackendNumericalNote_t>(
      engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
      CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
  const unsigned behavior = notes_of<cudnnBackendBehaviorNote_t>(
      engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE,
      CUDNN_BEHAVIOR_NOTE_TYPE_COUNT);
  // Transforms round otherwise than sums of products.
  constexpr unsigned kInexact = bits_of(
      {CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION,
       CUDNN_NUMERICAL_NOTE_FFT, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC,
       CUDNN_NUMERICAL_NOTE_WINOGRAD, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4,
       CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13});
  // Compiling at run time takes seconds a shape, and a search meets thousands.
  constexpr unsigned kSlowToStart = bits_of({CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION});
  plan.tensor_cores = (numeric & bits_of({CUDNN_NUMERICAL_NOTE_TENSOR_CORE})) != 0;
  return (numeric & kInexact) == 0 && (behavior & kSlowToStart) == 0 &&
         plan.tensor_cores == (activations == DType::bf16);
}

/// The plan of a configuration; empty where the engine does not support the graph after all.
Descriptor finished_plan(const CudnnDevice& device, const Descriptor& config) {
  Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  const bool taken =
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config) &&
      (device.handle == nullptr ||
       plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &device.handle)) &&
      (!device.properties || plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, device.properties)) &&
      plan.finish();
  return taken ? plan : Descriptor();
}

}  // namespace

ConvPlan plan_convolution(const CudnnDevice& device, const nn::ConvShape& shape, DType activations,
                          ConvPass pass, std::size_t most_workspace) {
  const Descriptor graph = graph_of(device, shape, activations, pass);
  if (!graph) return {};
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (const Descriptor& config : proposals(device, graph, mode)) {
      ConvPlan plan;
      if (!keeps_promises(config, activations, plan)) continue;
      plan.plan = finished_plan(device, config);
      if (!plan) continue;
      std::int64_t count = 0, bytes = 0;
      if (cudnnBackendGetAttribute(plan.plan.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                   CUDNN_TYPE_INT64, 1, &count, &bytes) != CUDNN_STATUS_SUCCESS ||
          static_cast<std::size_t>(bytes) > most_workspace) {
        continue;
      }
      plan.workspace = static_cast<std::size_t>(bytes);
      return plan;
    }
  }
  return {};
}

}  // namespace paretiny::cuda
