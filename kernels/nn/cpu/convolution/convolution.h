// The dense convolution on the CPU: oneDNN's where it is right, loops of our own elsewhere. The
// result depends on the shape alone, not on the number of threads.
#pragma once

#include <optional>

#include "kernels/nn/convolution_arguments.h"
#include "kernels/nn/cpu/onednn.h"
#include "kernels/nn/window.h"

namespace paretiny::cpu {

enum class Direction { forward, backward_data, backward_weights };

struct Convolution {
  Shape input;
  std::int64_t out_channels;
  nn::Window window;
  DType activations;

  Shape output() const {
    return {input.n, window.out_h(input.h), window.out_w(input.w), out_channels};
  }
  std::int64_t taps() const { return window.kernel_h * window.kernel_w; }
  std::int64_t weights() const { return out_channels * taps() * input.c; }
};

/// The operands of every direction: x and y of the convolution's type, w [out, kh, kw, in] and b in
/// f32; or their gradients, where the direction computes those. b may be null.
struct ConvolutionData {
  void* x;
  void* y;
  void* w;
  void* b;
};

/// Into how large parts a batch is cut, in samples: by the amount of work alone.
std::int64_t samples_of_a_part(const Convolution& convolution, Direction direction);

/// A convolution of one direction. What oneDNN prepared is used if it computes whole numbers right
/// (convolution_check.h): in the type of the activations, else in f32. Else loops of our own
/// (convolution_loops.h) compute it.
class PreparedConvolution {
 public:
  PreparedConvolution(const dnnl::engine& engine, const Convolution& convolution,
                      Direction direction, bool bias);

  /// Takes at most `scratch_bytes` from the stream's arena while it runs.
  void run(Stream& stream, const ConvolutionData& data);

  std::size_t scratch_bytes() const;
  /// oneDNN's name of the implementation, or "loops".
  std::string name() const { return parts_ ? parts_->body.name() : "loops"; }

 private:
  struct Parts {
    DType computed;                ///< the type of x and y in the primitive
    std::int64_t samples;          ///< of a part
    std::int64_t last;             ///< samples of the last part, if those are fewer; else 0
    Prepared body;                 ///< for `samples`
    std::optional<Prepared> tail;  ///< for `last`
    Reordering weights;        ///< from ours to the primitive's, or back where they are the result
    std::size_t weight_bytes;  ///< in the primitive's layout
  };

  [[nodiscard]] std::optional<Parts> prepare_parts(const dnnl::engine& engine,
                                                   DType computed) const;
  [[nodiscard]] bool prove();
  bool is_right(Parts& parts) const;
  void run_parts(Parts& parts, Arena& arena, std::int64_t samples, int threads,
                 const ConvolutionData& data) const;
  void run_part(Parts& parts, std::int64_t first, std::int64_t count, int slot,
                const ConvolutionData& data, char* scratch) const;
  static std::size_t scratchpad_bytes(const Parts& parts);
  std::size_t converted_bytes(const Parts& parts) const;
  std::size_t thread_bytes(const Parts& parts) const;
  std::size_t scratch_bytes(const Parts& parts, std::int64_t samples, int threads) const;
  std::int64_t part_count(const Parts& parts, std::int64_t samples) const;
  int thread_count_of(const Parts& parts) const;
  bool sums() const { return direction_ == Direction::backward_weights; }

  Convolution convolution_;
  Direction direction_;
  bool bias_;
  std::optional<Parts> parts_;  ///< empty: loops of our own
  bool proven_ = false;         ///< that they are right
};

PreparedConvolution& prepare(Stream& stream, const Convolution& convolution, Direction direction,
                             bool bias);

void convolution_forward(Stream& stream, const Convolution& convolution, ConstView x, ConstView w,
                         ConstView b, View y);
void convolution_backward_data(Stream& stream, const Convolution& convolution, ConstView dy,
                               ConstView w, View dx);
void convolution_backward_weights(Stream& stream, const Convolution& convolution, ConstView x,
                                  ConstView dy, View dw, View db);

/// The most scratch of what it is used for, which is prepared for that, and nothing else.
std::size_t convolution_scratch_bytes(Stream& stream, const Convolution& convolution,
                                      const nn::ConvolutionUse& use);

}  // namespace paretiny::cpu
