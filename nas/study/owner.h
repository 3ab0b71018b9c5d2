// Whether a worker's process still runs.
#pragma once

#include <string>

namespace paretiny::study {

/// True when `owner` (made by process_owner) was a process of this machine that runs no more. An
/// owner elsewhere, or of another form, is never known to be gone: its lease decides.
bool owner_gone(const std::string& owner);

/// What the owners of this machine, and of none but it, begin with.
std::string owners_here();

}  // namespace paretiny::study
