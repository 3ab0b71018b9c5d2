// Reads gzip-compressed JSON Lines, the form of the reference vectors.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace paretiny {

/// Every row of `path` (gzip or plain text), in order. Throws std::runtime_error when the file
/// cannot be opened or is damaged, nlohmann::json::parse_error for a line that is not JSON.
inline std::vector<nlohmann::json> read_jsonl_gz(const std::filesystem::path& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error("cannot open " + path.string());
  std::string text;
  std::vector<char> chunk(std::size_t{1} << 16);
  int got = 0;
  while ((got = gzread(file, chunk.data(), static_cast<unsigned>(chunk.size()))) > 0) {
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  if (gzclose(file) != Z_OK || got < 0) throw std::runtime_error("damaged " + path.string());

  std::vector<nlohmann::json> rows;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin)
      rows.push_back(nlohmann::json::parse(text.begin() + static_cast<long>(begin),
                                           text.begin() + static_cast<long>(end)));
    begin = end + 1;
  }
  return rows;
}

}  // namespace paretiny
