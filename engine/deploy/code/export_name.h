// What an export calls its files, symbols, macros and CMake targets.
#pragma once

#include <string>
#include <string_view>

namespace paretiny::deploy {

/// A name made from any text, such as a study's: a C identifier in small letters, at most 40 of
/// them, that neither C, C++, CMake nor a header or library that firmware takes in has in use;
/// then, and when no letter is left, "model_" and the text.
std::string export_name(std::string_view text);

/// Throws UsageError, with a name that would do, for one of a user's that is none of these;
/// capitals are his own business.
void check_export_name(const std::string& name);

}  // namespace paretiny::deploy
