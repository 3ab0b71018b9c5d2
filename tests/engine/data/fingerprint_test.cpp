#include "engine/data/fingerprint.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace paretiny::data {
namespace {

std::uint64_t hash(std::string_view text) {
  return hash_bytes(std::as_bytes(std::span(text)));
}

TEST(Fingerprint, HashesAsXxh64Does) {
  // From xxhash's own program: `printf abc | xxhsum -H1`.
  EXPECT_EQ(hash(""), 0xEF46DB3751D8E999u);
  EXPECT_EQ(hash("a"), 0xD24EC4F1A98C6E5Bu);
  EXPECT_EQ(hash("abc"), 0x44BC2CF5AD770999u);
  EXPECT_EQ(hash("Nobody inspects the spammish repetition"), 0xFBCEA83C8A378BF1u);
}

Dataset example() {
  Dataset set;
  set.classes = {"a", "b"};
  for (Samples* part : {&set.train, &set.validation, &set.test}) {
    part->dtype = DType::u8;
    part->sample = {1, 2, 3, 1};
    part->labels = {0, 1, 1};
    for (int i = 0; i < 18; ++i) part->values.push_back(static_cast<std::byte>(i));
  }
  return set;
}

TEST(Fingerprint, SaysWhatThereIs) {
  const std::string text = fingerprint(example());
  EXPECT_NE(text.find("train: 3 samples of 2x3x1 u8, content "), std::string::npos) << text;
  EXPECT_NE(text.find("\n2 classes, names "), std::string::npos) << text;
  EXPECT_EQ(text, fingerprint(example()));
}

TEST(Fingerprint, EveryChangeShows) {
  std::set<std::string> seen = {fingerprint(example())};
  const auto changed = [&](auto change) {
    Dataset set = example();
    change(set);
    EXPECT_TRUE(seen.insert(fingerprint(set)).second);
  };
  for (Samples Dataset::*part : {&Dataset::train, &Dataset::validation, &Dataset::test}) {
    for (std::size_t i = 0; i < 18; ++i) {
      changed([&](Dataset& set) { (set.*part).values[i] ^= std::byte{0x80}; });
    }
    // The top bits of two words at once, as of two numbers that change their sign.
    changed([&](Dataset& set) {
      (set.*part).values[7] ^= std::byte{0x80};
      (set.*part).values[15] ^= std::byte{0x80};
    });
    changed([&](Dataset& set) { (set.*part).labels[0] = 1; });
    changed([&](Dataset& set) { std::swap((set.*part).labels[0], (set.*part).labels[1]); });
    changed([&](Dataset& set) { (set.*part).sample = {1, 3, 2, 1}; });
    changed([&](Dataset& set) {
      (set.*part).values.resize(12);
      (set.*part).labels.resize(2);
    });
    // What was moved from values to labels is not the same.
    changed([&](Dataset& set) { (set.*part).values.resize(6), (set.*part).labels.resize(6); });
  }
  changed([](Dataset& set) { set.classes[1].push_back('c'); });
  changed([](Dataset& set) { set.classes = {"ab", ""}; });
  changed([](Dataset& set) { set.classes.push_back("c"); });
}

}  // namespace
}  // namespace paretiny::data
