// Parts of the program that are loaded when they are first needed.
#pragma once

#include <string>

namespace paretiny {

/// Loads a shared library that lies beside the program, or in lib/ beside the program's folder; its
/// static objects register what it has. Returns why it could not, for people, or nothing. It stays
/// loaded until the program ends.
std::string load_module(const std::string& name);

/// Whether the loader finds a shared library of the system.
bool library_there(const std::string& name);

}  // namespace paretiny
