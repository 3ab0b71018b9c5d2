// Draws of whole functions from the surrogates' posterior: what Thompson sampling, noisy expected
// improvement and their kin average over (kernels/bayes/gp_paths.h).
#pragma once

#include <cstdint>

#include "kernels/bayes/gp_paths.h"
#include "nas/surrogate/surrogates.h"

namespace paretiny::surrogate {

class PosteriorPaths {
 public:
  /// `paths` independent draws of every set's function, a function of `key`. The surrogates must
  /// outlive them.
  PosteriorPaths(const Surrogates& surrogates, std::int64_t paths, std::uint64_t key);

  std::int64_t paths() const { return paths_; }

  /// Values at queries [q, d], standardised as the surrogates': row s * q + i holds all paths of
  /// set s at query i: [sets * q, paths].
  RowMatrix values(const RowMatrix& queries) const;

  /// The gradient of sum(slopes * values(queries)) by the queries: [q, d]. slopes: as values.
  RowMatrix gradient(const RowMatrix& queries, const RowMatrix& slopes) const;

 private:
  const Surrogates& surrogates_;
  std::int64_t paths_;
  DeviceArray frequencies_, phases_, weights_;
  bayes::GpPaths views_;
};

}  // namespace paretiny::surrogate
