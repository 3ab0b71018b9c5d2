#include "engine/data/formats/file_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "kernels/core/random.h"
#include "tests/engine/data/data_files.h"

namespace paretiny::data {
namespace {

/// Bytes that compress a little: two thirds repeated, one third random.
std::string mixed_content(std::size_t size) {
  std::string content(size, 'a');
  Random random(3, "content");
  for (std::size_t i = 0; i < size; i += 3) content[i] = static_cast<char>(random());
  return content;
}

class Packed : public testing::TestWithParam<std::string> {
 protected:
  std::string pack(const std::string& content) const {
    return GetParam() == ".gz" ? gzip(content) : xz(content);
  }
  void put(const std::string& bytes) const { folder_.write("file" + GetParam(), bytes); }
  std::string read() const { return std::string(as_text(read_file(folder_.path() / "file"))); }

  TempFolder folder_;
  std::string content_ = mixed_content(3 << 20);  // several growing chunks
};

TEST_P(Packed, UnpacksWhatWasPacked) {
  for (const std::string& content : {content_, std::string("x"), std::string()}) {
    put(pack(content));
    EXPECT_TRUE(read() == content) << content.size();
  }
}

TEST_P(Packed, UnpacksSeveralMembersInARow) {
  put(pack("first ") + pack("") + pack("second"));
  EXPECT_EQ(read(), "first second");
}

TEST_P(Packed, NamesATruncatedFile) {
  const std::string whole = pack(content_);
  for (const std::size_t size : {whole.size() - 1, whole.size() - 9, whole.size() / 2,
                                 std::size_t{20}, std::size_t{1}, std::size_t{0}}) {
    put(whole.substr(0, size));
    expect_error<DataError>([&] { read(); }, {"file" + GetParam(), "end early", "fetch it again"});
  }
}

TEST_P(Packed, NoticesEveryFlippedBitOfASmallFile) {
  const std::string whole = pack("a small file, a small file");
  int harmless = 0;
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    put(bytes);
    try {
      EXPECT_EQ(read(), "a small file, a small file") << "bit " << bit;
      ++harmless;
    } catch (const DataError&) {
    }
  }
  // gzip's header has bytes without meaning (time, system, hints); xz protects its own.
  EXPECT_LE(harmless, GetParam() == ".gz" ? 56 : 0);
}

TEST_P(Packed, NoticesAFlippedBitOfALargeFile) {
  std::string bytes = pack(content_);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
  put(bytes);
  expect_error<DataError>([&] { read(); }, {"file" + GetParam(), "damaged"});
}

TEST_P(Packed, RefusesForeignBytes) {
  put(pack("content") + "something else, long enough to be a header of its own");
  expect_error<DataError>([&] { read(); }, {"file" + GetParam(), "foreign bytes"});
  put("plain text under the wrong name, long enough to be a header");
  expect_error<DataError>([&] { read(); }, {"file" + GetParam(), "not a"});
}

INSTANTIATE_TEST_SUITE_P(FileBytes, Packed, testing::Values(".gz", ".xz"),
                         [](const auto& suffix) { return suffix.param.substr(1); });

TEST(FileBytes, PrefersThePlainFile) {
  const TempFolder folder;
  folder.write("file.xz", xz("from xz"));
  EXPECT_EQ(as_text(read_file(folder.path() / "file")), "from xz");
  folder.write("file.gz", gzip("from gz"));
  EXPECT_EQ(as_text(read_file(folder.path() / "file")), "from gz");
  folder.write("file", "plain");
  EXPECT_EQ(as_text(read_file(folder.path() / "file")), "plain");
  EXPECT_EQ(as_text(read_file(folder.path() / "file.xz")), "from xz");
}

TEST(FileBytes, NamesWhatIsMissing) {
  const TempFolder folder;
  std::filesystem::create_directory(folder.path() / "file");
  EXPECT_FALSE(has_file(folder.path() / "file"));
  expect_error<DataError>([&] { read_file(folder.path() / "file"); },
                          {(folder.path() / "file").string(), "no such file", ".gz", ".xz"});
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(FileBytes, WritingReplacesAFileAndWhatALinkLeadsTo) {
  const TempFolder folder;
  const std::filesystem::path file = folder.path() / "file", link = folder.path() / "link";
  write_file(file, bytes_of("old"));
  std::filesystem::create_symlink(file, link);
  write_file(link, bytes_of("new"));
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(as_text(read_file(file)), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
}

TEST(FileBytes, WritingReplacesNoPipe) {
  const TempFolder folder;
  const std::filesystem::path pipe = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int reader = open(pipe.c_str(), O_RDWR);
  check_writable(pipe);
  write_file(pipe, bytes_of("text"));
  char text[8] = {};
  EXPECT_EQ(read(reader, text, sizeof(text)), 4);
  close(reader);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

TEST(FileBytes, WhereNothingCanBeWrittenIsKnownBefore) {
  const TempFolder folder;
  check_writable(folder.path() / "new");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "new"));
  write_file(folder.path() / "file", bytes_of("text"));
  for (const std::filesystem::path& path :
       {std::filesystem::path(), folder.path(), folder.path() / "none" / "file",
        folder.path() / "file" / "file"}) {
    EXPECT_THROW(check_writable(path), DataError) << path;
    EXPECT_THROW(write_file(path, bytes_of("text")), DataError) << path;
  }
}

TEST(FileBytes, FilesReadTogetherFailInTheirOrder) {
  std::vector<int> done(40);  // those behind the first failure may be left out
  expect_error<DataError>(
      [&] {
        for_each_file(40, [&](std::int64_t i) {
          done[static_cast<std::size_t>(i)] = 1;
          if (i % 10 == 7) throw DataError("file " + std::to_string(i));
        });
      },
      {"file 7"});
  EXPECT_EQ(std::count(done.begin(), done.begin() + 8, 1), 8);
}

}  // namespace
}  // namespace paretiny::data
