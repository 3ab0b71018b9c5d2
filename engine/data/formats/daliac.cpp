// DaLiAc, Daily Life Activities (Leutheuser, Schuldhaus, Eskofier, "Hierarchical, Multi-Sensor
// Based Classification of Daily Life Activities", PLoS ONE 8(10), 2013): four inertial units
// (right hip, chest, right wrist, left ankle), 204.8 Hz, one text file a person.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "engine/data/formats/file_bytes.h"
#include "engine/data/formats/text_rows.h"
#include "engine/data/formats/windows.h"
#include "engine/data/reader.h"

namespace paretiny::data {
namespace {

constexpr std::int32_t kDaliacPeople = 19;
constexpr std::size_t kDaliacChannels = 24;
constexpr std::array<const char*, 13> kDaliacActivities = {
    "sitting",      "lying",         "standing",         "washing dishes",    "vacuuming",
    "sweeping",     "walking",       "ascending stairs", "descending stairs", "treadmill running",
    "cycling 50 W", "cycling 100 W", "rope jumping"};

/// The windows of one person's file, each inside a run of rows with the same label.
Samples read_person(const std::filesystem::path& file, const WindowCut& cut) {
  const Bytes bytes = read_file(file);
  TextRows rows(find_file(file).string(), as_text(bytes), ',');
  Samples samples = empty_windows(cut, kDaliacChannels);
  std::vector<float> run;
  std::int32_t label = 0;
  const auto end_run = [&] {
    append_windows(run, label - 1, cut, samples);
    run.clear();
  };
  for (std::array<float, kDaliacChannels + 1> row{}; rows.next(row);) {
    const float last = row[kDaliacChannels];
    const auto found = static_cast<std::int32_t>(
        std::clamp(last, 0.0f, static_cast<float>(kDaliacActivities.size() + 1)));
    if (static_cast<float>(found) != last || found < 1 ||
        static_cast<std::size_t>(found) > kDaliacActivities.size()) {
      rows.fail(fmt::format("label {}, which must be 1 to {}", last, kDaliacActivities.size()));
    }
    if (found != label) end_run();
    label = found;
    run.insert(run.end(), row.begin(), row.begin() + kDaliacChannels);
  }
  end_run();
  return samples;
}

void append(Samples& to, const Samples& from) {
  to.values.insert(to.values.end(), from.values.begin(), from.values.end());
  to.labels.insert(to.labels.end(), from.labels.begin(), from.labels.end());
}

}  // namespace

ReadDataset read_daliac(const DatasetSpec& spec, const DatasetOptions& options) {
  const WindowCut cut{options.integer("window", 1024, 1, 100000),
                      options.integer("step", 512, 1, 100000)};
  std::vector<std::int32_t> test_people = options.integers("test_subjects");
  if (test_people.empty()) test_people = {17, 18, 19};
  if (test_people.front() < 1 || test_people.back() > kDaliacPeople ||
      test_people.size() == kDaliacPeople) {
    throw UsageError(
        fmt::format("[dataset] test_subjects = '{}': needs people of 1 to {}, and "
                    "some left to train on",
                    options.text("test_subjects", ""), kDaliacPeople));
  }
  const std::filesystem::path folder = find_folder(spec.path, "");
  std::vector<Samples> of_person(kDaliacPeople);
  for_each_file(kDaliacPeople, [&](std::int64_t i) {
    of_person[static_cast<std::size_t>(i)] =
        read_person(folder / fmt::format("dataset_{}.txt", i + 1), cut);
  });

  ReadDataset set;
  set.classes.assign(kDaliacActivities.begin(), kDaliacActivities.end());
  set.train = empty_windows(cut, kDaliacChannels);
  set.test = empty_windows(cut, kDaliacChannels);
  for (std::int32_t person = 1; person <= kDaliacPeople; ++person) {
    Samples& windows = of_person[static_cast<std::size_t>(person - 1)];
    const bool test = std::binary_search(test_people.begin(), test_people.end(), person);
    append(test ? set.test : set.train, windows);
    if (!test) set.people.insert(set.people.end(), windows.labels.size(), person);
    windows = {};  // the set is large: not twice in memory
  }
  return set;
}

}  // namespace paretiny::data
