// A document as bytes that can be trusted: a header with kind, version, length and checksum, then
// CBOR.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace paretiny {

/// What the bytes are of.
struct DocumentKind {
  std::string_view noun;   ///< for people: "model"
  std::string_view magic;  ///< 8 letters that the bytes begin with
  std::uint32_t version;
};

std::vector<std::uint8_t> seal(const DocumentKind& kind, const nlohmann::json& document);

/// `source` names the bytes in errors. Throws DataError for bytes of another kind or version, cut
/// short, followed by others or damaged.
nlohmann::json unseal(const DocumentKind& kind, std::span<const std::uint8_t> bytes,
                      const std::string& source);

}  // namespace paretiny
