#include "engine/data/formats/file_bytes.h"

#include <fmt/core.h>
#include <lzma.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <limits>
#include <memory>

#include "base/error.h"
#include "kernels/core/threads.h"

namespace paretiny::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunk = std::size_t{1}
                               << 20;  ///< bytes that what is unpacked grows by at least

[[noreturn]] void fail(const fs::path& file, std::string_view what) {
  throw DataError(fmt::format("{}: {}; fetch it again", file.string(), what));
}

Bytes read_plain(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  if (!stream || error) throw DataError(file.string() + ": cannot be read; check its permissions");
  Bytes bytes(size);
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (static_cast<std::uintmax_t>(stream.gcount()) != size) fail(file, "ends early");
  return bytes;
}

/// Room for at least one more chunk after `used` bytes; growth follows what was really unpacked,
/// never a size a header claims.
void make_room(Bytes& bytes, std::size_t used) {
  if (bytes.size() - used < kChunk) bytes.resize(std::max(bytes.size() * 2, used + kChunk));
}

Bytes unpack_gzip(const fs::path& file, const Bytes& packed) {
  z_stream stream{};
  if (inflateInit2(&stream, MAX_WBITS + 16) != Z_OK) throw OutOfMemory("no memory for zlib");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  Bytes bytes;
  std::size_t read = 0;
  std::size_t used = 0;
  bool ended = false;
  while (read < packed.size() || !ended) {
    if (ended) {  // a further member, or foreign bytes
      inflateReset(&stream);
      ended = false;
    }
    make_room(bytes, used);
    constexpr std::size_t limit = std::numeric_limits<uInt>::max();
    const std::size_t give = std::min(packed.size() - read, limit);
    const std::size_t room = std::min(bytes.size() - used, limit);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + read));
    stream.avail_in = static_cast<uInt>(give);
    stream.next_out = reinterpret_cast<Bytef*>(bytes.data() + used);
    stream.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t taken = give - stream.avail_in;
    const std::size_t made = room - stream.avail_out;
    if (status == Z_BUF_ERROR || (status == Z_OK && taken == 0 && made == 0)) {
      fail(file, "gzip data end early");
    }
    if (status != Z_OK && status != Z_STREAM_END) {
      fail(file, used == 0 && read < 18 ? "not a gzip file or damaged"
                                        : "damaged gzip data or foreign bytes after them");
    }
    read += taken;
    used += made;
    ended = status == Z_STREAM_END;
  }
  bytes.resize(used);
  return bytes;
}

Bytes unpack_xz(const fs::path& file, const Bytes& packed) {
  lzma_stream stream = LZMA_STREAM_INIT;
  // xz -9 asks for 65 MiB; a damaged header may ask for anything.
  constexpr std::uint64_t memory_limit = std::uint64_t{1} << 30;
  if (lzma_stream_decoder(&stream, memory_limit, LZMA_CONCATENATED) != LZMA_OK) {
    throw OutOfMemory("no memory for liblzma");
  }
  const std::unique_ptr<lzma_stream, void (*)(lzma_stream*)> guard(&stream, lzma_end);
  Bytes bytes;
  std::size_t used = 0;
  stream.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
  stream.avail_in = packed.size();
  for (;;) {
    make_room(bytes, used);
    stream.next_out = reinterpret_cast<std::uint8_t*>(bytes.data() + used);
    stream.avail_out = bytes.size() - used;
    const lzma_ret status = lzma_code(&stream, LZMA_FINISH);
    used = bytes.size() - stream.avail_out;
    if (status == LZMA_STREAM_END) break;
    switch (status) {
      case LZMA_OK:
        continue;
      case LZMA_BUF_ERROR:
        fail(file, "xz data end early");
      case LZMA_FORMAT_ERROR:
        fail(file, "not an xz file or damaged");
      case LZMA_OPTIONS_ERROR:
        fail(file, "damaged, or made by a newer xz than this liblzma");
      case LZMA_MEM_ERROR:
      case LZMA_MEMLIMIT_ERROR:
        throw OutOfMemory(file.string() + ": its xz dictionary needs more than 1 GiB of memory");
      default:
        fail(file, "damaged xz data or foreign bytes after them");
    }
  }
  bytes.resize(used);
  return bytes;
}

/// `path`, `path`.gz or `path`.xz, whichever is there first; empty when none is.
fs::path existing_file(const fs::path& path) {
  std::error_code ignored;
  for (const char* suffix : {"", ".gz", ".xz"}) {
    fs::path candidate = path;
    candidate += suffix;
    if (fs::is_regular_file(candidate, ignored)) return candidate;
  }
  return {};
}

}  // namespace

bool has_file(const fs::path& path) {
  return !existing_file(path).empty();
}

fs::path find_file(const fs::path& path) {
  const fs::path file = existing_file(path);
  if (!file.empty()) return file;
  throw DataError(
      fmt::format("{}: no such file, nor with .gz or .xz; fetch it with "
                  "scripts/get_data or correct [dataset] path",
                  path.string()));
}

Bytes read_file(const fs::path& path) {
  const fs::path file = find_file(path);
  Bytes bytes = read_plain(file);
  if (file.extension() == ".gz") return unpack_gzip(file, bytes);
  if (file.extension() == ".xz") return unpack_xz(file, bytes);
  return bytes;
}

void write_file(const fs::path& path, std::span<const std::byte> bytes) {
  std::error_code error;
  const fs::file_status there = fs::status(path, error);
  // A pipe or a device is written to, never replaced; of a link, what it leads to is replaced.
  const bool direct = fs::exists(there) && !fs::is_regular_file(there);
  const fs::path whole = fs::is_regular_file(there) ? fs::canonical(path, error) : path;
  const fs::path part =
      direct ? path : fs::path(whole.string() + ".part" + std::to_string(::getpid()));
  errno = 0;
  std::ofstream file(part, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  error.clear();
  if (!file) {
    error.assign(errno == 0 ? EIO : errno, std::generic_category());
  } else if (!direct) {
    fs::rename(part, whole, error);
  }
  if (!error) return;
  std::error_code ignored;
  if (!direct) fs::remove(part, ignored);
  throw DataError(fmt::format("'{}' cannot be written: {}", path.string(), error.message()));
}

void check_writable(const fs::path& path) {
  std::error_code error;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const bool there = fs::exists(path, error);
  const bool regular = !there || fs::is_regular_file(path, error);
  if (path.empty()) {
    error = std::make_error_code(std::errc::no_such_file_or_directory);
  } else if (fs::is_directory(path, error)) {
    error = std::make_error_code(std::errc::is_a_directory);
  } else if ((there && ::access(path.c_str(), W_OK) != 0) ||
             (regular && ::access(folder.c_str(), W_OK | X_OK) != 0)) {
    error.assign(errno, std::generic_category());
  } else {
    return;
  }
  throw DataError(fmt::format("'{}' cannot be written: {}", path.string(), error.message()));
}

std::string_view as_text(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view without_mark(std::string_view text) {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  return text.substr(text.starts_with(mark) ? mark.size() : 0);
}

std::uint32_t big_endian(const Bytes& bytes, std::size_t offset) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    number = (number << 8) | std::to_integer<std::uint32_t>(bytes[offset + i]);
  }
  return number;
}

fs::path find_folder(const std::string& path, const std::string& inner) {
  std::error_code ignored;
  if (path.empty()) throw DataError("[dataset] path is missing; give the folder of the files");
  if (!inner.empty() && fs::is_directory(fs::path(path) / inner, ignored)) {
    return fs::path(path) / inner;
  }
  if (fs::is_directory(path, ignored)) return path;
  if (fs::exists(path, ignored)) {
    throw DataError(path + ": is a file; [dataset] path names the folder that the files lie in");
  }
  throw DataError(
      fmt::format("{}: no such folder; fetch the files with scripts/get_data or correct "
                  "[dataset] path",
                  path));
}

void for_each_file(std::int64_t count, const std::function<void(std::int64_t)>& read) {
  parallel_each(count, true, read);
}

}  // namespace paretiny::data
