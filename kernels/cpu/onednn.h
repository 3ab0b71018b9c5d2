// oneDNN, confined to this folder: prepared primitives, cached in the CpuStream. Builds against
// oneDNN 2.x and 3.x; the difference is in `describe`.
#pragma once

#include <array>
#include <list>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "kernels/cpu/cpu_stream.h"
#include "kernels/window.h"

namespace paretiny::cpu {

/// The descriptor of a primitive whose scratchpad the caller gives. `hint`: the forward
/// descriptor of a backward primitive, or nothing.
template <class Primitive, class... Arguments, class... Hint>
typename Primitive::primitive_desc describe(const dnnl::engine& engine,
                                            const std::tuple<Hint...>& hint,
                                            const Arguments&... arguments) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return std::apply(
      [&](const Hint&... forward) {
#if DNNL_VERSION_MAJOR < 3
        return typename Primitive::primitive_desc(typename Primitive::desc(arguments...),
                                                  attributes, engine, forward...);
#else
        return typename Primitive::primitive_desc(engine, arguments..., forward..., attributes);
#endif
      },
      hint);
}

/// A primitive with the reorders between our plain layouts and those that it wants.
class Prepared {
 public:
  struct Operand {
    int argument;               ///< DNNL_ARG_...
    dnnl::memory::desc given;   ///< as the caller has it
    dnnl::memory::desc wanted;  ///< as the primitive wants it
    bool output = false;
  };

  Prepared(const dnnl::engine& engine, dnnl::primitive primitive, const std::string& name,
           const dnnl::memory::desc& scratchpad, const std::vector<Operand>& operands);

  /// Takes `scratch_bytes` from the stream's arena while it runs. `data`: a pointer an operand, in
  /// their order.
  void run(CpuStream& stream, const std::array<void*, 4>& data);

  std::size_t scratch_bytes() const { return scratch_bytes_; }
  /// oneDNN's name of the implementation.
  const std::string& name() const { return name_; }

 private:
  struct Bound {
    dnnl::memory given, wanted;
    dnnl::primitive reorder;  ///< empty where given and wanted agree
    bool output;
  };
  dnnl::primitive primitive_;
  std::string name_;
  std::vector<Bound> operands_;
  dnnl::memory scratchpad_;
  std::unordered_map<int, dnnl::memory> arguments_;
  std::size_t scratch_bytes_ = 0;
};

/// What a primitive was prepared for, as numbers.
using PrimitiveKey = std::array<std::int64_t, 24>;

struct PrimitiveKeyHash {
  std::size_t operator()(const PrimitiveKey& key) const;
};

/// The primitives used last. A search meets new shapes with every candidate, and generated code is
/// large: what has not been used for long goes. Several networks' worth are kept.
class PrimitiveCache {
 public:
  /// Null when nothing was prepared for `key`. What it points to lives until the next `insert`.
  Prepared* find(const PrimitiveKey& key);
  Prepared& insert(const PrimitiveKey& key, Prepared prepared);

 private:
  static constexpr std::size_t kCapacity = 512;
  using Entry = std::pair<PrimitiveKey, Prepared>;

  std::list<Entry> entries_;  ///< the one used last in front
  std::unordered_map<PrimitiveKey, std::list<Entry>::iterator, PrimitiveKeyHash> index_;
};

struct Primitives {
  Primitives();

  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  PrimitiveCache prepared;
};

enum class Direction { forward, backward_data, backward_weights };

struct Convolution {
  Shape input;
  std::int64_t out_channels;
  Window window;
  DType activations;
};

/// The prepared convolution of one direction. Its operands, in order:
/// forward: x, w, y and b if there is one; backward_data: dy, w, dx;
/// backward_weights: x, dy, dw and db if there is one.
/// bf16 on a processor for which oneDNN has no bf16 convolution is computed in f32.
Prepared& prepare(CpuStream& stream, const Convolution& convolution, Direction direction,
                  bool bias);

void convolution_forward(CpuStream& stream, const Convolution& convolution, ConstView x,
                         ConstView w, ConstView b, View y);
void convolution_backward_data(CpuStream& stream, const Convolution& convolution, ConstView dy,
                               ConstView w, View dx);
void convolution_backward_weights(CpuStream& stream, const Convolution& convolution, ConstView x,
                                  ConstView dy, View dw, View db);

/// The most scratch of the three directions, with bias.
std::size_t convolution_scratch_bytes(CpuStream& stream, const Convolution& convolution);

}  // namespace paretiny::cpu
