#include "engine/data/fingerprint.h"

#include <fmt/core.h>

#include <array>
#include <bit>
#include <cstring>

namespace paretiny::data {
namespace {

/// Those of XXH64.
constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87;
constexpr std::uint64_t kPrime2 = 0xC2B2AE3D27D4EB4F;
constexpr std::uint64_t kPrime3 = 0x165667B19E3779F9;
constexpr std::uint64_t kPrime4 = 0x85EBCA77C2B2AE63;
constexpr std::uint64_t kPrime5 = 0x27D4EB2F165667C5;

template <class Word>
std::uint64_t take(const std::byte*& at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  at += sizeof word;
  return word;
}

std::uint64_t round(std::uint64_t sum, std::uint64_t word) {
  return std::rotl(sum + word * kPrime2, 31) * kPrime1;
}

std::uint64_t hash_split(const Samples& samples) {
  const std::array<std::uint64_t, 2> parts{hash_bytes(samples.values),
                                           hash_bytes(std::as_bytes(std::span(samples.labels)))};
  return hash_bytes(std::as_bytes(std::span(parts)));
}

std::string line(const char* name, const Samples& samples) {
  const Shape& s = samples.sample;
  return fmt::format("{}: {} samples of {}x{}x{} {}, content {:016x}\n", name, samples.size(), s.h,
                     s.w, s.c, samples.dtype == DType::u8 ? "u8" : "f32", hash_split(samples));
}

}  // namespace

std::uint64_t hash_bytes(std::span<const std::byte> bytes) {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t hash = kPrime5;
  if (left >= 32) {
    std::array<std::uint64_t, 4> sums{kPrime1 + kPrime2, kPrime2, 0, std::uint64_t{0} - kPrime1};
    for (; left >= 32; left -= 32) {
      for (std::uint64_t& sum : sums) sum = round(sum, take<std::uint64_t>(at));
    }
    hash = std::rotl(sums[0], 1) + std::rotl(sums[1], 7) + std::rotl(sums[2], 12) +
           std::rotl(sums[3], 18);
    for (const std::uint64_t sum : sums) hash = (hash ^ round(0, sum)) * kPrime1 + kPrime4;
  }
  hash += bytes.size();
  for (; left >= 8; left -= 8) {
    hash = std::rotl(hash ^ round(0, take<std::uint64_t>(at)), 27) * kPrime1 + kPrime4;
  }
  for (; left >= 4; left -= 4) {
    hash = std::rotl(hash ^ take<std::uint32_t>(at) * kPrime1, 23) * kPrime2 + kPrime3;
  }
  for (; left > 0; --left) {
    hash = std::rotl(hash ^ take<std::uint8_t>(at) * kPrime5, 11) * kPrime1;
  }
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

std::string fingerprint(const Dataset& dataset) {
  std::string names;
  for (const std::string& name : dataset.classes)
    names += fmt::format("{} {}\n", name.size(), name);
  return line("train", dataset.train) + line("validation", dataset.validation) +
         line("test", dataset.test) +
         fmt::format("{} classes, names {:016x}\n", dataset.classes.size(),
                     hash_bytes(std::as_bytes(std::span(names))));
}

}  // namespace paretiny::data
