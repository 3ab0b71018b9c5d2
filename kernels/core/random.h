// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy
// as 1, 2, 3", SC 2011). A number depends on (seed, purpose, index, position) and on nothing else,
// so it is the same on every device and in every order of evaluation.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>
#include <utility>

#include "kernels/core/host_device.h"

namespace paretiny {

struct PhiloxBlock {
  std::uint32_t word[4];
};

/// Ten rounds of Philox on the 128-bit counter (counter, index) under the 64-bit key.
PARETINY_HOST_DEVICE inline PhiloxBlock philox(std::uint64_t key, std::uint64_t index,
                                               std::uint64_t counter) {
  std::uint32_t k0 = static_cast<std::uint32_t>(key);
  std::uint32_t k1 = static_cast<std::uint32_t>(key >> 32);
  PhiloxBlock c{{static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32),
                 static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32)}};
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c.word[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c.word[2];
    c = {{static_cast<std::uint32_t>(p1 >> 32) ^ c.word[1] ^ k0, static_cast<std::uint32_t>(p1),
          static_cast<std::uint32_t>(p0 >> 32) ^ c.word[3] ^ k1, static_cast<std::uint32_t>(p0)}};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

/// Uniform in [0, 1) from 32 random bits; exact in float (24 bits used).
PARETINY_HOST_DEVICE inline float unit_float(std::uint32_t bits) {
  return static_cast<float>(bits >> 8) * 0x1p-24f;
}

/// The key of a purpose under a seed (FNV-1a of the purpose's name, mixed with the seed).
constexpr std::uint64_t random_key(std::uint64_t seed, std::string_view purpose) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : purpose) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  hash ^= seed + 0x9E3779B97F4A7C15u + (hash << 6) + (hash >> 2);
  hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9u;
  hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBu;
  return hash ^ (hash >> 31);
}

/// A sequence of random numbers on the host: (seed, purpose, index) names it.
class Random {
 public:
  using result_type = std::uint32_t;

  Random(std::uint64_t seed, std::string_view purpose, std::uint64_t index = 0)
      : key_(random_key(seed, purpose)), index_(index) {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return 0xFFFFFFFFu; }

  std::uint32_t operator()() {
    if (used_ == 4) {
      block_ = philox(key_, index_, counter_++);
      used_ = 0;
    }
    return block_.word[used_++];
  }

  /// 64 random bits, the first 32 on top. An expression that draws twice would leave the order to
  /// the compiler.
  std::uint64_t key() {
    const std::uint64_t high = (*this)();
    return (high << 32) | (*this)();
  }

  /// Uniform in [0, 1) with 53 random bits.
  double uniform() {
    const std::uint64_t high = (*this)() >> 5;
    const std::uint64_t low = (*this)() >> 6;
    return static_cast<double>((high << 26) | low) * 0x1p-53;
  }

  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// Uniform in 0 .. bound-1; the bias of at most bound / 2^64 is far below any use here.
  std::uint64_t below(std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((Wide{key()} * bound) >> 64);
  }

  /// Standard normal (Box-Muller; both values of a pair are used).
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    const double angle = 2.0 * std::numbers::pi * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

  /// Fisher-Yates: the same permutation everywhere, unlike std::shuffle.
  template <class Container>
  void shuffle(Container& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::uint64_t key_;
  std::uint64_t index_;
  std::uint64_t counter_ = 0;
  PhiloxBlock block_{};
  unsigned used_ = 4;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace paretiny
