#include "engine/data/formats/npy_array.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/one_line.h"

namespace paretiny::data {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are read in place");

template <class T>
T load(const NpyArray& array, std::int64_t i) {
  T value;
  std::memcpy(&value, array.bytes.data() + array.offset + static_cast<std::size_t>(i) * sizeof(T),
              sizeof(T));
  return value;
}

/// The header's Python dictionary, e.g.
/// "{'descr': '<i2', 'fortran_order': False, 'shape': (3, 4), }".
class Header {
 public:
  Header(const std::string& file, std::string_view text) : file_(file), text_(text) {}

  /// The text after `'key':` without leading spaces.
  std::string_view value(std::string_view key) const {
    const std::string quoted = fmt::format("'{}':", key);
    const std::size_t at = text_.find(quoted);
    if (at == std::string_view::npos) fail(fmt::format("has no {}", key));
    std::string_view rest = text_.substr(at + quoted.size());
    return rest.substr(std::min(rest.find_first_not_of(' '), rest.size()));
  }

  /// The text between `open` and `close` that value(key) starts with.
  std::string_view between(std::string_view key, char open, char close) const {
    const std::string_view rest = value(key);
    const std::size_t end = rest.find(close, 1);
    if (rest.empty() || rest[0] != open || end == std::string_view::npos) {
      fail(fmt::format("has a {} that cannot be read", key));
    }
    return rest.substr(1, end - 1);
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(
        fmt::format("{}: its .npy header {}; save it again with numpy.save", file_, what));
  }

 private:
  const std::string& file_;
  std::string_view text_;
};

/// What a file that is no .npy file seems to be.
const char* other_kind(std::string_view all) {
  if (all.empty()) return ", it is empty";
  if (all.starts_with("PK")) return " but an archive, as numpy.savez and torch.save write it";
  if (all.size() > 1 && all[0] == '\x80' && all[1] >= 2 && all[1] <= 5) return " but a pickle";
  if (all.starts_with("\x89HDF")) return " but an HDF5 file";
  if (all.starts_with("\x89PNG") || all.starts_with("\xFF\xD8")) return " but a picture";
  const auto printed = [](char c) {
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t';
  };
  const std::string_view head = all.substr(0, 256);
  return std::all_of(head.begin(), head.end(), printed) ? " but text" : "";
}

std::string_view header_text(const NpyArray& array, std::size_t& end) {
  const std::string_view all = as_text(array.bytes);
  constexpr std::string_view magic = "\x93NUMPY";
  if (all.size() < 10 || all.substr(0, magic.size()) != magic) {
    throw DataError(fmt::format("{}: not an .npy file{}; save one array with numpy.save",
                                array.file, other_kind(all)));
  }
  const auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(all[i])}; };
  const std::size_t start = byte(6) == 1 ? 10 : 12;
  std::size_t size = byte(8) | byte(9) << 8;
  if (start == 12 && all.size() >= 12) size |= byte(10) << 16 | byte(11) << 24;
  if (byte(6) < 1 || byte(6) > 3 || all.size() < start || size > all.size() - start) {
    throw DataError(
        fmt::format("{}: its .npy header is of an unknown version or cut short; save it "
                    "again with numpy.save",
                    array.file));
  }
  end = start + size;
  return all.substr(start, size);
}

constexpr std::string_view kTypes[] = {"|i1", "|u1", "<i2", "<u2", "<i4",
                                       "<u4", "<i8", "<u8", "<f4", "<f8"};

/// What a type that cannot be read is, and what to save instead.
std::pair<const char*, std::string> advice_on(std::string_view type) {
  const char kind = type.size() > 1 ? type[1] : ' ';
  const std::string little = type.starts_with('>') ? fmt::format("<{}", type.substr(1)) : "";
  if (std::find(std::begin(kTypes), std::end(kTypes), little) != std::end(kTypes)) {
    return {" (big-endian numbers)", fmt::format("save array.astype('{}')", little)};
  }
  switch (kind) {
    case 'f':
      return {" (floating-point numbers of another width)", "save array.astype('float32')"};
    case 'O':
      return {" (Python objects)",
              "save an array of numbers, not a list of arrays of unequal lengths"};
    case 'U':
    case 'S':
      return {" (texts)",
              "labels are whole numbers: save numpy.unique(array, return_inverse=True)[1], and the "
              "names in classes.txt"};
    case 'c':
      return {" (complex numbers)", "save real and imaginary part as two channels"};
    case 'M':
    case 'm':
      return {" (times)", "save array.astype('int64')"};
    default:
      return {"", "save it in one of these types"};
  }
}

void read_type(const Header& header, NpyArray& array) {
  if (header.value("descr").starts_with('[')) {
    header.fail("says records of several fields, where plain numbers are needed");
  }
  std::string_view type = header.between("descr", '\'', '\'');
  if (type == "|b1") type = "|u1";  // 0 and 1
  for (const std::string_view name : kTypes) {
    if (type != name) continue;
    array.kind = name[1];
    array.width = static_cast<std::size_t>(name[2] - '0');
    return;
  }
  const auto [what, advice] = advice_on(type);
  throw DataError(fmt::format("{}: type '{}'{}, where one of {} is needed; {}", array.file,
                              one_line(type, 40), what, fmt::join(kTypes, " "), advice));
}

void read_shape(const Header& header, NpyArray& array) {
  const std::string_view tuple = header.between("shape", '(', ')');
  const std::string shown = one_line(tuple, 60);
  const std::size_t size = array.bytes.size() - array.offset;
  const char* at = tuple.data();
  const char* end = at + tuple.size();
  while (at != end) {
    std::int64_t extent = 0;
    const auto [stop, error] = std::from_chars(at, end, extent);
    if (error != std::errc{}) header.fail(fmt::format("has the shape ({})", shown));
    array.shape.push_back(extent);
    at = stop;
    while (at != end && (*at == ',' || *at == ' ')) ++at;
  }
  if (size == 0 && std::find(array.shape.begin(), array.shape.end(), 0) != array.shape.end()) {
    throw DataError(fmt::format("{}: an array of shape ({}) has no element; save one with samples",
                                array.file, shown));
  }
  std::size_t bytes = array.width;
  for (const std::int64_t extent : array.shape) {
    // Against the file's size at every extent, so that no product can overflow.
    if (extent < 1 || bytes > size / static_cast<std::size_t>(extent)) {
      header.fail(fmt::format("says the shape ({}), but {} bytes of data follow", shown, size));
    }
    bytes *= static_cast<std::size_t>(extent);
  }
  if (bytes != size) {
    header.fail(fmt::format("says the shape ({}) of {} bytes, but {} bytes of data follow", shown,
                            bytes, size));
  }
}

}  // namespace

std::int64_t NpyArray::elements() const {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

std::int64_t NpyArray::integer(std::int64_t i) const {
  const bool is_signed = kind == 'i';
  switch (width) {
    case 1:
      return is_signed ? load<std::int8_t>(*this, i) : load<std::uint8_t>(*this, i);
    case 2:
      return is_signed ? load<std::int16_t>(*this, i) : load<std::uint16_t>(*this, i);
    case 4:
      return is_signed ? load<std::int32_t>(*this, i)
                       : static_cast<std::int64_t>(load<std::uint32_t>(*this, i));
    default:
      return load<std::int64_t>(*this, i);
  }
}

double NpyArray::real(std::int64_t i) const {
  if (kind == 'u' && width == 8) return static_cast<double>(load<std::uint64_t>(*this, i));
  if (is_integer()) return static_cast<double>(integer(i));
  return width == 4 ? static_cast<double>(load<float>(*this, i)) : load<double>(*this, i);
}

std::string shape_text(const NpyArray& array) {
  return fmt::format("({})", fmt::join(array.shape, ", "));
}

NpyArray read_npy(const std::filesystem::path& path) {
  NpyArray array;
  array.file = find_file(path).string();
  array.bytes = read_file(path);
  const Header header(array.file, header_text(array, array.offset));
  read_type(header, array);
  if (!header.value("fortran_order").starts_with("False")) {
    throw DataError(
        array.file +
        ": Fortran order, where C order is needed; save numpy.ascontiguousarray(array)");
  }
  read_shape(header, array);
  return array;
}

}  // namespace paretiny::data
