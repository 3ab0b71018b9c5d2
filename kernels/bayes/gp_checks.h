// Checks that the ops on Gaussian processes share.
#pragma once

#include "kernels/bayes/gp_posterior.h"
#include "kernels/core/check.h"

namespace paretiny::bayes {

void check_shape(const char* op, const GpShape& shape);
void check_state(const char* op, const GpShape& shape, const GpState& state);
void check_queries(const char* op, const GpShape& shape, const ConstView& queries);

}  // namespace paretiny::bayes
