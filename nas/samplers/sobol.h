// Scrambled Sobol points: a low-discrepancy sequence as a pure function of its index, and the
// sampler that tries them in turn.
#pragma once

#include <cstdint>
#include <vector>

#include "nas/samplers/sampler.h"

namespace paretiny {

/// The Sobol sequence with the direction numbers of Joe and Kuo (2008), scrambled by a random
/// lower-triangular matrix over the bits of each dimension and a digital shift (Matousek, "On the
/// L2-discrepancy for anchored boxes", 1998): any 2^k points from an index that is a multiple of
/// 2^k on are as evenly spread as the plain sequence's, and each point alone is uniform.
class SobolSequence {
 public:
  static constexpr std::size_t kMostDimensions = 128;

  /// `key` names the scrambling: random_key(seed, purpose). Throws UsageError for no dimension or
  /// more than kMostDimensions.
  SobolSequence(std::size_t dimensions, std::uint64_t key);

  std::size_t dimensions() const { return shift_.size(); }

  /// Writes point number `index`, below 2^53, to u: [dimensions()], each in [0, 1).
  void point(std::uint64_t index, double* u) const;

 private:
  std::vector<std::uint64_t> directions_;  ///< scrambled, 53 bits each: [dimensions, 53]
  std::vector<std::uint64_t> shift_;       ///< [dimensions]
};

/// Trial t is point t of the sequence, one dimension a parameter; a point that was seen before
/// gives way to a random one. Throws UsageError for a space of more parameters than the sequence
/// has dimensions.
class SobolSampler : public Sampler {
 public:
  explicit SobolSampler(SamplerProblem problem);
  std::vector<double> ask(const std::vector<Observation>& history, std::uint64_t trial) override;

 private:
  SamplerProblem problem_;
  SobolSequence sequence_;
};

}  // namespace paretiny
