// Smartphone-Based Recognition of Human Activities and Postural Transitions, raw recordings
// (Reyes-Ortiz, Oneto, Sama, Parra, Anguita, "Transition-Aware Human Activity Recognition Using
// Smartphones", Neurocomputing, 2015): accelerometer and gyroscope of a phone at the waist, 50 Hz.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/error.h"
#include "engine/data/formats/file_bytes.h"
#include "engine/data/formats/text_rows.h"
#include "engine/data/formats/windows.h"
#include "engine/data/reader.h"

namespace paretiny::data {
namespace {

constexpr std::int64_t kRecordings = 61;
constexpr std::int64_t kHaptPeople = 30;
constexpr std::size_t kLabelRows = 1214;
constexpr std::size_t kHaptChannels = 6;
constexpr std::array<std::int64_t, 9> kTestPeople = {2, 4, 9, 10, 12, 13, 18, 20, 24};
constexpr std::array<const char*, 12> kHaptActivities = {
    "walking",    "walking upstairs", "walking downstairs", "sitting",
    "standing",   "laying",           "stand to sit",       "sit to stand",
    "sit to lie", "lie to sit",       "stand to lie",       "lie to stand"};

/// A row of labels.txt: samples first .. last of a recording, counted from 1, both included.
struct Segment {
  std::int64_t recording, person, activity, first, last;
  std::int64_t line;
};

std::vector<Segment> read_segments(const std::filesystem::path& file) {
  const Bytes bytes = read_file(file);
  TextRows rows(find_file(file).string(), as_text(bytes), ' ');
  std::array<std::int64_t, kRecordings + 1> person_of{};
  std::vector<Segment> segments;
  for (std::array<std::int64_t, 5> row{}; rows.next(row);) {
    const auto [recording, person, activity, first, last] = row;
    const auto check = [&](const char* what, std::int64_t value, std::int64_t highest) {
      if (value < 1 || value > highest) {
        rows.fail(fmt::format("{} {}, which must be 1 to {}", what, value, highest));
      }
    };
    check("experiment", recording, kRecordings);
    check("user", person, kHaptPeople);
    check("activity label", activity, static_cast<std::int64_t>(kHaptActivities.size()));
    if (first < 1 || last < first) {
      rows.fail(
          fmt::format("samples {} to {}, which must be counted from 1 and rise", first, last));
    }
    std::int64_t& known = person_of[static_cast<std::size_t>(recording)];
    if (known != 0 && known != person) {
      rows.fail(
          fmt::format("user {} in experiment {}, which is user {}'s", person, recording, known));
    }
    known = person;
    segments.push_back({recording, person, activity, first, last, rows.line()});
  }
  if (segments.size() != kLabelRows) {
    throw DataError(fmt::format("{}: {} rows, where the published file has {}",
                                find_file(file).string(), segments.size(), kLabelRows));
  }
  return segments;
}

/// Reads one sensor's file into columns first .. first+2 of `recording`, [time][kHaptChannels].
/// Returns the count of rows.
std::size_t read_sensor(const std::filesystem::path& file, std::size_t first,
                        std::vector<float>& recording) {
  const Bytes bytes = read_file(file);
  TextRows rows(find_file(file).string(), as_text(bytes), ' ');
  std::size_t time = 0;
  for (std::array<float, 3> row{}; rows.next(row); ++time) {
    if (recording.size() < (time + 1) * kHaptChannels) recording.resize((time + 1) * kHaptChannels);
    std::copy(row.begin(), row.end(), recording.data() + time * kHaptChannels + first);
  }
  return time;
}

std::vector<float> read_recording(const std::filesystem::path& folder, std::int64_t experiment,
                                  std::int64_t person) {
  const std::string ending = fmt::format("exp{:02}_user{:02}.txt", experiment, person);
  std::vector<float> recording;
  const std::size_t acceleration = read_sensor(folder / ("acc_" + ending), 0, recording);
  const std::size_t rotation = read_sensor(folder / ("gyro_" + ending), 3, recording);
  if (acceleration != rotation) {
    throw DataError(fmt::format("{}: acc_{} has {} rows but gyro_{} {}; the two must be equal",
                                folder.string(), ending, acceleration, ending, rotation));
  }
  return recording;
}

}  // namespace

ReadDataset read_hapt(const DatasetSpec& spec, const DatasetOptions& options) {
  const WindowCut cut{options.integer("window", 128, 1, 100000),
                      options.integer("step", 64, 1, 100000)};
  const std::int64_t classes = options.choice("classes", "6", {"6", "12"}) == "6" ? 6 : 12;
  const std::filesystem::path folder = find_folder(spec.path, "HAPT Data Set") / "RawData";
  const std::vector<Segment> segments = read_segments(folder / "labels.txt");

  std::array<std::int64_t, kRecordings + 1> person_of{};
  for (const Segment& segment : segments) {
    person_of[static_cast<std::size_t>(segment.recording)] = segment.person;
  }
  std::vector<std::vector<float>> recordings(kRecordings + 1);
  for_each_file(kRecordings, [&](std::int64_t i) {
    const auto recording = static_cast<std::size_t>(i + 1);
    if (person_of[recording] == 0) return;
    recordings[recording] = read_recording(folder, i + 1, person_of[recording]);
  });

  ReadDataset set;
  set.classes.assign(kHaptActivities.begin(), kHaptActivities.begin() + classes);
  set.train = empty_windows(cut, kHaptChannels);
  set.test = empty_windows(cut, kHaptChannels);
  for (const Segment& segment : segments) {
    const std::span<const float> rows = recordings[static_cast<std::size_t>(segment.recording)];
    if (static_cast<std::size_t>(segment.last) * kHaptChannels > rows.size()) {
      throw DataError(
          fmt::format("{}, line {}: sample {} of experiment {}, whose files have {} rows",
                      (folder / "labels.txt").string(), segment.line, segment.last,
                      segment.recording, rows.size() / kHaptChannels));
    }
    if (segment.activity > classes) continue;
    const bool test =
        std::find(kTestPeople.begin(), kTestPeople.end(), segment.person) != kTestPeople.end();
    const auto first = static_cast<std::size_t>(segment.first - 1) * kHaptChannels;
    const auto length = static_cast<std::size_t>(segment.last) * kHaptChannels - first;
    const std::int64_t count =
        append_windows(rows.subspan(first, length), static_cast<std::int32_t>(segment.activity - 1),
                       cut, test ? set.test : set.train);
    if (!test) {
      set.people.insert(set.people.end(), static_cast<std::size_t>(count),
                        static_cast<std::int32_t>(segment.person));
    }
  }
  return set;
}

}  // namespace paretiny::data
