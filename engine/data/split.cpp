#include "engine/data/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>

#include "base/error.h"
#include "engine/data/notes.h"
#include "kernels/core/random.h"

namespace paretiny::data {
namespace {

/// How many of each class make up `count` of them all.
std::vector<std::int64_t> shares(const std::vector<std::int64_t>& sizes, std::int64_t count) {
  const std::int64_t total = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  std::vector<std::int64_t> result(sizes.size());
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::int64_t left = count;
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    result[k] = sizes[k] * count / total;
    left -= result[k];
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return sizes[a] * count % total > sizes[b] * count % total;
  });
  for (std::size_t i = 0; i < static_cast<std::size_t>(left); ++i) ++result[order[i]];
  return result;
}

Picked samples_of(const std::vector<std::int32_t>& people, const std::set<std::int32_t>& wanted) {
  Picked picked;
  for (std::size_t i = 0; i < people.size(); ++i) {
    if (wanted.count(people[i]) != 0) picked.push_back(static_cast<std::int64_t>(i));
  }
  return picked;
}

/// Calls keep(from, to) for every sample that stays, to <= from.
template <class Keep>
void compact(std::size_t size, const Picked& picked, const Keep& keep) {
  std::size_t to = 0;
  auto next = picked.begin();
  for (std::size_t from = 0; from < size; ++from) {
    if (next != picked.end() && static_cast<std::size_t>(*next) == from) {
      ++next;
    } else {
      keep(from, to++);
    }
  }
}

/// As a float, with room for what is multiplied by it.
constexpr double kMostScale = 1e38;
/// What summing equal floats leaves of their deviation; unequal ones deviate by more.
constexpr double kRounding = 1e-12;

struct Moments {
  double mean = 0;
  double deviation = 0;
};

/// Exact: sums of whole numbers.
std::vector<Moments> moments_u8(const Samples& samples) {
  const std::size_t channels = static_cast<std::size_t>(samples.sample.c);
  std::vector<std::array<std::uint64_t, 256>> histogram(channels);
  for (std::size_t i = 0; i < samples.values.size();) {
    for (std::size_t c = 0; c < channels; ++c, ++i) {
      ++histogram[c][std::to_integer<std::size_t>(samples.values[i])];
    }
  }
  std::vector<Moments> moments(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    double count = 0, sum = 0, spread = 0;
    for (std::size_t v = 0; v < 256; ++v) {
      count += static_cast<double>(histogram[c][v]);
      sum += static_cast<double>(histogram[c][v] * v);
    }
    moments[c].mean = sum / count;
    for (std::size_t v = 0; v < 256; ++v) {
      const double off = static_cast<double>(v) - moments[c].mean;
      spread += static_cast<double>(histogram[c][v]) * off * off;
    }
    moments[c].deviation = std::sqrt(spread / count);
  }
  return moments;
}

/// Two passes: the mean first, so that a large offset costs no digits.
std::vector<Moments> moments_f32(const Samples& samples) {
  const std::size_t channels = static_cast<std::size_t>(samples.sample.c);
  const float* values = reinterpret_cast<const float*>(samples.values.data());
  const std::size_t total = samples.values.size() / sizeof(float);
  const std::size_t pixels = total / channels;
  const auto count = static_cast<double>(pixels);
  std::vector<double> sum(channels), spread(channels);
  for (std::size_t i = 0; i < total;) {
    for (std::size_t c = 0; c < channels; ++c, ++i) sum[c] += static_cast<double>(values[i]);
  }
  for (std::size_t i = 0; i < total;) {
    for (std::size_t c = 0; c < channels; ++c, ++i) {
      const double off = static_cast<double>(values[i]) - sum[c] / count;
      spread[c] += off * off;
    }
  }
  std::vector<Moments> moments(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    moments[c] = {sum[c] / count, std::sqrt(spread[c] / count)};
  }
  return moments;
}

}  // namespace

Picked pick_stratified(const std::vector<std::int32_t>& labels, std::int64_t count,
                       std::uint64_t seed, std::string_view purpose) {
  Picked picked;
  if (count <= 0 || labels.empty()) return picked;
  count = std::min(count, static_cast<std::int64_t>(labels.size()));
  const std::int32_t last = *std::max_element(labels.begin(), labels.end());
  std::vector<Picked> members(static_cast<std::size_t>(last) + 1);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    members[static_cast<std::size_t>(labels[i])].push_back(static_cast<std::int64_t>(i));
  }
  std::vector<std::int64_t> sizes;
  for (const Picked& of_class : members)
    sizes.push_back(static_cast<std::int64_t>(of_class.size()));
  const std::vector<std::int64_t> wanted = shares(sizes, count);
  for (std::size_t k = 0; k < members.size(); ++k) {
    Random(seed, purpose, k).shuffle(members[k]);
    picked.insert(picked.end(), members[k].begin(), members[k].begin() + wanted[k]);
  }
  std::sort(picked.begin(), picked.end());
  return picked;
}

Picked pick_people(const std::vector<std::int32_t>& people, double share, std::uint64_t seed,
                   std::string_view purpose) {
  const std::set<std::int32_t> distinct(people.begin(), people.end());
  if (distinct.size() < 2) {
    throw DataError(fmt::format(
        "only one person is left to hold out for the {} split, which needs two at least", purpose));
  }
  std::vector<std::int32_t> order(distinct.begin(), distinct.end());
  Random(seed, purpose).shuffle(order);
  const auto size = static_cast<std::int64_t>(order.size());
  const std::int64_t count =
      std::clamp<std::int64_t>(std::llround(share * static_cast<double>(size)), 1, size - 1);
  return samples_of(people, {order.begin(), order.begin() + count});
}

Picked pick_people(const std::vector<std::int32_t>& people, const std::vector<std::int32_t>& wanted,
                   std::string_view option) {
  const std::set<std::int32_t> distinct(people.begin(), people.end());
  for (const std::int32_t person : wanted) {
    if (distinct.count(person) == 0) {
      throw UsageError(fmt::format("[dataset] {}: the data have no person {}; they have {}", option,
                                   person, fmt::join(distinct, ", ")));
    }
  }
  if (wanted.size() == distinct.size()) {
    throw UsageError(
        fmt::format("[dataset] {} names every person of the data; leave some to train "
                    "on",
                    option));
  }
  return samples_of(people, {wanted.begin(), wanted.end()});
}

Samples take_out(Samples& from, const Picked& picked) {
  const std::size_t bytes = from.sample_bytes();
  Samples taken{from.dtype, from.sample, {}, {}};
  taken.values.resize(picked.size() * bytes);
  for (std::size_t i = 0; i < picked.size(); ++i) {
    std::memcpy(taken.values.data() + i * bytes,
                from.values.data() + static_cast<std::size_t>(picked[i]) * bytes, bytes);
  }
  compact(from.labels.size(), picked, [&](std::size_t source, std::size_t target) {
    if (source != target) {
      std::memcpy(from.values.data() + target * bytes, from.values.data() + source * bytes, bytes);
    }
  });
  taken.labels = take_out(from.labels, picked);
  from.values.resize(from.labels.size() * bytes);
  return taken;
}

std::vector<std::int32_t> take_out(std::vector<std::int32_t>& from, const Picked& picked) {
  std::vector<std::int32_t> taken;
  taken.reserve(picked.size());
  for (const std::int64_t i : picked) taken.push_back(from[static_cast<std::size_t>(i)]);
  compact(from.size(), picked,
          [&](std::size_t source, std::size_t target) { from[target] = from[source]; });
  from.resize(from.size() - picked.size());
  return taken;
}

void measure_normalisation(Dataset& set) {
  const std::vector<Moments> moments =
      set.train.dtype == DType::u8 ? moments_u8(set.train) : moments_f32(set.train);
  set.scale.clear();
  set.shift.clear();
  std::vector<std::string> constant;
  for (std::size_t c = 0; c < moments.size(); ++c) {
    const auto [mean, deviation] = moments[c];
    // What rounding leaves of a constant is no spread to divide by; nor is one whose inverse no
    // float holds.
    const bool spread = deviation > 1e-7 * std::abs(mean) && 1 / deviation <= kMostScale;
    const double scale = spread ? 1 / deviation : 1;
    set.scale.push_back(static_cast<float>(scale));
    set.shift.push_back(static_cast<float>(-mean * scale));
    if (spread) continue;
    if (deviation <= kRounding * std::abs(mean)) {
      constant.push_back(std::to_string(c));
    } else {
      set.notes.push_back(fmt::format(
          "channel {}, counted from 0, deviates by {:.3g} from its mean of {:.3g}, too little for "
          "float32: it is taken as constant; scale it or subtract its offset",
          c, deviation, mean));
    }
  }
  if (constant.empty()) return;
  set.notes.push_back(fmt::format(
      "channel{} {}, counted from 0, {} constant in the training samples",
      constant.size() == 1 ? "" : "s", listed(constant), constant.size() == 1 ? "is" : "are"));
}

}  // namespace paretiny::data
