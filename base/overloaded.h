// One function of several, for std::visit. Private to this folder.
#pragma once

namespace paretiny {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

}  // namespace paretiny
