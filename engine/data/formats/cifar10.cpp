// CIFAR-10, binary version (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images",
// 2009): records of a label byte and three 32x32 planes.
#include <fmt/core.h>

#include "base/error.h"
#include "engine/data/formats/file_bytes.h"
#include "engine/data/reader.h"

namespace paretiny::data {
namespace {

constexpr std::size_t kRecords = 10000;  // of one file
constexpr std::size_t kPlane = 32 * 32;
constexpr std::size_t kImage = 3 * kPlane;

Samples room_for(std::size_t files) {
  Samples samples{DType::u8, {1, 32, 32, 3}, {}, {}};
  samples.values.resize(files * kRecords * kImage);
  samples.labels.resize(files * kRecords);
  return samples;
}

/// Reads one file into records first .. first + kRecords - 1 of `samples`, planes interleaved.
void read_batch(const std::filesystem::path& path, Samples& samples, std::size_t first) {
  const Bytes bytes = read_file(path);
  if (bytes.size() != kRecords * (1 + kImage)) {
    throw DataError(fmt::format("{}: {} bytes, where 10000 records of 3073 bytes make {}",
                                find_file(path).string(), bytes.size(), kRecords * (1 + kImage)));
  }
  for (std::size_t i = 0; i < kRecords; ++i) {
    const std::byte* record = bytes.data() + i * (1 + kImage);
    const auto label = std::to_integer<std::int32_t>(record[0]);
    if (label > 9) {
      throw DataError(fmt::format("{}: record {} has the label {}, which must be 0 to 9",
                                  find_file(path).string(), i, label));
    }
    samples.labels[first + i] = label;
    std::byte* image = samples.values.data() + (first + i) * kImage;
    for (std::size_t p = 0; p < kPlane; ++p) {
      for (std::size_t c = 0; c < 3; ++c) image[p * 3 + c] = record[1 + c * kPlane + p];
    }
  }
}

}  // namespace

ReadDataset read_cifar10(const DatasetSpec& spec, const DatasetOptions&) {
  const std::filesystem::path folder = find_folder(spec.path, "cifar-10-batches-bin");
  constexpr std::int64_t train_files = 5;
  ReadDataset set;
  set.classes = {"airplane", "automobile", "bird",  "cat",  "deer",
                 "dog",      "frog",       "horse", "ship", "truck"};
  set.train = room_for(train_files);
  set.test = room_for(1);
  for_each_file(train_files + 1, [&](std::int64_t i) {
    if (i == train_files) {
      read_batch(folder / "test_batch.bin", set.test, 0);
    } else {
      read_batch(folder / fmt::format("data_batch_{}.bin", i + 1), set.train,
                 static_cast<std::size_t>(i) * kRecords);
    }
  });
  return set;
}

}  // namespace paretiny::data
