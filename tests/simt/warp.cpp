// Shuffles and votes.
#include <bit>
#include <string>

#include "tests/simt/machine.h"

namespace paretiny::simt {
namespace {

struct Passed {
  std::uint64_t value;
  int source;
  std::uint64_t result;
};

void pass(void* const (&operands)[32], unsigned mask) {
  for (unsigned lanes = mask; lanes != 0; lanes &= lanes - 1) {
    const int lane = std::countr_zero(lanes);
    Passed& to = *static_cast<Passed*>(operands[lane]);
    const void* from = operands[to.source];
    if (from == nullptr) {
      fail("lane " + std::to_string(lane) + " shuffles from lane " + std::to_string(to.source) +
           ", which is not in the mask");
    }
    to.result = static_cast<const Passed*>(from)->value;
  }
}

struct Vote {
  bool predicate;
  unsigned result;
};

void count_votes(void* const (&operands)[32], unsigned mask) {
  unsigned votes = 0;
  for (unsigned lanes = mask; lanes != 0; lanes &= lanes - 1) {
    const int lane = std::countr_zero(lanes);
    if (static_cast<const Vote*>(operands[lane])->predicate) votes |= 1u << lane;
  }
  for (unsigned lanes = mask; lanes != 0; lanes &= lanes - 1) {
    static_cast<Vote*>(operands[std::countr_zero(lanes)])->result = votes;
  }
}

}  // namespace

std::uint64_t shuffle(const char* name, unsigned mask, std::uint64_t value, int source,
                      Place place) {
  Passed passed{value, source, 0};
  warp_operation(name, mask, &passed, pass, place);
  return passed.result;
}

unsigned ballot(const char* name, unsigned mask, bool predicate, Place place) {
  Vote vote{predicate, 0};
  warp_operation(name, mask, &vote, count_votes, place);
  return vote.result;
}

}  // namespace paretiny::simt
