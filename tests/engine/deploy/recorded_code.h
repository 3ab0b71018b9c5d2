// Exported C code whose every read and write is told: compiled with the hooks of the thread
// sanitizer, which call recorder/recorder.c in place of that library.
#pragma once

#include <dlfcn.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/command.h"

namespace paretiny::test {

/// One read or write of memory.
struct Access {
  const std::int8_t* at;
  int bytes;
  bool writes;
};

inline void run_compiler(const std::string& arguments, const std::filesystem::path& folder) {
  const CommandResult result =
      run_command({"sh", "-c", PARETINY_CC " " + arguments}, folder, "the C compiler");
  if (result.code != 0) throw ToolError(result.output);
}

/// Compiles `sources` (paths and flags as a shell takes them) into objects in `folder` that tell of
/// their accesses. Throws ToolError.
inline void compile_recorded(const std::string& sources, const std::filesystem::path& folder) {
  run_compiler("-std=c99 -O1 -fPIC -DMODEL_STEP_HOOK -fsanitize=thread -I" PARETINY_SOURCE
               "/tests/engine/deploy/recorder -c " +
                   sources,
               folder);
}

/// The sources of our own kernels.
inline std::string runtime_sources() {
  const std::string folder = PARETINY_SOURCE "/engine/deploy/runtime/";
  std::string sources;
  for (const char* name : {"arithmetic", "conv", "depthwise", "elementwise", "pooling"}) {
    sources += " " + folder + "paretiny_" + name + ".c";
  }
  return sources;
}

class RecordedCode {
 public:
  /// Links `objects`, as a shell takes them, in `folder`. Throws ToolError.
  RecordedCode(const std::string& objects, const std::filesystem::path& folder) {
    run_compiler("-std=c99 -O1 -fPIC -fvisibility=hidden -shared -o recorded.so " PARETINY_SOURCE
                 "/tests/engine/deploy/recorder/recorder.c " +
                     objects,
                 folder);
    library_ = dlopen((folder / "recorded.so").c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr) throw ToolError(dlerror());
    listen_ = function<void(Listener, void*)>("recorder_listen");
  }
  ~RecordedCode() { dlclose(library_); }
  RecordedCode(const RecordedCode&) = delete;
  RecordedCode& operator=(const RecordedCode&) = delete;

  template <class Function>
  Function* function(const char* name) const {
    void* found = dlsym(library_, name);
    if (found == nullptr) throw ToolError(std::string("no function ") + name);
    return reinterpret_cast<Function*>(found);
  }

  /// Calls `code` and tells of its accesses, and of the positions at which steps of a network
  /// begin.
  void record(const std::function<void()>& code, std::function<void(const Access&)> access,
              std::function<void(std::int64_t)> step = {}) const {
    Told told{std::move(access), std::move(step)};
    listen_(hear, &told);
    code();
    listen_(nullptr, nullptr);
  }

 private:
  using Listener = void (*)(void*, const void*, int, int);
  struct Told {
    std::function<void(const Access&)> access;
    std::function<void(std::int64_t)> step;
  };

  static void hear(void* context, const void* at, int bytes, int writes) {
    const auto& told = *static_cast<Told*>(context);
    if (bytes >= 0) {
      told.access({static_cast<const std::int8_t*>(at), bytes, writes != 0});
    } else if (told.step) {
      told.step(static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(at)));
    }
  }

  void* library_ = nullptr;
  void (*listen_)(Listener, void*) = nullptr;
};

}  // namespace paretiny::test
