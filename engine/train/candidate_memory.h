// What a candidate keeps on the device while it is trained: one block, allocated once.
#pragma once

#include <cstdint>

#include "kernels/core/buffer.h"
#include "kernels/core/stream.h"

namespace paretiny::train {

/// How long the arrays of a candidate are at most. Pruning only ever shortens them: they stay where
/// they are and end earlier.
struct CandidateSizes {
  std::int64_t parameters = 0;  ///< floats
  std::int64_t trainable = 0;   ///< floats of the gradients and of each optimiser moment
  int moments = 1;              ///< 2 for Adam
  bool cast_weights = false;    ///< room for the trainable ones in bf16
  bool gradient_sum = false;    ///< taylor: room for another array of parameters
  std::int64_t channels = 0;    ///< of all groups, if there is something to prune
  std::size_t work = 0;         ///< bytes of activations, or whatever else is at work
};

/// Throws OutOfMemory, saying how much is missing, unless `bytes` can be allocated on the device.
/// (An allocation larger than the memory may well succeed, and end the process when it is used.)
void check_available(Device device, std::size_t bytes);

/// Bytes of a candidate's block and the stream's scratch, which a step takes `scratch` of.
std::size_t candidate_bytes(const CandidateSizes& sizes, std::size_t scratch);

/// Throws OutOfMemory like `check_available` unless there is room for what is not yet allocated of
/// them.
void check_candidate(Stream& stream, const CandidateSizes& sizes, std::size_t scratch);

class CandidateMemory {
 public:
  CandidateMemory() = default;
  /// Uninitialised. Throws OutOfMemory.
  CandidateMemory(Device device, const CandidateSizes& sizes);

  static std::size_t bytes(const CandidateSizes& sizes) { return offsets_of(sizes).end; }

  float* parameters() const { return floats(at_.parameters); }
  float* gradients() const { return floats(at_.gradients); }
  float* first_moment() const { return floats(at_.first); }
  float* second_moment() const { return floats(at_.second); }
  /// Null where there is no room for them.
  bf16* cast_weights() const {
    return casts_ ? reinterpret_cast<bf16*>(floats(at_.cast)) : nullptr;
  }
  float* gradient_sum() const { return floats(at_.gradient_sum); }
  /// One element a channel of every group: scores f32, and the channels that stay i32.
  View scores() const { return block_.at(at_.scores, DType::f32, {1, 1, 1, channels_}); }
  View index() const { return block_.at(at_.index, DType::i32, {1, 1, 1, channels_}); }
  /// Free for a step, an evaluation or a pruning step, one after another.
  void* work() const { return floats(at_.work); }

 private:
  struct Offsets {
    std::size_t parameters, gradients, first, second, cast, gradient_sum, scores, index, work, end;
  };
  static Offsets offsets_of(const CandidateSizes& sizes);
  float* floats(std::size_t offset) const { return block_.at(offset, DType::f32, {}).as<float>(); }

  Offsets at_{};
  std::int64_t channels_ = 0;
  bool casts_ = false;
  Buffer block_;
};

}  // namespace paretiny::train
