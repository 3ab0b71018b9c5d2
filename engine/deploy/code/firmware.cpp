#include "engine/deploy/code/firmware.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "base/command.h"
#include "base/error.h"
#include "engine/deploy/code/runtime_files.h"

namespace paretiny::deploy {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgram = "firmware.elf";
constexpr const char* kCompilerPackage =
    "gcc-arm-none-eabi (and libnewlib-arm-none-eabi) of Debian and Ubuntu";

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw DataError("cannot write " + path.string());
}

std::string run(const std::vector<std::string>& command, const fs::path& folder,
                const char* package, std::stop_token stop) {
  const CommandResult result = run_command(command, folder, package, stop);
  if (result.code != 0) {
    throw ToolError(
        fmt::format("{} failed with code {}: {}", command.front(), result.code, result.output));
  }
  return result.output;
}

std::vector<std::string> sources(const fs::path& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".c") files.push_back(fs::absolute(entry.path()).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void compile(const fs::path& work, const std::vector<std::string>& flags,
             const std::vector<std::string>& options, const std::vector<std::string>& files,
             std::stop_token stop) {
  std::vector<std::string> command = {"arm-none-eabi-gcc",   "-std=c99",        "-O2",
                                      "-ffunction-sections", "-fdata-sections", "-c"};
  for (const auto* words : {&flags, &options, &files}) {
    command.insert(command.end(), words->begin(), words->end());
  }
  run(command, work, kCompilerPackage, stop);
}

void link(const fs::path& work, const Core& core, const std::vector<std::string>& flags,
          const std::vector<std::string>& libraries, std::stop_token stop) {
  const Emulator& memory = core.emulator;
  std::vector<std::string> command = {"arm-none-eabi-gcc",
                                      "-nostartfiles",
                                      "--specs=nano.specs",
                                      "-Wl,--gc-sections",
                                      "-Wl,-T,emulated.ld",
                                      "-Wl,--no-warn-rwx-segments",
                                      "-o",
                                      kProgram};
  command.insert(command.end(), flags.begin(), flags.end());
  const auto symbol = [&](const char* name, std::uint32_t value) {
    command.push_back(fmt::format("-Wl,--defsym={}={:#x}", name, value));
  };
  symbol("FLASH_ORIGIN", memory.flash_origin);
  symbol("FLASH_BYTES", memory.flash_bytes);
  symbol("RAM_ORIGIN", memory.ram_origin);
  symbol("RAM_BYTES", memory.ram_bytes);
  for (const auto& entry : fs::directory_iterator(work)) {
    if (entry.path().extension() == ".o") command.push_back(entry.path().filename().string());
  }
  command.insert(command.end(), libraries.begin(), libraries.end());
  run(command, work, kCompilerPackage, stop);
}

LinkedSize linked_size(const fs::path& work, std::stop_token stop) {
  LinkedSize size;
  std::istringstream lines(
      run({"arm-none-eabi-size", "-A", kProgram}, work, "binutils-arm-none-eabi", stop));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string section;
    std::int64_t bytes = 0;
    if (!(fields >> section >> bytes)) continue;
    if (section == ".constants") size.constants = bytes;
    if (section == ".code") size.code = bytes;
    if (section == ".statics") size.statics = bytes;
  }
  return size;
}

}  // namespace

LinkedSize build_firmware(const fs::path& folder, const Core& core, std::stop_token stop,
                          const std::optional<CmsisNnLibrary>& cmsis_nn) {
  const fs::path work = folder / "firmware";
  fs::create_directories(work);
  for (const auto& [name, text] : kFirmwareFiles) write(work / name, text);

  const std::vector<std::string> flags = words_of(core.flags);
  std::vector<std::string> headers, libraries;
  if (cmsis_nn) {
    headers = {"-isystem", cmsis_nn->include.string()};
    libraries = {cmsis_nn->archive.string()};
  }
  compile(work, flags, headers, sources(folder), stop);
  // Loops of the harness must not become calls of memcpy, which would count as the network's.
  compile(work, flags, {"-fno-tree-loop-distribute-patterns"}, sources(work), stop);
  link(work, core, flags, libraries, stop);
  const LinkedSize size = linked_size(work, stop);
  // What counts instructions is linked in once the size is known.
  compile(work, flags, {"-DMODEL_STEP_HOOK"}, {fs::absolute(folder / "model.c").string()}, stop);
  link(work, core, flags, libraries, stop);
  return size;
}

EmulatedRun run_firmware(const fs::path& folder, const Core& core,
                         const std::vector<RecordedRun>& runs, std::stop_token stop) {
  const fs::path work = folder / "firmware";
  std::string bytes;
  const auto count = static_cast<std::int32_t>(runs.size());
  bytes.append(reinterpret_cast<const char*>(&count), sizeof(count));
  for (const RecordedRun& each : runs) {
    bytes.append(reinterpret_cast<const char*>(each.input.data()), each.input.size());
    bytes.append(reinterpret_cast<const char*>(each.output.data()), each.output.size());
  }
  write(work / "runs.bin", bytes);

  // An instruction takes a nanosecond of the emulator's time.
  const double instructions_per_tick = 1e9 / core.emulator.clock_hz;
  const CommandResult result = run_command(
      words_of("qemu-system-arm " + core.emulator.machine +
               " -nographic -monitor none -serial none -icount shift=0 -semihosting-config "
               "enable=on,target=native -kernel " +
               kProgram),
      work, "qemu-system-arm of Debian and Ubuntu", stop);
  // 1: some bytes differ, which the caller reports.
  if (result.code != 0 && result.code != 1) {
    throw ToolError(fmt::format("the emulator ended with code {}: {}", result.code, result.output));
  }
  EmulatedRun emulated;
  std::istringstream lines(result.output);
  std::string name;
  for (std::int64_t number = 0; lines >> name >> number;) {
    if (name == "runs") emulated.runs = number;
    if (name == "differing") emulated.differing = number;
    if (name == "stack") emulated.stack = number;
    if (name == "step") {
      emulated.instructions.push_back(
          std::llround(instructions_per_tick * static_cast<double>(number)));
    }
  }
  if (emulated.runs != count) {
    throw ToolError("the emulator did not finish its runs: " + result.output);
  }
  return emulated;
}

}  // namespace paretiny::deploy
