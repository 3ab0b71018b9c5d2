// The line of a search's progress on a terminal.
#pragma once

#include <cstdint>
#include <string>

namespace paretiny::cli {

struct BarState {
  std::int64_t done = 0;   ///< trials that have ended
  std::int64_t total = 0;  ///< of so many
  std::string figures{};   ///< hypervolume and best accuracy so far, or nothing
  std::string left{};      ///< the time that is left
  std::string activity{};  ///< what is being done, or nothing
  std::string brief{};     ///< the same of several at a time, in few characters
};

enum class BarSigns { unicode, ascii };

/// The line for a terminal of so many columns, which leaves the last one free, so that no terminal
/// wraps it: of bar, figures, time and activity as many as there is room for, the trials at any
/// rate. What several do comes before the bar.
std::string bar_line(const BarState& state, std::size_t columns, BarSigns signs);

/// The width of the terminal on standard error as it is now; 80 where it does not say.
std::size_t terminal_columns();

/// What the user's locale can show.
BarSigns bar_signs();

/// Whether standard error is a terminal that lines can be redrawn on.
bool is_terminal();

}  // namespace paretiny::cli
