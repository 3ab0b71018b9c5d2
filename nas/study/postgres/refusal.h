// What a server says, as a sentence; private to this folder.
#pragma once

#include <string>

#include "nas/study/location.h"

namespace paretiny::study::postgres {

/// Throws what an error of the server means: ConnectionLost, or StoreError for what another try
/// would not mend. `state` is its SQLSTATE, empty where there is none; `message` what it said.
[[noreturn]] void refuse(const Location& location, const std::string& state,
                         const std::string& message);

/// The SQLSTATE in a verbose message of libpq ("FATAL:  28P01: password ..."), which is all that
/// there is when a connection is refused; empty without one. Takes it out of the message.
std::string take_state(std::string& message);

}  // namespace paretiny::study::postgres
