// The descriptors of the cuDNN double, and the one operation that it knows: a convolution and its
// gradients.
#pragma once

#include <cudnn.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "tests/cuda/cudnn_double.h"

namespace paretiny::cuda_double {

struct Made;
using Held = std::shared_ptr<Made>;

struct Attribute {
  cudnnBackendAttributeType_t type;
  std::vector<unsigned char> bytes;
  Held held;  ///< where it is a descriptor
};

struct Made {
  cudnnBackendDescriptorType_t type;
  bool finished = false;
  std::map<cudnnBackendAttributeName_t, Attribute> attributes;
  Engine engine;  ///< of a configuration and an engine

  bool has(cudnnBackendAttributeName_t name) const { return attributes.contains(name); }
  template <class Value>
  std::vector<Value> list(cudnnBackendAttributeName_t name) const {
    const auto found = attributes.find(name);
    if (found == attributes.end()) return {};
    std::vector<Value> values(found->second.bytes.size() / sizeof(Value));
    std::memcpy(values.data(), found->second.bytes.data(), values.size() * sizeof(Value));
    return values;
  }
  template <class Value>
  Value value(cudnnBackendAttributeName_t name) const {
    const auto values = list<Value>(name);
    return values.empty() ? Value{} : values.front();
  }
  const Made& part(cudnnBackendAttributeName_t name) const { return *attributes.at(name).held; }
};

/// Notes what is wrong where `right` is not so, and gives it back.
bool demand(bool right, const char* what);

/// Whether the library would finish the descriptor.
bool fits(const Made& made);

/// Where a tensor of a name is, or null.
using Places = std::map<std::int64_t, void*>;

/// Computes a finished operation in double precision; notes tensors that are nowhere, or not
/// aligned, and then computes nothing.
void compute(const Made& operation, const Places& places);

}  // namespace paretiny::cuda_double
