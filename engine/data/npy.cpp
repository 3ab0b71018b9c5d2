// A set of one's own in NumPy files: samples, labels and, where there are people, who is who.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "engine/data/class_names.h"
#include "engine/data/file_bytes.h"
#include "engine/data/npy_array.h"
#include "engine/data/reader.h"
#include "engine/data/split.h"
#include "kernels/error.h"

namespace paretiny {
namespace {

/// `values` NHWC; element (n, i, c) of the file's [n][c][time] goes to (n, time, c).
Samples read_samples(const NpyArray& x, bool channels_first) {
  const std::size_t dims = channels_first ? 3 : 4;
  if (x.shape.size() != dims) {
    throw DataError(fmt::format("{}: {} dimensions, where layout {} needs {}", x.file,
                                x.shape.size(),
                                channels_first ? "nct, [sample][channel][time]," : "nhwc", dims));
  }
  Samples samples;
  samples.dtype = x.kind == 'u' && x.width == 1 ? DType::u8 : DType::f32;
  samples.sample = channels_first ? Shape{1, 1, x.shape[2], x.shape[1]}
                                  : Shape{1, x.shape[1], x.shape[2], x.shape[3]};
  const std::int64_t elements = samples.sample.elements();
  const std::int64_t channels = samples.sample.c;
  const std::int64_t places = elements / channels;
  samples.values.resize(static_cast<std::size_t>(x.elements()) * size_of(samples.dtype));
  float* reals = reinterpret_cast<float*>(samples.values.data());
  for (std::int64_t to = 0; to < x.elements(); ++to) {
    const std::int64_t n = to / elements;
    const std::int64_t at = to % elements;
    const std::int64_t from =
        channels_first ? n * elements + at % channels * places + at / channels : to;
    if (samples.dtype == DType::u8) {
      samples.values[static_cast<std::size_t>(to)] = static_cast<std::byte>(x.integer(from));
      continue;
    }
    reals[to] = static_cast<float>(x.real(from));
    if (!std::isfinite(reals[to])) {
      throw DataError(fmt::format("{}: sample {} holds {}; every value must be finite in float32",
                                  x.file, n, x.real(from)));
    }
  }
  return samples;
}

/// Column `column` of the integers y ([n] or [n][columns]).
std::vector<std::int64_t> read_column(const NpyArray& y, std::int64_t column, std::int64_t count) {
  if (!y.is_integer())
    throw DataError(y.file + ": floating-point numbers, where integers are needed");
  if (y.shape.empty() || y.shape[0] != count) {
    throw DataError(
        fmt::format("{}: {} rows for {} samples", y.file, y.shape.empty() ? 1 : y.shape[0], count));
  }
  const std::int64_t columns = y.elements() / count;
  std::vector<std::int64_t> values;
  for (std::int64_t n = 0; n < count; ++n) values.push_back(y.integer(n * columns + column));
  return values;
}

/// The column an option names; y without columns has none to name.
std::int64_t column_of(const NpyArray& y, const DatasetOptions& options, const std::string& name) {
  if (y.shape.size() == 1 && !options.has(name)) return 0;
  if (y.shape.size() != 2 || !options.has(name)) {
    throw UsageError(
        fmt::format("[dataset] {} goes with labels of two dimensions and only with "
                    "them; {} has {}",
                    name, y.file, y.shape.size()));
  }
  return options.integer(name, 0, 0, y.shape[1] - 1);
}

/// The person of each sample; empty when the files do not say.
std::vector<std::int32_t> read_groups(const std::filesystem::path& folder, const NpyArray& y,
                                      const DatasetOptions& options, std::int64_t count) {
  std::vector<std::int64_t> groups;
  std::string file = y.file;
  if (options.has("group_column")) {
    if (options.has("groups")) {
      throw UsageError("[dataset] groups and group_column: give only one of the two");
    }
    groups = read_column(y, column_of(y, options, "group_column"), count);
  } else if (options.has("groups") || has_file(folder / "groups.npy")) {
    const NpyArray array = read_npy(folder / options.text("groups", "groups.npy"));
    file = array.file;
    if (array.shape.size() != 1) throw DataError(file + ": needs one dimension, a group a sample");
    groups = read_column(array, 0, count);
  }
  std::vector<std::int32_t> people;
  for (const std::int64_t group : groups) {
    if (group != static_cast<std::int32_t>(group)) {
      throw DataError(fmt::format("{}: group {}, which must fit 32 bits", file, group));
    }
    people.push_back(static_cast<std::int32_t>(group));
  }
  return people;
}

Picked pick_test(const std::vector<std::int32_t>& labels, const std::vector<std::int32_t>& people,
                 const DatasetSpec& spec, const DatasetOptions& options) {
  const std::vector<std::int32_t> wanted = options.integers("test_subjects");
  if (!wanted.empty()) {
    if (options.has("test")) {
      throw UsageError("[dataset] test and test_subjects: give only one of the two");
    }
    if (people.empty()) {
      throw UsageError("[dataset] test_subjects needs groups: a groups.npy, or group_column");
    }
    return pick_people(people, wanted, "test_subjects");
  }
  const double share = options.real("test", 0.2, 0.01, 0.9);
  if (!people.empty()) return pick_people(people, share, spec.seed, "test");
  const auto count = std::llround(share * static_cast<double>(labels.size()));
  return pick_stratified(labels, count, spec.seed, "test");
}

}  // namespace

ReadDataset read_npy_set(const DatasetSpec& spec, const DatasetOptions& options) {
  const bool channels_first = options.choice("layout", "nhwc", {"nhwc", "nct"}) == "nct";
  const std::filesystem::path folder = find_folder(spec.path, "");
  ReadDataset set;
  set.train = read_samples(read_npy(folder / options.text("x", "x.npy")), channels_first);
  const auto count = static_cast<std::int64_t>(set.train.values.size() / set.train.sample_bytes());

  const NpyArray y = read_npy(folder / options.text("y", "y.npy"));
  const std::vector<std::int64_t> labels =
      read_column(y, column_of(y, options, "label_column"), count);
  std::vector<std::int64_t> distinct = labels;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  std::vector<std::string> numbers;
  for (const std::int64_t label : distinct) numbers.push_back(std::to_string(label));
  for (const std::int64_t label : labels) {
    const auto at = std::lower_bound(distinct.begin(), distinct.end(), label);
    set.train.labels.push_back(static_cast<std::int32_t>(at - distinct.begin()));
  }
  set.classes = class_names(folder, numbers);

  set.people = read_groups(folder, y, options, count);
  const Picked test = pick_test(set.train.labels, set.people, spec, options);
  set.test = take_out(set.train, test);
  if (!set.people.empty()) take_out(set.people, test);
  return set;
}

}  // namespace paretiny
