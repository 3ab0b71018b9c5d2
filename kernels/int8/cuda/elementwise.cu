// int8 add, mul, table lookup and quantization: 16 bytes of y a thread and access where rows of
// channels allow, else a byte. Memory is read and written once; b, where it is repeated, comes from
// the caches.
#include <algorithm>

#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/host_device.h"
#include "kernels/int8/cuda/bytes.h"
#include "kernels/int8/int8.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = kBlockThreads;

/// sixteen(i) for i = 0, 16, .. and one(i) for what is left of the elements.
template <class Sixteen, class One>
__device__ void each_element(std::int64_t count, bool aligned, Sixteen sixteen, One one) {
  const std::int64_t thread = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::int64_t threads = std::int64_t{gridDim.x} * blockDim.x;
  const std::int64_t whole = aligned ? count / 16 : 0;
  for (std::int64_t p = thread; p < whole; p += threads) sixteen(p * 16);
  for (std::int64_t i = whole * 16 + thread; i < count; i += threads) one(i);
}

template <class... Parameters, class... Arguments>
void launch_elements(Stream& stream, const char* name, void (*kernel)(Parameters...),
                     std::int64_t count, bool aligned, std::size_t shared_bytes,
                     const Arguments&... arguments) {
  const std::int64_t work = aligned ? ceil_div(count, 16) : count;
  const std::int64_t most = std::int64_t{multiprocessors(stream)} * 16;
  const auto blocks =
      static_cast<unsigned>(std::clamp<std::int64_t>(ceil_div(work, kThreads), 1, most));
  launch(stream, name, kernel, {dim3(blocks), dim3(kThreads), shared_bytes}, count, aligned,
         arguments...);
}

/// Where element i of y finds its element of b.
struct Repeat {
  bool same_shape;
  std::int64_t h, w, c;                         ///< of y
  std::int64_t step_n, step_h, step_w, step_c;  ///< in b; 0 where it is repeated

  __device__ std::int64_t operator()(std::int64_t i) const {
    if (same_shape) return i;
    const std::int64_t pixel = i / c, row = pixel / w;
    return row / h * step_n + row % h * step_h + pixel % w * step_w + i % c * step_c;
  }
};

/// y[i] = f(a[i], b[repeat(i)]), 16 elements a thread where all are aligned. a, y: [count].
template <class F>
__global__ void combine_kernel(std::int64_t count, bool aligned, F f, Repeat repeat,
                               const std::int8_t* a, const std::int8_t* b, std::int8_t* y) {
  each_element(
      count, aligned,
      [=](std::int64_t i) {
        const std::int8_t* from = b + repeat(i);
        const Words x = load_words(a + i);
        Words z;
        if (repeat.step_c != 0) {
          z = load_words(from);
        } else {
          for (std::uint32_t& word : z.word) word = repeated(*from);
        }
        for (int k = 0; k < 4; ++k) {
          const std::uint32_t p = x.word[k], q = z.word[k];
          z.word[k] = word_of(f(byte_of(p, 0), byte_of(q, 0)), f(byte_of(p, 1), byte_of(q, 1)),
                              f(byte_of(p, 2), byte_of(q, 2)), f(byte_of(p, 3), byte_of(q, 3)));
        }
        store_words(y + i, z);
      },
      [=](std::int64_t i) { y[i] = static_cast<std::int8_t>(f(a[i], b[repeat(i)])); });
}

template <class F>
void combine(Stream& stream, const char* name, F f, ConstView a, ConstView b, View y) {
  const Shape& shape = a.shape;
  const Shape& second = b.shape;
  const bool same = shape == second;
  const Repeat repeat{same,
                      shape.h,
                      shape.w,
                      shape.c,
                      second.n == 1 ? 0 : second.h * second.w * second.c,
                      second.h == 1 ? 0 : second.w * second.c,
                      second.w == 1 ? 0 : second.c,
                      same || second.c > 1 ? 1 : 0};
  const std::int64_t row = same ? 16 : shape.c;
  const bool aligned = reads_in(16, a.data, row) && reads_in(16, y.data, row) &&
                       (repeat.step_c == 0 || reads_in(16, b.data, row));
  launch_elements(stream, name, combine_kernel<F>, a.elements(), aligned, 0, f, repeat,
                  a.as<std::int8_t>(), b.as<std::int8_t>(), y.as<std::int8_t>());
}

struct Add {
  int8::Int8AddParameters parameters;
  __device__ int operator()(int a, int b) const { return int8::quantized_add(a, b, parameters); }
};
struct Mul {
  int8::Int8MulParameters parameters;
  __device__ int operator()(int a, int b) const { return int8::quantized_mul(a, b, parameters); }
};

void add(Stream& stream, const int8::Int8AddParameters& parameters, ConstView a, ConstView b,
         View y) {
  combine(stream, "int8_add", Add{parameters}, a, b, y);
}

void mul(Stream& stream, const int8::Int8MulParameters& parameters, ConstView a, ConstView b,
         View y) {
  combine(stream, "int8_mul", Mul{parameters}, a, b, y);
}

struct LookupShared {
  std::int8_t table[256];
};

/// y[i] = table[x[i] + 128], 16 elements a thread, the table in shared memory. x, y: [count];
/// table: [256].
__global__ void lookup_kernel(std::int64_t count, bool aligned, const std::int8_t* x,
                              const std::int8_t* table, std::int8_t* y) {
  auto& shared = shared_memory<LookupShared>();
  for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) shared.table[i] = table[i];
  __syncthreads();
  const std::int8_t* zero = shared.table + 128;
  each_element(
      count, aligned,
      [=](std::int64_t i) {
        Words words = load_words(x + i);
        for (std::uint32_t& word : words.word) {
          word = word_of(zero[byte_of(word, 0)], zero[byte_of(word, 1)], zero[byte_of(word, 2)],
                         zero[byte_of(word, 3)]);
        }
        store_words(y + i, words);
      },
      [=](std::int64_t i) { y[i] = zero[x[i]]; });
}

void lookup(Stream& stream, ConstView x, ConstView table, View y) {
  const bool aligned = reads_in(16, x.data, 16) && reads_in(16, y.data, 16);
  launch_elements(stream, "int8_lookup", lookup_kernel, x.elements(), aligned, sizeof(LookupShared),
                  x.as<std::int8_t>(), table.as<std::int8_t>(), y.as<std::int8_t>());
}

struct Quantize {
  float scale;
  int zero_point;

  __device__ int operator()(float x) const {
    const float q = roundf(x / scale);
    const auto low = static_cast<float>(-128 - zero_point);
    const auto high = static_cast<float>(127 - zero_point);
    // Written so that NaN, which is not greater than anything, becomes `low`.
    const float limited = q > low ? fminf(q, high) : low;
    return static_cast<int>(limited) + zero_point;
  }
};

/// y[i] = f(x[i]), 16 elements a thread where both are aligned. x, y: [count].
__global__ void quantize_kernel(std::int64_t count, bool aligned, Quantize f, const float* x,
                                std::int8_t* y) {
  each_element(
      count, aligned,
      [=](std::int64_t i) {
        Words words;
        for (int k = 0; k < 4; ++k) {
          const float4 four = *reinterpret_cast<const float4*>(x + i + 4 * k);
          words.word[k] = word_of(f(four.x), f(four.y), f(four.z), f(four.w));
        }
        store_words(y + i, words);
      },
      [=](std::int64_t i) { y[i] = static_cast<std::int8_t>(f(x[i])); });
}

void quantize(Stream& stream, const int8::Quantization& output, ConstView x, View y) {
  const bool aligned = reads_in(16, x.data, 16) && reads_in(16, y.data, 16);
  launch_elements(stream, "int8_quantize", quantize_kernel, x.elements(), aligned, 0,
                  Quantize{output.scale, output.zero_point}, x.as<float>(), y.as<std::int8_t>());
}

const Twin add_twin(int8::twins::int8_add, DeviceKind::cuda, add);
const Twin mul_twin(int8::twins::int8_mul, DeviceKind::cuda, mul);
const Twin lookup_twin(int8::twins::int8_lookup, DeviceKind::cuda, lookup);
const Twin quantize_twin(int8::twins::int8_quantize, DeviceKind::cuda, quantize);

}  // namespace
}  // namespace paretiny::cuda
