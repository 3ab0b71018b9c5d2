// Which samples go where: picking by class or by person, reproducibly.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/data/dataset.h"

namespace paretiny::data {

/// Indices of samples, ascending.
using Picked = std::vector<std::int64_t>;

/// `count` of the samples, each class with its share of them to within one (largest remainders;
/// ties to the lower class). Which ones is random in (seed, purpose). Empty for count <= 0, all for
/// count >= labels.size().
Picked pick_stratified(const std::vector<std::int32_t>& labels, std::int64_t count,
                       std::uint64_t seed, std::string_view purpose);

/// Every sample of a random round(share * people) people, at least one of them and at least one
/// left out. `people` holds the person of each sample. Throws DataError when there is but one.
Picked pick_people(const std::vector<std::int32_t>& people, double share, std::uint64_t seed,
                   std::string_view purpose);

/// Every sample of the people in `wanted`, which is sorted. Throws UsageError, naming `option`, for
/// a person the set does not have, and when nobody would be left.
Picked pick_people(const std::vector<std::int32_t>& people, const std::vector<std::int32_t>& wanted,
                   std::string_view option);

/// Moves the picked samples out; the rest stay in `from`, in their order and their memory.
Samples take_out(Samples& from, const Picked& picked);
/// The same for a value a sample.
std::vector<std::int32_t> take_out(std::vector<std::int32_t>& from, const Picked& picked);

/// Sets scale and shift of `set` so that value * scale + shift has zero mean and unit variance in
/// each channel of the training split. A channel that is constant as far as float32 can tell is
/// only centred, which is noted.
void measure_normalisation(Dataset& set);

}  // namespace paretiny::data
