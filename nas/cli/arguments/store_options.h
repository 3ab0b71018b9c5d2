// What commands on stores share: which study of which store.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "nas/study/location.h"

namespace paretiny::cli {

/// STORE [STUDY]: a study's file, or a database's address and the name of a study there.
struct StoreOptions {
  std::string store;
  std::string study;

  void add_to(CLI::App& command);
  study::Location location() const { return study::Location::in(store, study); }
};

}  // namespace paretiny::cli
