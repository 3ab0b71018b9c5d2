// The SIMT twin of Thrust's iterator over the numbers from one on.
#pragma once

#include <cstdint>

namespace thrust {

template <class Number>
struct counting_iterator {
  Number first;
  Number operator*() const { return first; }
  Number operator[](std::int64_t i) const { return static_cast<Number>(first + i); }
};

}  // namespace thrust
