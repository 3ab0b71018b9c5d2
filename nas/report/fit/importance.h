// How much of each objective each parameter explains by itself.
#pragma once

#include <string>
#include <vector>

#include "nas/study/study.h"

namespace paretiny::report {

/// For one objective.
struct Importance {
  std::size_t trials = 0;      ///< with the objective known, that the model was fitted to
  double fit = 0;              ///< leave-one-out R^2: 1 = predicts unseen trials, <= 0 = no better
                               ///< than their mean
  std::vector<double> shares;  ///< [parameters]: variance of the parameter's effect / variance
};

/// The fewest trials that say anything, and the most that are fitted (evenly spread over a longer
/// study).
constexpr std::size_t kImportanceLeast = 8;
constexpr std::size_t kImportanceMost = 400;

/// First-order functional analysis of variance. Each objective's ranks are fitted by kernel ridge
/// regression with an additive kernel, one Gaussian kernel a parameter on that parameter's ranks
/// (categorical: equal or not), so the prediction is a sum of one function a parameter; a share is
/// the variance of that function over the trials. Ranks make the result the same for any monotone
/// scale, such as logarithms. The ridge minimises the leave-one-out error (closed form). What only
/// a combination of parameters explains is not in the shares, but missing from the fit. `fit` and
/// `shares` are 0 with fewer than kImportanceLeast trials, a constant objective or no parameter
/// that varies.
std::vector<Importance> parameter_importance(std::size_t objectives,
                                             const std::vector<std::string>& parameters,
                                             const std::vector<study::Trial>& trials);

/// Names of the parameters that occur in the trials' values.
std::vector<std::string> parameter_names(const std::vector<study::Trial>& trials);

}  // namespace paretiny::report
