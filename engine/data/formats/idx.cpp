// The IDX files of the MNIST family (LeCun, Cortes, Burges): a big-endian header, then unsigned
// bytes.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "engine/data/formats/class_names.h"
#include "engine/data/formats/file_bytes.h"
#include "engine/data/reader.h"

namespace paretiny::data {
namespace {

constexpr std::uint32_t kImagesMagic = 0x00000803;  // unsigned bytes, three extents
constexpr std::uint32_t kLabelsMagic = 0x00000801;  // unsigned bytes, one extent

/// A file whose header says `magic` and extents that its size agrees with.
struct IdxFile {
  std::string name;
  Bytes bytes;
  std::vector<std::uint32_t> extents;
  std::size_t header = 0;  ///< bytes before the data
};

IdxFile read_idx_file(const std::filesystem::path& path, std::uint32_t magic) {
  IdxFile file{find_file(path).string(), read_file(path), {}, 0};
  const std::size_t dims = magic & 0xFFu;
  file.header = 4 + 4 * dims;
  if (file.bytes.size() < file.header) {
    throw DataError(fmt::format("{}: {} bytes, too few for an IDX header of {}", file.name,
                                file.bytes.size(), file.header));
  }
  if (big_endian(file.bytes, 0) != magic) {
    throw DataError(fmt::format("{}: magic number {:#010x}, which must be {:#010x} ({})", file.name,
                                big_endian(file.bytes, 0), magic,
                                magic == kImagesMagic ? "images" : "labels"));
  }
  const std::size_t size = file.bytes.size() - file.header;
  std::size_t elements = 1;
  bool fits = true;
  for (std::size_t d = 0; d < dims; ++d) {
    const std::uint32_t extent = big_endian(file.bytes, 4 + 4 * d);
    file.extents.push_back(extent);
    fits = fits && extent > 0 && elements <= size / extent;
    if (fits) elements *= extent;
  }
  if (!fits || elements != size) {
    throw DataError(fmt::format("{}: {} bytes of data, but its header says {}", file.name, size,
                                fmt::join(file.extents, " x ")));
  }
  return file;
}

Samples read_part(const std::filesystem::path& folder, const std::string& part) {
  const IdxFile images = read_idx_file(folder / (part + "-images-idx3-ubyte"), kImagesMagic);
  const IdxFile labels = read_idx_file(folder / (part + "-labels-idx1-ubyte"), kLabelsMagic);
  if (images.extents[0] != labels.extents[0]) {
    throw DataError(fmt::format("{}: {} labels for the {} images of {}", labels.name,
                                labels.extents[0], images.extents[0], images.name));
  }
  Samples samples{DType::u8, {1, images.extents[1], images.extents[2], 1}, {}, {}};
  samples.values.assign(images.bytes.begin() + static_cast<std::ptrdiff_t>(images.header),
                        images.bytes.end());
  samples.labels.reserve(labels.extents[0]);
  for (std::size_t i = labels.header; i < labels.bytes.size(); ++i) {
    samples.labels.push_back(std::to_integer<std::int32_t>(labels.bytes[i]));
  }
  return samples;
}

}  // namespace

ReadDataset read_idx(const DatasetSpec& spec, const DatasetOptions&) {
  const std::filesystem::path folder = find_folder(spec.path, "");
  ReadDataset set;
  for_each_file(2, [&](std::int64_t i) {
    (i == 0 ? set.train : set.test) = read_part(folder, i == 0 ? "train" : "t10k");
  });
  if (set.train.sample != set.test.sample) {
    throw DataError(fmt::format("{}: training images of {}, test images of {}; they must agree",
                                folder.string(), to_string(set.train.sample),
                                to_string(set.test.sample)));
  }
  // The format does not say how many classes there are: every label up to the highest must occur.
  const std::int32_t last = *std::max_element(set.train.labels.begin(), set.train.labels.end());
  std::vector<bool> seen(static_cast<std::size_t>(last) + 1);
  for (const std::int32_t label : set.train.labels) seen[static_cast<std::size_t>(label)] = true;
  const auto gap = std::find(seen.begin(), seen.end(), false);
  if (gap != seen.end()) {
    throw DataError(
        fmt::format("{}: a training label {}, but no sample with the label {}; labels "
                    "must be 0 to classes-1",
                    folder.string(), last, gap - seen.begin()));
  }
  for (std::size_t i = 0; i < set.test.labels.size(); ++i) {
    if (set.test.labels[i] > last) {
      throw DataError(
          fmt::format("{}: test label {} of image {} is outside the training labels 0 "
                      "to {}",
                      folder.string(), set.test.labels[i], i, last));
    }
  }
  std::vector<std::string> numbers;
  for (std::int32_t label = 0; label <= last; ++label) numbers.push_back(std::to_string(label));
  set.classes = class_names(folder, numbers);
  return set;
}

}  // namespace paretiny::data
