#include "engine/data/formats/npy_array.h"

#include "base/error.h"
#include "tests/engine/data/data_files.h"
#include "tests/engine/data/npy_made.h"

namespace paretiny::data {
namespace {

template <class T>
void expect_type(const std::string& name) {
  const TempFolder folder;
  folder.write("a.npy.xz", xz(npy<T>(name, "2, 3", {1, 2, 3, 4, 5, static_cast<T>(-6)})));
  const NpyArray array = read_npy(folder.path() / "a.npy");
  EXPECT_EQ(array.shape, (std::vector<std::int64_t>{2, 3}));
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_EQ(array.real(i), static_cast<double>(i + 1));
  EXPECT_EQ(array.real(5), static_cast<double>(static_cast<T>(-6))) << name;
  if (array.is_integer()) {
    EXPECT_EQ(array.integer(5), static_cast<std::int64_t>(static_cast<T>(-6)));
  }
}

TEST(NpyArray, ReadsEveryType) {
  expect_type<std::int8_t>("|i1");
  expect_type<std::uint8_t>("|u1");
  expect_type<std::int16_t>("<i2");
  expect_type<std::uint16_t>("<u2");
  expect_type<std::int32_t>("<i4");
  expect_type<std::uint32_t>("<u4");
  expect_type<std::int64_t>("<i8");
  expect_type<float>("<f4");
  expect_type<double>("<f8");
}

TEST(NpyArray, RefusesHostileHeaders) {
  const TempFolder folder;
  const std::string data(64, '\0');
  const std::string good = npy_header("<f4", "4, 4") + data;
  const auto refuse = [&](const std::string& bytes, const std::vector<std::string>& parts) {
    folder.write("a.npy", bytes);
    expect_error<DataError>([&] { read_npy(folder.path() / "a.npy"); }, parts);
  };
  refuse("", {"a.npy", "not an .npy file"});
  refuse("\x93NUMPY\x01", {"not an .npy file"});
  refuse("PK" + good, {"not an .npy file"});
  refuse(good.substr(0, 40), {"cut short"});
  refuse(std::string("\x93NUMPY\x09\x00", 8) + good.substr(8), {"unknown version"});
  refuse(std::string("\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF", 12) + good.substr(12), {"cut short"});
  refuse(npy_header("<f4", "4, 5") + data, {"shape (4, 5)", "64 bytes"});
  refuse(npy_header("<f4", "4, 3") + data, {"shape (4, 3)", "64 bytes"});
  refuse(npy_header("<f4", "4611686018427387904, 4, 4") + data, {"shape", "64 bytes"});
  refuse(npy_header("<f4", "9223372036854775807, 9223372036854775807") + data, {"64 bytes"});
  refuse(npy_header("<f4", "99999999999999999999") + data, {"shape"});
  refuse(npy_header("<f4", "-4, -4") + data, {"shape (-4, -4)"});
  refuse(npy_header("<f4", "0, 4") + data, {"shape (0, 4)"});
  refuse(npy_header("<f4", "4 x 4") + data, {"shape (4 x 4)"});
  refuse(npy_header(">f4", "4, 4") + data, {"type '>f4'", "<f4"});
  refuse(npy_header("|O", "4, 4") + data, {"type '|O'"});
  refuse(npy_header("<c8", "4, 2") + data, {"type '<c8'"});
  for (const auto& [word, other] : std::vector<std::pair<std::string, std::string>>{
           {"'shape'", "'shapf'"}, {"(4", " 4"}, {"4)", "4 "}, {"'descr': '", "'descr': ["}}) {
    std::string bytes = good;
    bytes.replace(bytes.find(word), word.size(), other);
    refuse(bytes, {"a.npy", "header"});
  }
  std::string bytes = good;
  bytes.replace(bytes.find("False"), 5, "True ");
  refuse(bytes, {"Fortran order", "ascontiguousarray"});
}

TEST(NpyArray, SaysWhatIsThereAndWhatToSaveInstead) {
  const TempFolder folder;
  const auto refuse = [&](const std::string& bytes, const std::vector<std::string>& parts) {
    folder.write("a.npy", bytes);
    expect_error<DataError>([&] { read_npy(folder.path() / "a.npy"); }, parts);
  };
  refuse("", {"a.npy", "it is empty"});
  refuse("PK\x03\x04 and so on", {"archive", "numpy.savez", "save one array with numpy.save"});
  refuse("\x80\x04\x95 and so on", {"a pickle"});
  refuse("\x89HDF\r\n and so on", {"an HDF5 file"});
  refuse("\x89PNG\r\n and so on", {"a picture"});
  refuse("1,2,3\n4,5,6\n", {"but text"});
  refuse(npy_header("<f4", "0, 4"), {"shape (0, 4) has no element"});
  refuse(npy_header("<f4", "4, 0"), {"shape (4, 0) has no element"});
  refuse(npy_header("<f4", "0,"), {"has no element"});
  refuse(npy_header("<f4", "4, 4"), {"shape (4, 4)", "0 bytes of data"});
  const std::string data(64, '\0');
  refuse(npy_header(">f4", "4, 4") + data, {"big-endian", "astype('<f4')"});
  refuse(npy_header(">i8", "4, 2") + data, {"big-endian", "astype('<i8')"});
  refuse(npy_header("<f2", "4, 8") + data, {"astype('float32')"});
  refuse(npy_header("<f16", "4") + data, {"astype('float32')"});
  refuse(npy_header("|O", "4") + data, {"Python objects", "unequal lengths"});
  refuse(npy_header("<U4", "4") + data, {"texts", "return_inverse", "classes.txt"});
  refuse(npy_header("|S16", "4") + data, {"texts", "return_inverse"});
  refuse(npy_header("<c8", "4, 2") + data, {"complex", "two channels"});
  refuse(npy_header("<M8[s]", "4, 2") + data, {"times", "astype('int64')"});
  std::string records = npy_header("<f4", "4, 4") + data;
  records.replace(records.find("'<f4'"), 5, "[('a'");
  refuse(records, {"records of several fields"});
  refuse(npy_header("<f4\n\x1B[2J", "4, 4") + data, {"type '<f4  [2J'"});
  folder.write("a.npy", npy_header("|b1", "4,") + std::string("\1\0\0\1", 4));
  EXPECT_EQ(read_npy(folder.path() / "a.npy").integer(3), 1);
}

TEST(NpyArray, LargeUnsignedNumbersStayPositive) {
  const TempFolder folder;
  folder.write("a.npy", npy<std::uint64_t>("<u8", "1,", {0xFFFFFFFFFFFFFFFFu}));
  EXPECT_EQ(read_npy(folder.path() / "a.npy").real(0), 0x1p64);
}

TEST(NpyArray, NoFlippedBitOfAHeaderCrashes) {
  const TempFolder folder;
  const std::string good = npy<float>("<f4", "4, 4", counted<float>(16));
  for (std::size_t bit = 0; bit < 128 * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    folder.write("a.npy", bytes);
    try {
      EXPECT_EQ(read_npy(folder.path() / "a.npy").bytes.size(), good.size());
    } catch (const DataError&) {
    }
  }
}

}  // namespace
}  // namespace paretiny::data
