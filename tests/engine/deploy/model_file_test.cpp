#include "engine/deploy/formats/model_file.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "tests/engine/deploy/random_network.h"

namespace paretiny::deploy {
namespace {

using namespace test;

DeployedModel small_model(std::uint64_t seed) {
  return deployed(random_network(random_graph(seed), seed), "small");
}

TEST(ModelFile, AModelSurvivesTheWayThroughBytes) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const DeployedModel model = small_model(seed);
    const std::vector<std::uint8_t> bytes = to_bytes(model);
    const DeployedModel again = model_from_bytes(bytes, "bytes");
    EXPECT_EQ(to_bytes(again), bytes);
    EXPECT_EQ(again.name, model.name);
    EXPECT_EQ(again.classes, model.classes);
    // Derived parameters are the same when every output is.
    const auto before = record_runs(model.network, 4, seed);
    const auto after = record_runs(again.network, 4, seed);
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(after[i].output, before[i].output);
  }
}

TEST(ModelFile, FilesAreWrittenWhole) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("paretiny-model-" + std::to_string(::getpid()) + ".ptny");
  const DeployedModel model = small_model(1);
  save_model(model, path);
  EXPECT_EQ(to_bytes(load_model(path)), to_bytes(model));
  std::filesystem::remove(path);
  EXPECT_THROW(load_model(path), DataError);
  EXPECT_THROW(save_model(model, "/nowhere/model.ptny"), DataError);
}

/// What is said of bytes that are no model, "" of a model.
std::string message(const std::vector<std::uint8_t>& bytes) {
  try {
    model_from_bytes(bytes, "there.ptny");
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

TEST(ModelFile, SaysWhatIsWrong) {
  std::vector<std::uint8_t> bytes = to_bytes(small_model(1));
  EXPECT_NE(message({}).find("there.ptny: this is no model"), std::string::npos);
  auto changed = bytes;
  changed[0] = 'X';
  EXPECT_NE(message(changed).find("no model of Paretiny"), std::string::npos);
  changed = bytes;
  changed[8] = 9;
  EXPECT_NE(message(changed).find("version is 9"), std::string::npos);
  changed = bytes;
  changed.pop_back();
  EXPECT_NE(message(changed).find("its header says"), std::string::npos);
  changed = bytes;
  changed.back() ^= 1;
  EXPECT_NE(message(changed).find("checksum"), std::string::npos);
}

/// A model's header before a document of one's own.
std::vector<std::uint8_t> with_header(const std::string& document) {
  std::vector<std::uint8_t> bytes = to_bytes(small_model(0));
  bytes.resize(24);
  bytes.insert(bytes.end(), document.begin(), document.end());
  const std::uint64_t size = document.size();
  const auto checksum = static_cast<std::uint32_t>(crc32_z(0, bytes.data() + 24, size));
  std::memcpy(&bytes[12], &checksum, 4);
  std::memcpy(&bytes[16], &size, 8);
  return bytes;
}

TEST(ModelFile, AMillionLevelsAreRefused) {
  // Arrays of one element, without an end, objects of one member, and tags before a number.
  std::string objects;
  for (int i = 0; i < 1000000; ++i)
    objects +=
        "\xa1\x61"
        "a";
  for (const std::string& document :
       {std::string(1000000, '\x81') + '\0', std::string(1000000, '\x9f'), objects + '\0',
        std::string(1000000, '\xbf'), std::string(1000000, '\xc1') + '\0'}) {
    const std::string told = message(with_header(document));
    EXPECT_LT(told.size(), 300u);
    EXPECT_NE(told, "");
  }
  EXPECT_NE(message(with_header(std::string(33, '\x81') + '\0')).find("deeper than 32 levels"),
            std::string::npos);
  EXPECT_EQ(message(with_header(std::string(32, '\x81') + '\0')).find("deeper"), std::string::npos);
}

/// Bytes changed behind the checksum's back: whatever they say is refused with a sentence or is a
/// network that can be run.
TEST(ModelFile, NoBytesMakeItCrash) {
  const char* wanted = std::getenv("PARETINY_FUZZ");
  const std::uint64_t trials = wanted == nullptr ? 3000 : std::strtoull(wanted, nullptr, 10);
  std::uint64_t read = 0;
  for (std::uint64_t trial = 0; trial < trials; ++trial) {
    Random random(trial, "mutations");
    std::vector<std::uint8_t> bytes = to_bytes(small_model(trial % 16));
    const std::uint64_t changes = 1 + random.below(6);
    for (std::uint64_t k = 0; k < changes; ++k) {
      // Names and numbers lie between the weights; half of the changes aim at the first bytes.
      const std::uint64_t reach = random.below(2) == 0 ? bytes.size() - 24 : 200;
      const std::size_t at = 24 + random.below(std::min<std::uint64_t>(reach, bytes.size() - 24));
      switch (random.below(4)) {
        case 0:
          bytes[at] = static_cast<std::uint8_t>(random.below(256));
          break;
        case 1:
          bytes[at] ^= static_cast<std::uint8_t>(1u << random.below(8));
          break;
        case 2:
          bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        default:
          bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                       static_cast<std::uint8_t>(random.below(256)));
      }
      if (bytes.size() < 40) break;
    }
    const std::uint64_t size = bytes.size() - 24;
    const auto checksum = static_cast<std::uint32_t>(crc32_z(0, bytes.data() + 24, size));
    std::memcpy(&bytes[12], &checksum, 4);
    std::memcpy(&bytes[16], &size, 8);
    try {
      const DeployedModel model = model_from_bytes(bytes, "mutated");
      ++read;
      if (model.network.input().shape.elements() < 100000) record_runs(model.network, 1, trial);
    } catch (const DataError& error) {
      EXPECT_FALSE(std::string(error.what()).empty());
    }
  }
  // Weights and names may change without harm, so some of them are models.
  EXPECT_GT(read, 0u);
  EXPECT_LT(read, trials);
}

}  // namespace
}  // namespace paretiny::deploy
