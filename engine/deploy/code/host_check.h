// The test that lies in an export, compiled and run on this machine.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

namespace paretiny::deploy {

/// Compiles the C code in `folder` with this machine's C compiler, cc, gcc or clang, and runs its
/// test of recorded inputs; leaves nothing behind. Returns why it did not, empty when all bytes
/// were the recorded ones. Throws Error when code does not compile, with a compiler that works, or
/// gives other bytes, and Interrupted.
[[nodiscard]] std::string check_on_host(const std::filesystem::path& folder,
                                        std::stop_token stop = {});

}  // namespace paretiny::deploy
