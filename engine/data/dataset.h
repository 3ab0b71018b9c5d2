// A labelled data set in memory, ready for a device: samples as stored, and the per-channel affine
// that normalises them when a batch is gathered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kernels/core/tensor.h"

namespace paretiny::data {

/// Samples of one split. `values` holds [size][h][w][c] of `dtype` (u8 for images, f32 else).
struct Samples {
  DType dtype = DType::f32;
  Shape sample{};  ///< shape of one sample, n = 1
  std::vector<std::byte> values;
  std::vector<std::int32_t> labels;  ///< 0 .. classes-1

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  std::size_t sample_bytes() const {
    return static_cast<std::size_t>(sample.elements()) * size_of(dtype);
  }
};

struct Dataset {
  std::string name;
  std::vector<std::string> classes;
  Samples train, validation, test;
  /// Network input = value * scale[c] + shift[c]: zero mean, unit variance on the training split.
  std::vector<float> scale, shift;
  /// What is odd but no error, a sentence each: classes without samples, constant channels, ...
  std::vector<std::string> notes{};

  const Shape& sample() const { return train.sample; }
};

/// The [dataset] table of an experiment.
struct DatasetSpec {
  std::string format;       ///< synthetic | cifar10 | idx | hapt | daliac | npy
  std::string path{};       ///< folder of the files; empty for synthetic
  double validation = 0.1;  ///< share of the training samples (or, with subjects, of the
                            ///< training people) held out for validation, in [0, 0.9]
  std::uint64_t seed = 0;   ///< of the validation split and of synthetic data
  std::int64_t limit = 0;   ///< keep at most this many training samples (stratified); 0: all
  /// Format's own keys as text, e.g. window, step, classes, test_subjects ("7,8"), channels, noise.
  std::map<std::string, std::string> options{};
};

/// Reads, splits and measures a data set. Throws DataError with file and place for anything
/// missing, truncated, damaged or out of range, and for a set of fewer than two classes; UsageError
/// for an unknown format or option (naming the nearest) and for a share out of range.
Dataset load_dataset(const DatasetSpec& spec);

/// Frees the values of all samples, once a device holds them; shapes, labels and classes stay.
void release_values(Dataset& dataset);

/// Names of the formats, and of a format's own options, in the order a help text lists them.
std::vector<std::string> dataset_formats();
std::vector<std::string> dataset_options(const std::string& format);

}  // namespace paretiny::data
