#include "tests/cuda/cudnn_double.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "tests/cuda/cudart_double.h"
#include "tests/cuda/cudnn_double_graph.h"

namespace paretiny::cuda_double {

Cudnn& cudnn() {
  static Cudnn the_library;
  return the_library;
}

namespace {

struct Handle {
  int device;
  cudaStream_t stream;
};

Held& held(cudnnBackendDescriptor_t descriptor) {
  return *static_cast<Held*>(static_cast<void*>(descriptor));
}

std::size_t bytes_of(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_INT64:
      return sizeof(std::int64_t);
    case CUDNN_TYPE_FLOAT:
      return sizeof(float);
    case CUDNN_TYPE_DATA_TYPE:
      return sizeof(cudnnDataType_t);
    case CUDNN_TYPE_CONVOLUTION_MODE:
      return sizeof(cudnnConvolutionMode_t);
    case CUDNN_TYPE_HEUR_MODE:
      return sizeof(cudnnBackendHeurMode_t);
    default:
      return sizeof(void*);
  }
}

/// The operation behind a plan or what leads to it.
const Made& operation_of(const Made& plan) {
  return plan.part(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)
      .part(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH)
      .part(CUDNN_ATTR_OPERATIONGRAPH_OPS);
}

template <class Value>
cudnnStatus_t give(const std::vector<Value>& values, std::int64_t most, std::int64_t* count,
                   void* to) {
  *count = static_cast<std::int64_t>(values.size());
  std::memcpy(to, values.data(), sizeof(Value) * static_cast<std::size_t>(std::min(most, *count)));
  return CUDNN_STATUS_SUCCESS;
}

/// Fills in the configurations that the heuristics propose.
cudnnStatus_t propose(const Made& heuristics, std::int64_t most, std::int64_t* count, void* to) {
  ++cudnn().heuristics;
  const auto mode = heuristics.value<cudnnBackendHeurMode_t>(CUDNN_ATTR_ENGINEHEUR_MODE);
  const auto& engines = mode == CUDNN_HEUR_MODE_A ? cudnn().proposed : cudnn().fallback;
  auto* const places = static_cast<cudnnBackendDescriptor_t*>(to);
  *count = static_cast<std::int64_t>(engines.size());
  for (std::int64_t i = 0; i < std::min(most, *count); ++i) {
    Made& config = *held(places[i]);
    config.engine = engines[static_cast<std::size_t>(i)];
    config.attributes[CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH] =
        heuristics.attributes.at(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
    config.finished = true;
  }
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace
}  // namespace paretiny::cuda_double

using namespace paretiny::cuda_double;

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  *handle = reinterpret_cast<cudnnHandle_t>(new Handle{runtime().device, nullptr});
  ++cudnn().handles;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  delete reinterpret_cast<Handle*>(handle);
  --cudnn().handles;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  reinterpret_cast<Handle*>(handle)->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}
const char* cudnnGetErrorString(cudnnStatus_t) {
  return "a reason";
}
std::size_t cudnnGetVersion() {
  return 91900;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t* descriptor) {
  auto made = std::make_shared<Made>();
  made->type = type;
  *descriptor = static_cast<cudnnBackendDescriptor_t>(static_cast<void*>(new Held(made)));
  ++cudnn().descriptors;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  delete &held(descriptor);
  --cudnn().descriptors;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, std::int64_t count,
                                       const void* values) {
  Made& made = *held(descriptor);
  if (!demand(!made.finished, "a finished descriptor is changed")) return CUDNN_STATUS_BAD_PARAM;
  Attribute attribute{type, {}, nullptr};
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    attribute.held = held(*static_cast<const cudnnBackendDescriptor_t*>(values));
    if (!demand(count == 1 && attribute.held->finished, "a part is not finished")) {
      return CUDNN_STATUS_BAD_PARAM;
    }
  } else {
    const auto* const from = static_cast<const unsigned char*>(values);
    attribute.bytes.assign(from, from + bytes_of(type) * static_cast<std::size_t>(count));
  }
  made.attributes[name] = std::move(attribute);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  Made& made = *held(descriptor);
  if (!fits(made)) return CUDNN_STATUS_NOT_SUPPORTED;
  made.finished = true;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t descriptor,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t, std::int64_t most,
                                       std::int64_t* count, void* values) {
  const Made& made = *held(descriptor);
  switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS:
      return propose(made, most, count, values);
    case CUDNN_ATTR_ENGINECFG_ENGINE:
      held(*static_cast<cudnnBackendDescriptor_t*>(values))->engine = made.engine;
      *count = 1;
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINE_GLOBAL_INDEX:
      return give(std::vector{made.engine.number}, most, count, values);
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE:
      return give(made.engine.numerical, most, count, values);
    case CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE:
      return give(made.engine.behavior, most, count, values);
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
      return give(std::vector{made.part(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG).engine.workspace},
                  most, count, values);
    default:
      return CUDNN_STATUS_NOT_SUPPORTED;
  }
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t of_plan,
                                  cudnnBackendDescriptor_t of_pack) {
  const cudnnStatus_t planned = cudnn().next_run;
  cudnn().next_run = CUDNN_STATUS_SUCCESS;
  if (planned != CUDNN_STATUS_SUCCESS) return planned;
  const Made &plan = *held(of_plan), &pack = *held(of_pack);
  const Engine& engine = plan.part(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG).engine;
  if (!engine.runs) return CUDNN_STATUS_NOT_SUPPORTED;
  demand(plan.finished && pack.finished, "what is run is not finished");
  const auto& at = *reinterpret_cast<const Handle*>(handle);
  demand(at.device == runtime().device, "the handle is another device's");
  demand(at.stream == stream_here(), "the stream is not ours");
  const auto names = pack.list<std::int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto places = pack.list<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  auto* const workspace = pack.value<void*>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
  demand(engine.workspace == 0 || (workspace != nullptr && aligned_to(workspace, 256)),
         "the workspace is not aligned to 256 bytes");
  Places where;
  for (std::size_t i = 0; i < std::min(names.size(), places.size()); ++i)
    where[names[i]] = places[i];
  if (engine.workspace > 0 && cudnn().wrong.empty()) {
    std::memset(workspace, 0xFF, static_cast<std::size_t>(engine.workspace));
  }
  compute(operation_of(plan), where);
  if (!cudnn().wrong.empty()) return CUDNN_STATUS_BAD_PARAM;
  cudnn().runs.push_back(engine.number);
  return CUDNN_STATUS_SUCCESS;
}
