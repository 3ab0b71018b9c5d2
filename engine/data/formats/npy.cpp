// A set of one's own in NumPy files: samples, labels and, where there are people, who is who.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "base/error.h"
#include "engine/data/formats/class_names.h"
#include "engine/data/formats/file_bytes.h"
#include "engine/data/formats/npy_array.h"
#include "engine/data/reader.h"
#include "engine/data/split.h"

namespace paretiny::data {
namespace {

/// How the axes of a file's samples stand.
struct Layout {
  const char* name;
  const char* axes;
  std::size_t dimensions;
  bool channels_first;
  const char* other;  ///< the layout that it is mistaken for
};

constexpr std::array<Layout, 4> kLayouts = {{
    {"nhwc", "[sample][height][width][channel]", 4, false, "nchw"},
    {"nchw", "[sample][channel][height][width]", 4, true, "nhwc"},
    {"ntc", "[sample][time][channel]", 3, false, "nct"},
    {"nct", "[sample][channel][time]", 3, true, "ntc"},
}};

const Layout& layout_of(const DatasetOptions& options) {
  std::vector<std::string> names;
  for (const Layout& layout : kLayouts) names.emplace_back(layout.name);
  const std::string name = options.choice("layout", "nhwc", names);
  return *std::find_if(kLayouts.begin(), kLayouts.end(),
                       [&](const Layout& layout) { return name == layout.name; });
}

/// What a wrong number of dimensions may come from.
const char* advice_on(std::size_t dimensions) {
  switch (dimensions) {
    case 2:
      return "a series of one channel is x[:, :, None] with layout = \"ntc\"";
    case 3:
      return "images need a channel axis, x[..., None]; series are layout = \"ntc\", "
             "[sample][time][channel], or \"nct\"";
    case 4:
      return "images are layout = \"nhwc\", [sample][height][width][channel], or \"nchw\"";
    default:
      return "the first axis counts the samples, the others are one sample";
  }
}

/// Adds a note where the axes look as if they stood in another order.
void note_layout(const NpyArray& x, const Layout& layout, const Shape& sample,
                 std::vector<std::string>& notes) {
  const bool series = layout.dimensions == 3;
  // A side that is shorter than the channels are many, or an image of 3 pixels by the width.
  const std::int64_t side = layout.channels_first ? sample.w : sample.h;
  const std::int64_t other = layout.channels_first ? sample.h : sample.w;
  const bool odd =
      series ? sample.w < sample.c : side <= 4 && sample.c > 4 && (side == 3 || other == sample.c);
  if (!odd) return;
  const auto plural = [](std::int64_t count) { return count == 1 ? "" : "s"; };
  const std::string read =
      series ? fmt::format("series of {} channels, {} step{}", sample.c, sample.w, plural(sample.w))
             : fmt::format("images of {} x {} pixels, {} channels", sample.h, sample.w, sample.c);
  notes.push_back(
      fmt::format("{} {} is read as {} (layout {}); if that is wrong, set layout = \"{}\"", x.file,
                  shape_text(x), read, layout.name, layout.other));
}

/// Adds a note a channel whose values differ, but not as the floats that they become.
void note_lost_spread(const NpyArray& x, const Samples& samples, const std::vector<double>& least,
                      const std::vector<double>& most, std::vector<std::string>& notes) {
  if (samples.dtype == DType::u8) return;
  for (std::size_t c = 0; c < least.size(); ++c) {
    const bool lost =
        least[c] < most[c] && static_cast<float>(least[c]) == static_cast<float>(most[c]);
    if (!lost) continue;
    notes.push_back(
        fmt::format("{}: channel {}, counted from 0, runs from {} to {}, which are equal in "
                    "float32: it is taken "
                    "as constant; scale it or subtract its offset",
                    x.file, c, least[c], most[c]));
  }
}

/// `values` NHWC; with the channels first, element (n, i, c) is (n, c, i) of the file.
Samples read_samples(const NpyArray& x, const Layout& layout, std::vector<std::string>& notes) {
  if (x.shape.size() != layout.dimensions) {
    throw DataError(fmt::format("{}: {} dimension{}, {}, where layout {} needs {}, {}; {}", x.file,
                                x.shape.size(), x.shape.size() == 1 ? "" : "s", shape_text(x),
                                layout.name, layout.dimensions, layout.axes,
                                advice_on(x.shape.size())));
  }
  const std::int64_t channels = layout.channels_first ? x.shape[1] : x.shape.back();
  const std::size_t place = layout.channels_first ? 2 : 1;  // of the first axis beside it
  Samples samples;
  samples.dtype = x.kind == 'u' && x.width == 1 ? DType::u8 : DType::f32;
  samples.sample = layout.dimensions == 3 ? Shape{1, 1, x.shape[place], channels}
                                          : Shape{1, x.shape[place], x.shape[place + 1], channels};
  note_layout(x, layout, samples.sample, notes);
  const std::int64_t elements = samples.sample.elements();
  const std::int64_t places = elements / channels;
  samples.values.resize(static_cast<std::size_t>(x.elements()) * size_of(samples.dtype));
  float* reals = reinterpret_cast<float*>(samples.values.data());
  std::vector<double> least(static_cast<std::size_t>(channels), HUGE_VAL);
  std::vector<double> most(static_cast<std::size_t>(channels), -HUGE_VAL);
  for (std::int64_t to = 0; to < x.elements(); ++to) {
    const std::int64_t n = to / elements;
    const std::int64_t at = to % elements;
    const std::int64_t from =
        layout.channels_first ? n * elements + at % channels * places + at / channels : to;
    if (samples.dtype == DType::u8) {
      samples.values[static_cast<std::size_t>(to)] = static_cast<std::byte>(x.integer(from));
      continue;
    }
    const double value = x.real(from);
    reals[to] = static_cast<float>(value);
    if (!std::isfinite(reals[to])) {
      throw DataError(fmt::format("{}: sample {} holds {}; every value must be finite in float32",
                                  x.file, n, value));
    }
    const auto c = static_cast<std::size_t>(to % channels);
    least[c] = std::min(least[c], value);
    most[c] = std::max(most[c], value);
  }
  note_lost_spread(x, samples, least, most, notes);
  return samples;
}

/// What labels or groups must be, for numbers that are none.
[[noreturn]] void refuse_reals(const NpyArray& y) {
  bool whole = true;
  for (std::int64_t i = 0; whole && i < y.elements(); ++i) {
    whole = y.real(i) == std::floor(y.real(i));
  }
  throw DataError(fmt::format(
      "{}: floating-point numbers, where integers are needed; {}", y.file,
      whole ? "save y.astype('int64')" : "labels and groups are whole numbers, one a sample"));
}

/// Whether every row of [n][columns] holds one 1 and else zeros.
bool is_one_hot(const NpyArray& y) {
  if (y.shape.size() != 2 || y.shape[1] < 2) return false;
  for (std::int64_t n = 0; n < y.shape[0]; ++n) {
    double sum = 0;
    for (std::int64_t k = 0; k < y.shape[1]; ++k) {
      const double value = y.real(n * y.shape[1] + k);
      if (value != 0 && value != 1) return false;
      sum += value;
    }
    if (sum != 1) return false;
  }
  return true;
}

/// Column `column` of the integers y ([n] or [n][columns]).
std::vector<std::int64_t> read_column(const NpyArray& y, std::int64_t column, std::int64_t count) {
  if (!y.is_integer()) refuse_reals(y);
  if (y.shape.empty() || y.shape[0] != count) {
    throw DataError(fmt::format("{}: {} for {} samples; one row a sample is needed", y.file,
                                y.shape.empty() ? "one number" : fmt::format("{} rows", y.shape[0]),
                                count));
  }
  const std::int64_t columns = y.elements() / count;
  std::vector<std::int64_t> values;
  for (std::int64_t n = 0; n < count; ++n) {
    values.push_back(y.integer(n * columns + column));
    if (y.kind == 'u' && values.back() < 0) {
      throw DataError(fmt::format("{}: {} of sample {} is above 2^63; use smaller numbers", y.file,
                                  static_cast<std::uint64_t>(values.back()), n));
    }
  }
  return values;
}

/// The column an option names; y without columns has none to name.
std::int64_t column_of(const NpyArray& y, const DatasetOptions& options, const std::string& name) {
  if (!options.has(name) && is_one_hot(y)) {
    throw DataError(fmt::format(
        "{}: a column a class, {}, where one label a sample is needed; save y.argmax(axis=1)",
        y.file, shape_text(y)));
  }
  if (y.shape.size() == 1 && !options.has(name)) return 0;
  if (y.shape.size() != 2 || !options.has(name)) {
    throw UsageError(fmt::format(
        "[dataset] {} goes with labels of two dimensions and only with them; {} has the shape {}{}",
        name, y.file, shape_text(y),
        y.shape.size() == 2 && y.shape[1] == 1 ? ": save y.ravel(), or set it to 0" : ""));
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
  const Layout& layout = layout_of(options);
  const std::filesystem::path folder = find_folder(spec.path, "");
  ReadDataset set;
  set.train = read_samples(read_npy(folder / options.text("x", "x.npy")), layout, set.notes);
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

}  // namespace paretiny::data
