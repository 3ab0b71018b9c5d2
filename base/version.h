// What program this is; a study records it.
#pragma once

#include <string>

namespace paretiny {

std::string program_version();  ///< "0.2.0"
std::string program_commit();   ///< abbreviated, or "unknown" outside a repository
/// One line, for people and for reports of faults: name, version, commit, and how it was built.
std::string program_description();

}  // namespace paretiny
