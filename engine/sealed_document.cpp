#include "engine/sealed_document.h"

#include <fmt/core.h>
#include <zlib.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/one_line.h"

namespace paretiny {
namespace {

using nlohmann::json;

struct Header {
  char magic[8];
  std::uint32_t version;
  std::uint32_t checksum;  ///< CRC-32 of the document
  std::uint64_t bytes;     ///< of the document
};

std::uint32_t checksum_of(std::span<const std::uint8_t> bytes) {
  return static_cast<std::uint32_t>(crc32_z(crc32(0, nullptr, 0), bytes.data(), bytes.size()));
}

/// Counts the levels of a document and keeps nothing; what else is wrong with it is told by the
/// reader that comes after.
class LevelCounter : public nlohmann::json_sax<json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return ++levels_ <= kMost; }
  bool start_array(std::size_t) override { return ++levels_ <= kMost; }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

  bool too_many() const { return levels_ > kMost; }

  static constexpr int kMost = 32;  ///< a document of ours has six

 private:
  bool leave() {
    --levels_;
    return true;
  }

  int levels_ = 0;
};

/// The library reads a level inside a level by a call: of many it would run out of stack.
bool is_too_deep(std::span<const std::uint8_t> document) {
  LevelCounter counter;
  json::sax_parse(document.begin(), document.end(), &counter, json::input_format_t::cbor);
  return counter.too_many();
}

}  // namespace

std::vector<std::uint8_t> seal(const DocumentKind& kind, const json& document) {
  const std::vector<std::uint8_t> content = json::to_cbor(document);
  Header header{{}, kind.version, checksum_of(content), content.size()};
  std::memcpy(header.magic, kind.magic.data(), sizeof(header.magic));
  std::vector<std::uint8_t> bytes(sizeof(header) + content.size());
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::memcpy(bytes.data() + sizeof(header), content.data(), content.size());
  return bytes;
}

json unseal(const DocumentKind& kind, std::span<const std::uint8_t> bytes,
            const std::string& source) {
  Header header;
  if (bytes.size() < sizeof(header)) {
    throw DataError(fmt::format("{}: this is no {}, it is too short", source, kind.noun));
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (std::memcmp(header.magic, kind.magic.data(), sizeof(header.magic)) != 0) {
    throw DataError(fmt::format("{}: this is no {} of Paretiny", source, kind.noun));
  }
  if (header.version != kind.version) {
    throw DataError(fmt::format("{}: the {}'s version is {}, this program reads version {}", source,
                                kind.noun, header.version, kind.version));
  }
  const auto content = bytes.subspan(sizeof(header));
  if (content.size() != header.bytes) {
    throw DataError(fmt::format("{}: the {} has {} bytes where its header says {}", source,
                                kind.noun, content.size(), header.bytes));
  }
  if (checksum_of(content) != header.checksum) {
    throw DataError(fmt::format("{}: the {} is damaged, its checksum is wrong", source, kind.noun));
  }
  if (is_too_deep(content)) {
    throw DataError(fmt::format("{}: the {} is nested deeper than {} levels", source, kind.noun,
                                LevelCounter::kMost));
  }
  try {
    return json::from_cbor(content.begin(), content.end());
  } catch (const json::exception& error) {
    throw DataError(
        fmt::format("{}: the {} cannot be read: {}", source, kind.noun, one_line(error.what())));
  }
}

}  // namespace paretiny
