#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>

#include "base/error.h"
#include "kernels/core/cuda/variants.h"

namespace paretiny::cuda {
namespace {

constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();

/// The first row counts that has the layer's type and at least its channels.
struct Row {
  Choice choice;
  std::optional<DType> dtype;  ///< none: any
  std::int64_t most_channels;
  Variant variant;
};

// No GPU has measured any of it.
constexpr Row kTable[] = {
    // To be right first: nobody has seen such a launch in a recording.
    {Choice::launch, {}, kAll, Variant::serial},
    // 2 bytes a weight and step in place of 12 for a dense convolution, and two launches fewer.
    {Choice::weights, {}, kAll, Variant::cast_once},
    // 8 % more bytes at 37 channels of bf16 against accesses of 2 bytes in place of 16.
    {Choice::channels, {}, kAll, Variant::padded},
    // Issue slots a result, counted in machine code: 28 or 20 for 3x3, 42 or 18 for 5x5, of the 29
    // that the copy rate leaves.
    {Choice::depthwise_3x3, {}, kAll, Variant::fma},
    {Choice::depthwise_5x5, {}, kAll, Variant::diagonals},
    // As many bytes either way in training, whose weight gradient wants the tensor too.
    {Choice::conv_input, {}, kAll, Variant::stored},
    // cuDNN has engines for Hopper's own products, of warp groups, for every layer of every model;
    // ours are of warps.
    {Choice::conv_forward, {}, kAll, Variant::cudnn},
    {Choice::conv_backward_data, {}, kAll, Variant::cudnn},
};

constexpr std::array<std::string_view, 8> kChoices = {
    "launch",        "weights",    "channels",     "depthwise_3x3",
    "depthwise_5x5", "conv_input", "conv_forward", "conv_backward_data"};
constexpr std::array<std::string_view, 13> kVariants = {
    "serial",    "dependent", "cast_each",    "cast_once", "packed", "padded", "fma",
    "diagonals", "stored",    "read_through", "cudnn",     "halo",   "gather"};

/// By choice: the first and the last that it has of the variants.
struct Offer {
  Variant first, last;
};
constexpr std::array<Offer, kChoices.size()> kOffers = {{{Variant::serial, Variant::dependent},
                                                         {Variant::cast_each, Variant::cast_once},
                                                         {Variant::packed, Variant::padded},
                                                         {Variant::fma, Variant::diagonals},
                                                         {Variant::fma, Variant::diagonals},
                                                         {Variant::stored, Variant::read_through},
                                                         {Variant::cudnn, Variant::gather},
                                                         {Variant::cudnn, Variant::gather}}};

/// By choice, a Variant or kOpen.
using Chosen = std::array<int, kChoices.size()>;
constexpr int kOpen = -1;
constexpr Chosen kNone = {kOpen, kOpen, kOpen, kOpen, kOpen, kOpen, kOpen, kOpen};

template <std::size_t kCount>
std::size_t place_of(const std::array<std::string_view, kCount>& names, std::string_view name) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (names[i] == name) return i;
  }
  std::string known;
  for (const std::string_view each : names) known.append(known.empty() ? "" : ", ").append(each);
  throw UsageError("PARETINY_CUDA_VARIANTS has '" + std::string(name) + "' where one of " + known +
                   " is wanted");
}

/// Of the environment's text.
Chosen parsed(std::string_view rest) {
  Chosen chosen = kNone;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(one.size() == rest.size() ? one.size() : one.size() + 1);
    const std::size_t equals = std::min(one.find('='), one.size());
    const std::size_t choice = place_of(kChoices, one.substr(0, equals));
    const std::string_view name = one.substr(std::min(equals + 1, one.size()));
    const std::size_t variant = place_of(kVariants, name);
    const auto wanted = static_cast<Variant>(variant);
    if (wanted < kOffers[choice].first || wanted > kOffers[choice].last) {
      throw UsageError("PARETINY_CUDA_VARIANTS: '" + std::string(name) + "' is no way to do " +
                       std::string(kChoices[choice]));
    }
    chosen[choice] = static_cast<int>(variant);
  }
  return chosen;
}

/// What the environment asks for now. Every launch asks, so its text is parsed where it has
/// changed: once a thread, and whenever a test sets another.
const Chosen& of_environment() {
  thread_local std::string text;
  thread_local Chosen chosen = kNone;
  const char* wish = std::getenv("PARETINY_CUDA_VARIANTS");
  const std::string_view now = wish == nullptr ? "" : wish;
  if (now != text) {
    chosen = parsed(now);
    text = now;
  }
  return chosen;
}

thread_local Chosen in_use = kNone;

}  // namespace

Variant variant_of(Choice choice, DType dtype, std::int64_t channels) {
  const auto i = static_cast<std::size_t>(choice);
  if (in_use[i] != kOpen) return static_cast<Variant>(in_use[i]);
  const Chosen& wished = of_environment();
  if (wished[i] != kOpen) return static_cast<Variant>(wished[i]);
  for (const Row& row : kTable) {
    const bool fits = row.choice == choice && channels <= row.most_channels;
    if (fits && row.dtype.value_or(dtype) == dtype) return row.variant;
  }
  throw UsageError("the table of variants has no row for " + std::string(kChoices[i]));
}

std::string_view name_of(Variant variant) {
  return kVariants[static_cast<std::size_t>(variant)];
}

UseVariant::UseVariant(Choice choice, Variant variant)
    : choice_(choice), before_(in_use[static_cast<std::size_t>(choice)]) {
  in_use[static_cast<std::size_t>(choice)] = static_cast<int>(variant);
}

UseVariant::~UseVariant() {
  in_use[static_cast<std::size_t>(choice_)] = before_;
}

}  // namespace paretiny::cuda
