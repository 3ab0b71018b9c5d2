#include "tests/simt/order.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <string>

#include "base/error.h"
#include "kernels/core/random.h"

namespace paretiny::simt {

Order::Order() {
  const char* given = std::getenv("PARETINY_SIMT_ORDER");
  const std::string word = given == nullptr ? "forward" : given;
  if (word == "reverse") {
    kind_ = Kind::reverse;
  } else if (word == "random") {
    kind_ = Kind::random;
  } else if (word != "forward") {
    throw UsageError("PARETINY_SIMT_ORDER is '" + word + "'; use forward, reverse or random");
  }
}

void Order::arrange(std::vector<std::size_t>& items) {
  std::iota(items.begin(), items.end(), std::size_t{0});
  if (kind_ == Kind::reverse) std::reverse(items.begin(), items.end());
  if (kind_ == Kind::random) Random(1, "simt order", calls_++).shuffle(items);
}

}  // namespace paretiny::simt
