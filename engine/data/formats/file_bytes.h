// Whole files as bytes, compressed or not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace paretiny::data {

using Bytes = std::vector<std::byte>;

/// The file that stands for `path`: `path` itself, else `path`.gz, else `path`.xz. Throws DataError
/// naming all three when none is there.
std::filesystem::path find_file(const std::filesystem::path& path);

/// Whether find_file(path) would find one.
bool has_file(const std::filesystem::path& path);

/// The content of find_file(path), unpacked when its name ends in .gz or .xz (zlib; liblzma with
/// every filter it knows). Throws DataError for a file that is missing, unreadable, not what its
/// name says, cut short, damaged (checksums are verified) or followed by foreign bytes.
Bytes read_file(const std::filesystem::path& path);

/// Writes a file whole or not at all; replaces one that is there. What is no file (a pipe, a
/// device) is written to. Throws DataError.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

/// Throws DataError where `write_file` could not write, as far as can be said before.
void check_writable(const std::filesystem::path& path);

/// `bytes` as text, in place.
std::string_view as_text(const Bytes& bytes);

/// `text` without the byte-order mark that some editors begin UTF-8 with.
std::string_view without_mark(std::string_view text);

/// Big-endian 32-bit number at `offset`, which must lie 4 bytes before the end or earlier.
std::uint32_t big_endian(const Bytes& bytes, std::size_t offset);

/// The folder that holds a set's files: `path`/`inner` when that is a folder, else `path`. Throws
/// DataError when `path` is empty or no folder.
std::filesystem::path find_folder(const std::string& path, const std::string& inner);

/// Calls read(0) .. read(count - 1) over the threads; of several errors throws the one of the
/// lowest index, so that the message does not depend on timing. Those behind it may be left out.
void for_each_file(std::int64_t count, const std::function<void(std::int64_t)>& read);

}  // namespace paretiny::data
