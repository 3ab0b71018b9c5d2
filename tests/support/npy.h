// Reads the .npy files of the reference vectors.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace paretiny::test {

/// The numbers of a version 1.0 file of float32 or int64, flat. Layout: magic, header length at
/// byte 8, a text header, then the numbers.
inline std::vector<double> read_npy(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text.at(i)); };
  const std::size_t begin = 10u + byte(8) + 256u * byte(9);
  const bool labels = text.substr(0, begin).find("'<i8'") != std::string::npos;
  const std::size_t width = labels ? sizeof(std::int64_t) : sizeof(float);
  std::vector<double> values((text.size() - begin) / width);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const char* from = text.data() + begin + i * width;
    if (labels) {
      std::int64_t label;
      std::memcpy(&label, from, width);
      values[i] = static_cast<double>(label);
    } else {
      float number;
      std::memcpy(&number, from, width);
      values[i] = number;
    }
  }
  return values;
}

}  // namespace paretiny::test
