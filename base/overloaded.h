// One function of several, for std::visit. Private to this folder.
#pragma once

namespace paretiny {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
// Clang deduces the arguments of aggregates from version 17 on.
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace paretiny
