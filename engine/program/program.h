// A network's step on one device, planned once and replayed: a list of kernel calls over buffers at
// fixed offsets in one arena.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/graph/graph.h"
#include "engine/graph/memory_plan.h"
#include "engine/graph/parameters.h"
#include "kernels/core/buffer.h"
#include "kernels/core/stream.h"
#include "kernels/int8/parameters.h"
#include "kernels/nn/conv.h"

namespace paretiny::program {

enum class ProgramKind {
  training,    ///< batch statistics, loss and gradients
  inference,   ///< running statistics, loss; buffers are reused as soon as they can be
  inspection,  ///< as inference, but nothing is fused and every node's output is kept
};

struct ProgramOptions {
  ProgramKind kind = ProgramKind::training;
  std::int64_t batch = 1;
  DType dtype = DType::f32;  ///< of activations and their gradients: f32 or bf16
  float label_smoothing = 0;
  bool fused = false;  ///< what fuses_layers(device) says: the same numbers but for rounding
  /// By node, or empty: outputs that are rounded to what an int8 tensor holds (fake_quantize.h),
  /// and with any of them all weights; needs f32 and nothing fused.
  std::vector<std::optional<int8::Quantization>> quantization{};
  /// With `fused`: whether a dense convolution reads through the batch norm before it
  /// (nn::conv_reads_through). Empty: none does.
  std::function<bool(const nn::ConvShape&)> reads_through{};
  /// Dense and pointwise convolutions read the weights in bf16 (nn::Preferences).
  bool bf16_weights = false;
};

/// Whether the layers of a program for `device` should be fused (DeviceInfo::fuses_layers).
bool fuses_layers(Device device);
/// What the stream's device says for ProgramOptions::reads_through.
std::function<bool(const nn::ConvShape&)> reads_through(Stream& stream, DType dtype);

class Program {
 public:
  using TensorId = int;

  /// One kernel call.
  struct Step {
    std::string name;  ///< "<node> forward", ...
    graph::NodeId node;
    std::function<void(Stream&, const Program&)> run;
    std::function<std::size_t(Stream&)> scratch;  ///< may be empty: none
  };

  /// Plans; allocates nothing. Throws UsageError if the graph does not end in logits, and for
  /// options that do not go together.
  Program(const graph::Graph& graph, const graph::ParameterLayout& layout,
          const ProgramOptions& options);

  const ProgramOptions& options() const { return options_; }
  /// Bytes of the arena, and of the stream's scratch that the most demanding step takes.
  std::size_t arena_bytes() const { return plan_.bytes; }
  std::size_t scratch_bytes(Stream& stream) const;

  /// Ties the program to its arena [arena_bytes(), 64-byte aligned], its parameters
  /// [layout.total()] and, when training, its gradients [layout.trainable_end()], all in the
  /// stream's device memory and alive as long as the program; with bf16_weights also to what
  /// nn::cast_weights makes of the parameters [layout.weights_end()], which is the caller's to keep
  /// up. Makes room for its scratch. Between two runs the arena holds nothing but `totals`. Throws
  /// OutOfMemory.
  void bind(Stream& stream, void* arena, float* parameters, float* gradients,
            const bf16* cast_weights = nullptr);
  /// The same with an arena of its own.
  void bind(Stream& stream, float* parameters, float* gradients);

  View input() const { return at(input_); }    ///< [batch, h, w, c] of options().dtype
  View labels() const { return at(labels_); }  ///< [1, 1, 1, batch] i32
  View logits() const { return at(logits_); }  ///< [batch, 1, 1, classes] f32, after forward
  View losses() const { return at(losses_); }  ///< [1, 1, 1, batch] f32, after forward
  /// [1, 1, 1, 2] f32: sums of losses and of correct predictions since the caller last cleared it.
  View totals() const { return at(totals_); }
  /// A node's output after forward; inspection only.
  View output_of(graph::NodeId node) const { return at(outputs_[static_cast<std::size_t>(node)]); }

  void forward(Stream& stream) const;   ///< from input and labels to logits, losses, totals
  void backward(Stream& stream) const;  ///< training only: overwrites every gradient

  const std::vector<Step>& forward_steps() const { return forward_; }
  const std::vector<Step>& backward_steps() const { return backward_; }

  // For the steps.
  View at(TensorId tensor) const;
  ConstView parameter(const graph::ParameterTensor& tensor) const;
  ConstView cast_weight(const graph::ParameterTensor& tensor) const;
  View statistic(const graph::ParameterTensor& tensor) const;
  View gradient(const graph::ParameterTensor& tensor) const;

 private:
  friend class ProgramBuilder;

  struct Tensor {
    DType dtype;
    Shape shape;
    graph::LiveBlock block;
  };

  ProgramOptions options_;
  std::vector<Tensor> tensors_;
  std::vector<Step> forward_, backward_;
  std::vector<TensorId> outputs_;  // by node
  TensorId input_ = 0, labels_ = 0, logits_ = 0, losses_ = 0, totals_ = 0;
  graph::MemoryPlan plan_;
  Buffer own_arena_;
  std::byte* arena_ = nullptr;
  float* parameters_ = nullptr;
  float* gradients_ = nullptr;
  const bf16* cast_weights_ = nullptr;
};

}  // namespace paretiny::program
