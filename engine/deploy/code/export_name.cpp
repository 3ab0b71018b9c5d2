#include "engine/deploy/code/export_name.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/one_line.h"

namespace paretiny::deploy {
namespace {

constexpr std::size_t kLongest =
    40;  ///< letters: identifiers with it and a suffix stay below C99's 63
constexpr std::string_view kSafe = "model_";

/// Whole names. Locale plays no part, and the same name in capitals counts as taken.
const char* const kTaken =
    // Words of C and C++.
    "alignas alignof and and_eq asm atomic auto bitand bitor bool break case catch char class "
    "compl "
    "concept const consteval constexpr constinit const_cast continue co_await co_return co_yield "
    "decltype default delete do double dynamic_cast else enum explicit export extern false float "
    "for "
    "friend goto if import inline int long module mutable namespace new noexcept not not_eq "
    "nullptr "
    "operator or or_eq private protected public register reinterpret_cast requires restrict return "
    "short signed sizeof static static_assert static_cast struct switch template this thread_local "
    "throw true try typedef typeid typename typeof union unsigned using virtual void volatile "
    "wchar_t while xor xor_eq main "
    // Headers: NAME.h would be found in their place.
    "aio alloca assert byteswap complex cpio ctype dirent dlfcn elf endian errno error fcntl "
    "features "
    "fenv fmtmsg fnmatch ftw getopt glob grp iconv inttypes iso646 langinfo libgen libintl limits "
    "link locale malloc math memory monetary mqueue ndbm netdb newlib nl_types obstack paths poll "
    "process pthread pwd reent regex regexp sched search semaphore setjmp signal spawn string "
    "strings "
    "stropts syslog tar termios tgmath threads time uchar ucontext ulimit unctrl unistd utime "
    "utmpx "
    "values varargs wait wchar wctype wordexp "
    // Libraries: a linker asked for -lNAME would take this one.
    "c crypt cxx dl g gcc m nosys resolv rt util z "
    // Functions NAME_init, NAME_run or NAME_output of the C library's headers.
    "cnd mtx once pthread_attr pthread_barrier pthread_barrierattr pthread_cond pthread_condattr "
    "pthread_mutex pthread_mutexattr pthread_rwlock pthread_rwlockattr pthread_spin "
    "posix_spawnattr posix_spawn_file_actions sem "
    // Targets that CMake makes or keeps for itself.
    "all all_build clean depend edit_cache help install list_install_components package "
    "package_source preinstall rebuild_cache run_tests test uninstall zero_check "
    // Files that Windows cannot make.
    "aux con nul prn com0 com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt0 lpt1 lpt2 lpt3 lpt4 "
    "lpt5 "
    "lpt6 lpt7 lpt8 lpt9";

/// Beginnings of the names of families of headers and of the runtime's own files and functions.
constexpr std::array<std::string_view, 6> kFamilies = {"std",    "arm_", "cmsis",
                                                       "core_c", "pt_",  "paretiny"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

bool is_taken(const std::string& name) {
  static const std::set<std::string> taken = [] {
    std::istringstream words(kTaken);
    std::set<std::string> set;
    for (std::string word; words >> word;) set.insert(word);
    return set;
  }();
  const std::string key = lower(name);
  return taken.contains(key) ||
         std::any_of(kFamilies.begin(), kFamilies.end(),
                     [&](std::string_view family) { return key.starts_with(family); });
}

/// Without a leading or trailing underscore or two of them, which C and C++ keep for themselves.
bool is_identifier(const std::string& name) {
  return !name.empty() && is_letter(name.front()) && name.back() != '_' &&
         name.find("__") == std::string::npos && std::all_of(name.begin(), name.end(), [](char c) {
           return is_letter(c) || is_digit(c) || c == '_';
         });
}

/// Letters and digits of `text`, what is between as one underscore.
std::string words_of(std::string_view text) {
  std::string name;
  for (const char c : text) {
    if (is_letter(c) || is_digit(c)) {
      name += c;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  return lower(std::move(name));
}

std::string cut(std::string name) {
  if (name.size() > kLongest) name.resize(kLongest);
  while (!name.empty() && name.back() == '_') name.pop_back();
  return name;
}

}  // namespace

std::string export_name(std::string_view text) {
  std::string name = cut(words_of(text));
  if (name.empty()) return "model";
  if (is_digit(name.front()) || is_taken(name)) name = cut(std::string(kSafe) + name);
  return name;
}

void check_export_name(const std::string& name) {
  const char* wrong = !is_identifier(name)     ? "is no C identifier that code may use"
                      : name.size() > kLongest ? "is longer than 40 characters"
                      : is_taken(name)         ? "is in use by C, CMake or a library"
                                               : nullptr;
  if (wrong == nullptr) return;
  throw UsageError(
      fmt::format("--name '{}' {}; '{}' would do", one_line(name), wrong, export_name(name)));
}

}  // namespace paretiny::deploy
