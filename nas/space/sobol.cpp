#include "nas/space/sobol.h"

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "kernels/core/random.h"
#include "nas/space/sobol_table.h"

namespace paretiny::space {
namespace {

/// Bits of an index and of a coordinate: as many as a double holds.
constexpr unsigned kBits = 53;
using Directions = std::array<std::uint64_t, kBits>;

static_assert(kSobolRows.size() + 1 == SobolSequence::kTabulated);

/// Direction numbers of a dimension, the first digit after the point in bit kBits - 1. Dimension 0
/// is van der Corput's sequence.
Directions direction_numbers(std::size_t dimension) {
  Directions m;
  m.fill(1);
  if (dimension > 0) {
    const SobolRow& row = kSobolRows[dimension - 1];
    const std::uint64_t polynomial = row.polynomial;
    const auto degree = static_cast<unsigned>(std::bit_width(polynomial)) - 1;
    for (unsigned k = 0; k < kBits; ++k) {
      if (k < degree) {
        m[k] = row.start[k];
        continue;
      }
      m[k] = m[k - degree];
      for (unsigned i = 1; i <= degree; ++i) {
        if ((polynomial >> (degree - i) & 1) != 0) m[k] ^= m[k - i] << i;
      }
    }
  }
  for (unsigned k = 0; k < kBits; ++k) m[k] <<= kBits - 1 - k;
  return m;
}

std::uint64_t random_bits(Random& random) {
  return random.key() >> (64 - kBits);
}

/// Multiplies every direction by one random lower-triangular matrix with a unit diagonal: a digit
/// becomes itself plus a random choice of those before it.
void scramble(Directions& directions, Random& random) {
  Directions scrambled{};
  for (unsigned digit = 0; digit < kBits; ++digit) {
    const std::uint64_t own = std::uint64_t{1} << (kBits - 1 - digit);
    const std::uint64_t before = ~((own << 1) - 1);
    const std::uint64_t row = own | (random_bits(random) & before);
    for (unsigned k = 0; k < kBits; ++k) {
      if (std::popcount(directions[k] & row) % 2 != 0) scrambled[k] |= own;
    }
  }
  directions = scrambled;
}

}  // namespace

SobolSequence::SobolSequence(std::size_t dimensions, std::uint64_t key)
    : dimensions_(dimensions), key_(key) {
  if (dimensions == 0) throw UsageError("a Sobol sequence of no dimension was asked for");
  for (std::size_t j = 0; j < std::min(dimensions, kTabulated); ++j) {
    Random random(key, "sobol", j);
    Directions directions = direction_numbers(j);
    scramble(directions, random);
    directions_.insert(directions_.end(), directions.begin(), directions.end());
    shift_.push_back(random_bits(random));
  }
}

void SobolSequence::point(std::uint64_t index, double* u) const {
  for (std::size_t j = 0; j < shift_.size(); ++j) {
    std::uint64_t digits = shift_[j];
    const std::uint64_t* directions = &directions_[j * kBits];
    for (std::uint64_t rest = index; rest != 0; rest &= rest - 1) {
      digits ^= directions[std::countr_zero(rest)];
    }
    u[j] = static_cast<double>(digits) * 0x1p-53;
  }
  Random random(key_, "sobol tail", index);
  for (std::size_t j = shift_.size(); j < dimensions_; ++j) u[j] = random.uniform();
}

}  // namespace paretiny::space
