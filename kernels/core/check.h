// Checks of an op's arguments, made once for all devices.
#pragma once

#include <initializer_list>
#include <string>

#include "base/error.h"
#include "kernels/core/tensor.h"

namespace paretiny {

/// Throws UsageError("<op>: <argument> ...") unless `tensor` has data, one of `dtypes`, and
/// `shape`.
template <class AnyView>
void check_tensor(const char* op, const char* argument, const AnyView& tensor, const Shape& shape,
                  std::initializer_list<DType> dtypes) {
  const std::string where = std::string(op) + ": " + argument;
  if (!tensor) throw UsageError(where + " is null");
  bool known = false;
  for (const DType dtype : dtypes) known = known || tensor.dtype == dtype;
  if (!known) throw UsageError(where + " has type " + name_of(tensor.dtype));
  if (tensor.shape != shape) {
    throw UsageError(where + " has shape " + to_string(tensor.shape) + ", expected " +
                     to_string(shape));
  }
}

inline void check(bool holds, const char* op, const std::string& what) {
  if (!holds) throw UsageError(std::string(op) + ": " + what);
}

}  // namespace paretiny
