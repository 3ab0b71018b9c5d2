#include "kernels/nn/cpu/convolution/convolution_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <vector>

namespace paretiny::cpu {
namespace {

using Word = std::uint64_t;  ///< integers modulo 2^64
using Words = std::vector<Word>;

/// Knuth's MMIX generator, its high half: fast, and good enough for signs and weights.
class Numbers {
 public:
  explicit Numbers(Word seed) : state_(seed) {}
  Word half() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return state_ >> 32;
  }
  Words words(std::int64_t count) {
    Words words(static_cast<std::size_t>(count));
    for (Word& word : words) word = half() << 32 | half();
    return words;
  }

 private:
  Word state_;
};

/// An operand between bytes that nobody may read or write.
template <class T>
class Operand {
 public:
  /// What lies about a result is another mark than what lies about an input: a copy of the one over
  /// the other shows.
  Operand(std::int64_t count, bool result)
      : mark_(result ? kBeyond : kNan),
        count_(static_cast<std::size_t>(count)),
        bytes_(count_ * sizeof(T) + kFront + kGuard, mark_) {
    std::memset(static_cast<void*>(data()), kNan, count_ * sizeof(T));
  }

  T* data() { return reinterpret_cast<T*>(bytes_.data() + kFront); }

  /// -1 or 1; 0 for all but a share of them, in 128ths and at least one.
  void fill(Numbers& numbers, double share = 1) {
    const auto most = static_cast<int>(std::clamp(share * 128, 1.0, 128.0));
    T* const to = data();
    for (std::size_t first = 0; first < count_; first += 4) {
      const Word bits = numbers.half();
      for (std::size_t i = first; i < std::min(first + 4, count_); ++i) {
        const auto byte = static_cast<int>(bits >> 8 * (i - first) & 0xFF);
        to[i] = value((byte & 127) < most ? (byte >> 7) * 2 - 1 : 0);
      }
    }
  }

  /// The elements as integers; false where one is none.
  bool read(Words& words) {
    words.resize(count_);
    const T* const from = data();
    bool whole = true;
    for (std::size_t i = 0; i < count_; ++i) {
      const double number = to_double(from[i]);
      const auto integer = static_cast<std::int64_t>(std::fabs(number) < 0x1p31 ? number : 0.5);
      whole &= static_cast<double>(integer) == number;
      words[i] = static_cast<Word>(integer);
    }
    return whole;
  }

  bool guards_stand() const {
    const auto marked = [this](unsigned char byte) { return byte == mark_; };
    return std::all_of(bytes_.begin(), bytes_.begin() + kFront, marked) &&
           std::all_of(bytes_.end() - kGuard, bytes_.end(), marked);
  }

 private:
  static constexpr unsigned char kNan = 0xFF;  ///< as a float
  static constexpr unsigned char kBeyond = 0xFE;
  static constexpr std::ptrdiff_t kGuard =
      1 << 14;  ///< bytes: a write beyond the end goes some vectors far
  /// Samples begin at any element.
  static constexpr std::ptrdiff_t kFront = kGuard + sizeof(T);

  static T value(int number) {
    if constexpr (std::is_same_v<T, bf16>) {
      return to_bf16(static_cast<float>(number));
    } else {
      return static_cast<T>(number);
    }
  }
  static double to_double(T number) {
    if constexpr (std::is_same_v<T, bf16>) {
      return to_float(number);
    } else {
      return static_cast<double>(number);
    }
  }

  unsigned char mark_;
  std::size_t count_;
  std::vector<unsigned char> bytes_;
};

/// f(tap, input pixel, output pixel) for every pair of pixels that meet.
template <class F>
void for_pairs(const Convolution& c, F f) {
  const Shape& in = c.input;
  const Shape out = c.output();
  const nn::Window& v = c.window;
  for (std::int64_t n = 0; n < out.n; ++n) {
    for (std::int64_t oy = 0; oy < out.h; ++oy) {
      for (std::int64_t ky = 0; ky < v.kernel_h; ++ky) {
        const std::int64_t iy = oy * v.stride_h + ky - v.top;
        if (iy < 0 || iy >= in.h) continue;
        for (std::int64_t ox = 0; ox < out.w; ++ox) {
          for (std::int64_t kx = 0; kx < v.kernel_w; ++kx) {
            const std::int64_t ix = ox * v.stride_w + kx - v.left;
            if (ix < 0 || ix >= in.w) continue;
            f(ky * v.kernel_w + kx, (n * in.h + iy) * in.w + ix, (n * out.h + oy) * out.w + ox);
          }
        }
      }
    }
  }
}

Word dot(const Word* a, const Word* b, std::int64_t count) {
  Word sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

/// sum over i, j of rows[i] * columns[j] * matrix[i, j].
Word weighted(const Words& matrix, const Words& rows, const Words& columns) {
  const auto count = static_cast<std::int64_t>(columns.size());
  Word sum = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    sum += rows[i] * dot(matrix.data() + i * columns.size(), columns.data(), count);
  }
  return sum;
}

/// The operands as integers, and random weights of the result's elements: one factor a pixel or
/// tap, one a channel.
struct Values {
  Words x, y, w, b;
};

std::int64_t pixels(const Shape& shape) {
  return shape.n * shape.h * shape.w;
}

bool forward_agrees(const Convolution& c, const Values& v, Numbers& numbers) {
  const std::int64_t in = c.input.c, taps = c.taps();
  const Words rows = numbers.words(pixels(c.output())), columns = numbers.words(c.out_channels);
  Words filter(static_cast<std::size_t>(taps * in));  // w, its filters weighted and added
  for (std::size_t i = 0; i < v.w.size(); ++i) {
    filter[i % filter.size()] += columns[i / filter.size()] * v.w[i];
  }
  Word sum = 0;
  for_pairs(c, [&](std::int64_t tap, std::int64_t from, std::int64_t to) {
    sum += rows[static_cast<std::size_t>(to)] *
           dot(v.x.data() + from * in, filter.data() + tap * in, in);
  });
  if (!v.b.empty()) {
    const Word bias = dot(v.b.data(), columns.data(), c.out_channels);
    for (const Word row : rows) sum += row * bias;
  }
  return sum == weighted(v.y, rows, columns);
}

bool data_agrees(const Convolution& c, const Values& v, Numbers& numbers) {
  const std::int64_t in = c.input.c, out = c.out_channels, taps = c.taps();
  const Words rows = numbers.words(pixels(c.input)), columns = numbers.words(in);
  Words filter(static_cast<std::size_t>(taps * out));  // [tap, out]
  for (std::int64_t o = 0; o < out; ++o) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      filter[static_cast<std::size_t>(tap * out + o)] =
          dot(v.w.data() + (o * taps + tap) * in, columns.data(), in);
    }
  }
  Word sum = 0;
  for_pairs(c, [&](std::int64_t tap, std::int64_t from, std::int64_t to) {
    sum += rows[static_cast<std::size_t>(from)] *
           dot(v.y.data() + to * out, filter.data() + tap * out, out);
  });
  return sum == weighted(v.x, rows, columns);
}

bool weights_agree(const Convolution& c, const Values& v, Numbers& numbers) {
  const std::int64_t in = c.input.c, out = c.out_channels;
  const Words rows = numbers.words(out), columns = numbers.words(c.taps() * in);
  Words gradient(static_cast<std::size_t>(pixels(c.output())));  // dy, its channels weighted
  Word all = 0;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    gradient[i] = dot(v.y.data() + static_cast<std::int64_t>(i) * out, rows.data(), out);
    all += gradient[i];
  }
  Word sum = 0;
  for_pairs(c, [&](std::int64_t tap, std::int64_t from, std::int64_t to) {
    sum += gradient[static_cast<std::size_t>(to)] *
           dot(v.x.data() + from * in, columns.data() + tap * in, in);
  });
  return sum == weighted(v.w, rows, columns) &&
         (v.b.empty() || all == dot(v.b.data(), rows.data(), out));
}

/// X, Y, W: the types of the operands. `most`: up to where a sum is exact in the result's type.
template <class X, class Y, class W>
bool agrees(const Convolution& c, Direction direction, bool bias, double most,
            const std::function<void(const ConvolutionData&)>& run) {
  const Shape out = c.output();
  const bool sums = direction == Direction::backward_weights;
  Operand<X> x(c.input.elements(), direction == Direction::backward_data);
  Operand<Y> y(out.elements(), direction == Direction::forward);
  Operand<W> w(c.out_channels * c.taps() * c.input.c, sums);
  Operand<W> b(bias ? c.out_channels : 0, sums);
  Numbers numbers(1);
  // Sums of signs seldom leave eight standard deviations, of which this many fit.
  const double terms = (most / 8) * (most / 8);
  if (sums) {
    x.fill(numbers);
    y.fill(numbers, terms / static_cast<double>(pixels(out)));
  } else {
    const bool forward = direction == Direction::forward;
    forward ? x.fill(numbers) : y.fill(numbers);
    w.fill(numbers, terms / static_cast<double>(c.taps() * (forward ? c.input.c : out.c)));
    b.fill(numbers);
  }
  run({x.data(), y.data(), w.data(), bias ? b.data() : nullptr});
  Values values;
  if (!x.read(values.x) || !y.read(values.y) || !w.read(values.w) || !b.read(values.b)) {
    return false;
  }
  if (!x.guards_stand() || !y.guards_stand() || !w.guards_stand() || !b.guards_stand()) {
    return false;
  }
  switch (direction) {
    case Direction::forward:
      return forward_agrees(c, values, numbers);
    case Direction::backward_data:
      return data_agrees(c, values, numbers);
    case Direction::backward_weights:
      return weights_agree(c, values, numbers);
  }
  return false;
}

/// Whole numbers up to these are exact.
constexpr double kExactInFloat = 0x1p24;
constexpr double kExactInBf16 = 0x1p8;

}  // namespace

bool computes_right(const Convolution& convolution, Direction direction, bool bias,
                    const std::function<void(const ConvolutionData&)>& run) {
  if (convolution.activations == DType::f32) {
    return agrees<float, float, float>(convolution, direction, bias, kExactInFloat, run);
  }
  const bool sums = direction == Direction::backward_weights;
  return agrees<bf16, bf16, float>(convolution, direction, bias,
                                   sums ? kExactInFloat : kExactInBf16, run);
}

bool computes_int8_right(const Convolution& convolution,
                         const std::function<void(const ConvolutionData&)>& run) {
  return agrees<std::int8_t, std::int32_t, std::int8_t>(convolution, Direction::forward, false,
                                                        kExactInFloat, run);
}

}  // namespace paretiny::cpu
