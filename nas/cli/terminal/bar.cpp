#include "nas/cli/terminal/bar.h"

#include <fmt/core.h>
#include <langinfo.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace paretiny::cli {
namespace {

constexpr std::size_t kUsualColumns = 80;

/// Columns that text takes whose characters are one column wide each.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u;  // what begins a character
  }));
}

std::string bar_of(const BarState& state, std::int64_t width, BarSigns signs) {
  const std::int64_t filled =
      state.total <= 0 ? 0 : std::clamp<std::int64_t>(width * state.done / state.total, 0, width);
  const bool unicode = signs == BarSigns::unicode;
  std::string bar;
  for (std::int64_t i = 0; i < width; ++i) {
    bar += i < filled ? (unicode ? "━" : "#") : (unicode ? "─" : "-");
  }
  return bar + " ";
}

}  // namespace

std::string bar_line(const BarState& state, std::size_t columns, BarSigns signs) {
  const std::string trials = fmt::format("{}/{}", state.done, state.total);
  const std::string left = state.left + " left";
  const std::string rest =
      fmt::format("  {}{}{}", state.figures, state.figures.empty() ? "" : ", ", left);
  const std::string wide = bar_of(state, 20, signs) + trials;
  const std::string narrow = bar_of(state, 8, signs) + trials;
  std::vector<std::string> lines;
  if (!state.activity.empty()) lines.push_back(wide + rest + "  " + state.activity);
  if (!state.brief.empty()) {
    for (const std::string& begin : {wide, narrow, trials}) {
      lines.push_back(begin + rest + "  " + state.brief);
    }
    lines.push_back(trials + "  " + left + "  " + state.brief);
  }
  lines.insert(lines.end(),
               {wide + rest, narrow + rest, trials + rest, trials + "  " + left, trials});
  const std::size_t room = columns > 0 ? columns - 1 : 0;
  const auto fits = [&](const std::string& line) { return width_of(line) <= room; };
  const auto line = std::find_if(lines.begin(), lines.end(), fits);
  return line == lines.end() ? trials.substr(0, room) : *line;
}

std::size_t terminal_columns() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kUsualColumns;
}

BarSigns bar_signs() {
  const locale_t users = newlocale(LC_CTYPE_MASK, "", nullptr);
  if (users == nullptr) return BarSigns::ascii;
  const bool unicode = std::string_view(nl_langinfo_l(CODESET, users)) == "UTF-8";
  freelocale(users);
  return unicode ? BarSigns::unicode : BarSigns::ascii;
}

bool is_terminal() {
  const char* kind = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && kind != nullptr && *kind != '\0' &&
         std::string_view(kind) != "dumb";
}

}  // namespace paretiny::cli
