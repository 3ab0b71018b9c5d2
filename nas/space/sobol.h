// Scrambled Sobol points: a low-discrepancy sequence as a pure function of its index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace paretiny::space {

/// The Sobol sequence with the direction numbers of Joe and Kuo (2008), scrambled by a random
/// lower-triangular matrix over the bits of each dimension and a digital shift (Matousek, "On the
/// L2-discrepancy for anchored boxes", 1998): any 2^k points from an index that is a multiple of
/// 2^k on are as evenly spread as the plain sequence's, and each point alone is uniform. Dimensions
/// beyond the table of direction numbers are independent random numbers.
class SobolSequence {
 public:
  /// Dimensions of low discrepancy.
  static constexpr std::size_t kTabulated = 128;

  /// `key` names the scrambling: random_key(seed, purpose). Throws UsageError for no dimension.
  SobolSequence(std::size_t dimensions, std::uint64_t key);

  std::size_t dimensions() const { return dimensions_; }

  /// Writes point number `index`, below 2^53, to u: [dimensions()], each in [0, 1).
  void point(std::uint64_t index, double* u) const;

 private:
  std::size_t dimensions_;
  std::uint64_t key_;
  std::vector<std::uint64_t> directions_;  ///< scrambled, 53 bits each: [tabulated, 53]
  std::vector<std::uint64_t> shift_;       ///< [tabulated]
};

}  // namespace paretiny::space
