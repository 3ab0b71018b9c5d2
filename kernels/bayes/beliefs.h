#pragma once

#include "kernels/core/tensor.h"

namespace paretiny::bayes {

/// Independent normal beliefs about `sets` outcomes at q points, as gp_posterior writes them:
/// [1, 1, sets, q] f64 each.
struct Beliefs {
  ConstView mean;
  ConstView variance;
};

}  // namespace paretiny::bayes
