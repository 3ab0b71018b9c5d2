// How well surrogates predict what they have seen, each value without itself.
#pragma once

#include "nas/surrogate/surrogates.h"

namespace paretiny::surrogate {

/// In the values' units, [n] each.
struct LeaveOneOut {
  Eigen::VectorXd measured;
  Eigen::VectorXd predicted;  ///< by the others, with the hyperparameters as they are
  Eigen::VectorXd deviation;  ///< of that prediction, noise included
  double r2 = 0;              ///< 1 - squared errors over squared deviations from the mean
};

/// Rasmussen and Williams, 2006, equations 5.10 to 5.12: no process is fitted or factored again.
LeaveOneOut leave_one_out(const Surrogates& surrogates, std::size_t set);

/// Lengthscales of a set's coordinates, as shares of the unit cube's edge: [d].
Eigen::VectorXd lengthscales(const Surrogates& surrogates, std::size_t set);

}  // namespace paretiny::surrogate
