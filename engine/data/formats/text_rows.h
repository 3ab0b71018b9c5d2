// Rows of numbers in a text file, fast.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/data/formats/file_bytes.h"

namespace paretiny::data {

/// Walks over the lines of a text, each of which must hold the same count of numbers with one
/// separator (' ' or ',') between; spaces around a number and a line's '\r' do not matter, empty
/// lines and a byte-order mark are skipped. Every error is a DataError naming `file`, the line and
/// what would be right.
class TextRows {
 public:
  /// `text` must outlive this object.
  TextRows(std::string file, std::string_view text, char separator)
      : file_(std::move(file)), rest_(without_mark(text)), separator_(separator) {}

  /// Reads the next line into `row`; false at the end of the text. Numbers must be finite floats.
  [[nodiscard]] bool next(std::span<float> row);
  /// The same for whole numbers.
  [[nodiscard]] bool next(std::span<std::int64_t> row);

  /// Of the row read last, counted from 1.
  std::int64_t line() const { return line_; }

  /// Throws the DataError "<file>, line <line>: <what>".
  [[noreturn]] void fail(const std::string& what) const;

 private:
  template <class Number>
  [[nodiscard]] bool read(std::span<Number> row);

  std::string file_;
  std::string_view rest_;
  char separator_;
  std::int64_t line_ = 0;
};

}  // namespace paretiny::data
