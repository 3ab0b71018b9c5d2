// A data set in device memory: uploaded once, shared by every candidate; and the batches drawn from
// it.
#pragma once

#include <vector>

#include "engine/data/dataset.h"
#include "kernels/core/buffer.h"
#include "kernels/core/stream.h"
#include "kernels/nn/training/augment.h"

namespace paretiny::data {

struct ResidentSplit {
  Buffer samples, labels;
  DType dtype = DType::f32;
  Shape sample{};
  std::int64_t size = 0;
};

struct ResidentDataset {
  ResidentDataset(Stream& stream, const Dataset& dataset);

  ResidentSplit train, validation, test;
  Buffer scale, shift;  ///< [c] f32
  std::int64_t classes = 0;
  std::uint64_t checksum = 0;  ///< hash of what training sees: not of the test split

  std::size_t bytes() const;
};

/// Draws batches from a split in a given order.
class BatchSource {
 public:
  /// In the split's own order until `set_order` is called. Both must outlive the source.
  BatchSource(Stream& stream, const ResidentDataset& data, const ResidentSplit& split);

  void set_order(Stream& stream, const std::vector<std::int32_t>& order);
  /// Fills x [n, h, w, c] and labels [1, 1, 1, n] with the samples order[first .. first + n), where
  /// cursor [1, 1, 1, 2] i32 = first, epoch lies on the device.
  void load(Stream& stream, const nn::AugmentSpec& augment, ConstView cursor, View x,
            View labels) const;
  /// The same with a cursor from the host: not for a recorded step.
  void load(Stream& stream, const nn::AugmentSpec& augment, std::int64_t first, std::int64_t epoch,
            View x, View labels);
  std::size_t bytes() const { return order_.bytes() + cursor_.bytes(); }

 private:
  const ResidentDataset& data_;
  const ResidentSplit& split_;
  Buffer order_, cursor_;
};

}  // namespace paretiny::data
