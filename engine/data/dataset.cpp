#include "engine/data/dataset.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/nearest.h"
#include "engine/data/notes.h"
#include "engine/data/reader.h"
#include "engine/data/split.h"
#include "kernels/core/threads.h"

namespace paretiny::data {
namespace {

struct Format {
  std::string name;
  std::vector<std::string> options;
  ReadDataset (*read)(const DatasetSpec&, const DatasetOptions&);
};

const std::vector<Format>& formats() {
  static const std::vector<Format> list = {
      {"synthetic",
       {"samples", "classes", "channels", "length", "noise", "subjects"},
       make_synthetic},
      {"cifar10", {}, read_cifar10},
      {"idx", {}, read_idx},
      {"hapt", {"classes", "window", "step"}, read_hapt},
      {"daliac", {"window", "step", "test_subjects"}, read_daliac},
      {"npy",
       {"x", "y", "groups", "layout", "label_column", "group_column", "test_subjects", "test"},
       read_npy_set},
  };
  return list;
}

const Format& find_format(const std::string& name) {
  for (const Format& format : formats()) {
    if (format.name == name) return format;
  }
  throw UsageError(fmt::format("[dataset] format = '{}': no such format{}", name,
                               suggestion(name, dataset_formats())));
}

void check(const DatasetSpec& spec, const Format& format) {
  for (const auto& [key, text] : spec.options) {
    if (std::find(format.options.begin(), format.options.end(), key) != format.options.end()) {
      continue;
    }
    throw UsageError(
        fmt::format("[dataset] {}: format '{}' has no such option{}", key, format.name,
                    format.options.empty() ? "; it has none" : suggestion(key, format.options)));
  }
  if (!(spec.validation >= 0 && spec.validation <= 0.9)) {
    throw UsageError(
        fmt::format("[dataset] validation = {}: needs a share from 0 to 0.9", spec.validation));
  }
  if (spec.limit < 0) {
    throw UsageError(
        fmt::format("[dataset] limit = {}: needs a count of samples, or 0 for all", spec.limit));
  }
}

/// Holds the validation share out of the training samples: whole people where there are people.
Samples take_validation(Samples& train, std::vector<std::int32_t>& people,
                        const DatasetSpec& spec) {
  if (spec.validation == 0) return {train.dtype, train.sample, {}, {}};
  if (!people.empty()) {
    return take_out(train, pick_people(people, spec.validation, spec.seed, "validation"));
  }
  const auto count = std::llround(spec.validation * static_cast<double>(train.size()));
  return take_out(train, pick_stratified(train.labels, count, spec.seed, "validation"));
}

}  // namespace

Dataset load_dataset(const DatasetSpec& spec) {
  const Format& format = find_format(spec.format);
  check(spec, format);
  start_threads();  // which readers use
  ReadDataset read = format.read(spec, DatasetOptions(spec));

  Dataset set;
  set.name = spec.format;
  set.classes = std::move(read.classes);
  set.train = std::move(read.train);
  set.test = std::move(read.test);
  set.notes = std::move(read.notes);
  const std::string source = spec.path.empty() ? spec.format : spec.path;
  if (set.classes.size() < 2) {
    throw DataError(fmt::format("{}: all samples are of one class{}; at least two are needed",
                                source, set.classes.empty() ? "" : ", " + set.classes[0]));
  }
  set.validation = take_validation(set.train, read.people, spec);
  if (spec.limit > 0 && spec.limit < set.train.size()) {
    set.train =
        take_out(set.train, pick_stratified(set.train.labels, spec.limit, spec.seed, "limit"));
  }
  if (set.train.size() == 0 || set.test.size() == 0) {
    throw DataError(
        fmt::format("{}: {} training and {} test samples are left; each part needs at least one",
                    source, set.train.size(), set.test.size()));
  }
  if (spec.validation > 0 && set.validation.size() == 0) {
    set.notes.push_back(
        fmt::format("[dataset] validation = {} of the training samples is none; accuracy is "
                    "measured on the test samples",
                    spec.validation));
  }
  note_missing_classes(set);
  measure_normalisation(set);
  return set;
}

std::vector<std::string> dataset_formats() {
  std::vector<std::string> names;
  for (const Format& format : formats()) names.push_back(format.name);
  return names;
}

std::vector<std::string> dataset_options(const std::string& format) {
  return find_format(format).options;
}

void release_values(Dataset& dataset) {
  for (Samples* samples : {&dataset.train, &dataset.validation, &dataset.test}) {
    std::vector<std::byte>().swap(samples->values);
  }
}

}  // namespace paretiny::data
