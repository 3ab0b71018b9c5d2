// Files a test writes, and what it expects of the errors about them.
#pragma once

#include <gtest/gtest.h>
#include <lzma.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/data/dataset.h"
#include "tests/support/temp_folder.h"

namespace paretiny::data {

inline std::string gzip(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, content.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

inline std::string xz(const std::string& content) {
  std::string packed(lzma_stream_buffer_bound(content.size()), '\0');
  std::size_t used = 0;
  EXPECT_EQ(
      lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, nullptr,
                              reinterpret_cast<const std::uint8_t*>(content.data()), content.size(),
                              reinterpret_cast<std::uint8_t*>(packed.data()), &used, packed.size()),
      LZMA_OK);
  packed.resize(used);
  return packed;
}

/// EXPECTs an Error of type `Kind` whose sentence holds every one of `parts`.
template <class Kind, class Action>
void expect_error(const Action& action, const std::vector<std::string>& parts) {
  try {
    action();
    ADD_FAILURE() << "no error, where one naming '" << parts.front() << "' was due";
  } catch (const Kind& error) {
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << "'" << part << "' is not in: " << error.what();
    }
  }
}

/// Samples of each class.
inline std::vector<std::int64_t> histogram(const Samples& samples, std::size_t classes) {
  std::vector<std::int64_t> counts(classes);
  for (const std::int32_t label : samples.labels) ++counts.at(static_cast<std::size_t>(label));
  return counts;
}

inline double value_at(const Samples& samples, std::size_t i) {
  return samples.dtype == DType::u8
             ? static_cast<double>(samples.values[i])
             : static_cast<double>(reinterpret_cast<const float*>(samples.values.data())[i]);
}

/// EXPECTs the samples' channels to have zero mean and unit variance once normalised.
inline void expect_normalised(const Dataset& set, const Samples& samples) {
  const auto channels = static_cast<std::size_t>(set.sample().c);
  const std::size_t total = static_cast<std::size_t>(samples.size() * set.sample().elements());
  ASSERT_EQ(set.scale.size(), channels);
  ASSERT_EQ(set.shift.size(), channels);
  std::vector<double> sum(channels), squares(channels);
  for (std::size_t i = 0; i < total; ++i) {
    const std::size_t c = i % channels;
    const double x = value_at(samples, i) * static_cast<double>(set.scale[c]) +
                     static_cast<double>(set.shift[c]);
    sum[c] += x;
    squares[c] += x * x;
  }
  const std::size_t each = total / channels;
  const auto count = static_cast<double>(each);
  for (std::size_t c = 0; c < channels; ++c) {
    EXPECT_NEAR(sum[c] / count, 0.0, 1e-4) << "channel " << c;
    EXPECT_NEAR(squares[c] / count, 1.0, 1e-3) << "channel " << c;
  }
}

}  // namespace paretiny::data
