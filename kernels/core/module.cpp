#include "kernels/core/module.h"

#include <dlfcn.h>

#include <filesystem>
#include <system_error>

namespace paretiny {

std::string load_module(const std::string& name) {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path folder = program.parent_path();
  for (const auto& path : {folder / name, folder.parent_path() / "lib" / name}) {
    if (!std::filesystem::exists(path, error)) continue;
    if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) return "";
    const char* why = dlerror();
    return why == nullptr ? "cannot load " + path.string() : why;
  }
  return "this build has no support for it";
}

bool library_there(const std::string& name) {
  void* library = dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return false;
  dlclose(library);
  return true;
}

}  // namespace paretiny
