// NumPy's .npy files (versions 1 to 3), as numpy.save writes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/formats/file_bytes.h"

namespace paretiny::data {

/// An array in C order, little-endian; its header has been held against the size of the file.
struct NpyArray {
  std::string file;                 ///< for messages
  char kind = 'f';                  ///< 'f' floating, 'i' signed, 'u' unsigned
  std::size_t width = 4;            ///< bytes of an element
  std::vector<std::int64_t> shape;  ///< all extents positive
  Bytes bytes;                      ///< the whole file
  std::size_t offset = 0;           ///< of the first element in `bytes`

  std::int64_t elements() const;
  bool is_integer() const { return kind != 'f'; }
  /// Element i in C order. `integer` is for integer kinds (a uint64 above int64's range comes out
  /// negative); `real` for all.
  std::int64_t integer(std::int64_t i) const;
  double real(std::int64_t i) const;
};

/// "(40, 2, 3)".
std::string shape_text(const NpyArray& array);

/// Reads `path` (or .gz, .xz). Types: int8 .. int64, uint8 .. uint64, bool (as uint8), float32,
/// float64. Throws DataError, saying what is there and what to save instead, for any other type,
/// Fortran order, an array without elements, a file of another kind, and a header that is damaged
/// or disagrees with the size of the file.
NpyArray read_npy(const std::filesystem::path& path);

}  // namespace paretiny::data
