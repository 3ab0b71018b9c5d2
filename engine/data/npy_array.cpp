#include "engine/data/npy_array.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <string_view>

#include "kernels/error.h"

namespace paretiny {
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

std::string_view header_text(const NpyArray& array, std::size_t& end) {
  const std::string_view all = as_text(array.bytes);
  constexpr std::string_view magic = "\x93NUMPY";
  if (all.size() < 10 || all.substr(0, magic.size()) != magic) {
    throw DataError(array.file + ": not an .npy file; save it with numpy.save");
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

void read_type(const Header& header, NpyArray& array) {
  const std::string_view type = header.between("descr", '\'', '\'');
  constexpr std::string_view known[] = {"|i1", "|u1", "<i2", "<u2", "<i4",
                                        "<u4", "<i8", "<u8", "<f4", "<f8"};
  for (const std::string_view name : known) {
    if (type != name) continue;
    array.kind = name[1];
    array.width = static_cast<std::size_t>(name[2] - '0');
    return;
  }
  header.fail(
      fmt::format("says the type '{}', where one of {} is needed", type, fmt::join(known, " ")));
}

void read_shape(const Header& header, NpyArray& array) {
  const std::string_view tuple = header.between("shape", '(', ')');
  const std::size_t size = array.bytes.size() - array.offset;
  std::size_t bytes = array.width;
  const char* at = tuple.data();
  const char* end = at + tuple.size();
  while (at != end) {
    std::int64_t extent = 0;
    const auto [stop, error] = std::from_chars(at, end, extent);
    if (error != std::errc{}) header.fail(fmt::format("has the shape ({})", tuple));
    // Against the file's size at every extent, so that no product can overflow.
    if (extent < 1 || bytes > size / static_cast<std::size_t>(extent)) {
      header.fail(fmt::format("says the shape ({}), but {} bytes of data follow", tuple, size));
    }
    bytes *= static_cast<std::size_t>(extent);
    array.shape.push_back(extent);
    at = stop;
    while (at != end && (*at == ',' || *at == ' ')) ++at;
  }
  if (bytes != size) {
    header.fail(fmt::format("says the shape ({}) of {} bytes, but {} bytes of data follow", tuple,
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
  if (is_integer()) return static_cast<double>(integer(i));
  return width == 4 ? static_cast<double>(load<float>(*this, i)) : load<double>(*this, i);
}

NpyArray read_npy(const std::filesystem::path& path) {
  NpyArray array;
  array.file = find_file(path).string();
  array.bytes = read_file(path);
  const Header header(array.file, header_text(array, array.offset));
  read_type(header, array);
  if (!header.value("fortran_order").starts_with("False")) {
    header.fail("says Fortran order, where C order is needed (numpy.ascontiguousarray)");
  }
  read_shape(header, array);
  return array;
}

}  // namespace paretiny
