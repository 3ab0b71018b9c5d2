// The orders in which the machine runs what CUDA lets run in any order.
#pragma once

#include <cstdint>
#include <vector>

namespace paretiny::simt {

/// PARETINY_SIMT_ORDER: forward (the default), reverse or random. Random orders differ from one
/// call to the next and are the same in every run of a program. Throws UsageError for another word.
class Order {
 public:
  Order();

  /// Fills `items` with 0 .. size-1 in the order chosen.
  void arrange(std::vector<std::size_t>& items);
  bool random() const { return kind_ == Kind::random; }

 private:
  enum class Kind { forward, reverse, random };
  Kind kind_ = Kind::forward;
  std::uint64_t calls_ = 0;
};

}  // namespace paretiny::simt
