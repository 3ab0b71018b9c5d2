// Tensors are views: a pointer, a type, an NHWC shape. Owners are Buffer and Arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace paretiny {

enum class DType : std::uint8_t { f32, bf16, u8, i8, i32, f64 };

constexpr std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return 8;
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::bf16:
      return 2;
    case DType::u8:
    case DType::i8:
      return 1;
  }
  return 0;
}

const char* name_of(DType dtype);

/// Four extents, the last contiguous. Activations are [n, h, w, c] with h = 1 for a time series;
/// convolution weights [out, kh, kw, in]; depthwise weights [1, kh, kw, c]; fully connected weights
/// [out, 1, 1, in]; vectors [1, 1, 1, c].
struct Shape {
  std::int64_t n = 1;
  std::int64_t h = 1;
  std::int64_t w = 1;
  std::int64_t c = 1;

  constexpr std::int64_t elements() const { return n * h * w * c; }
  friend constexpr bool operator==(const Shape&, const Shape&) = default;
};

std::string to_string(const Shape& shape);  ///< "2x32x32x3"

/// A dense tensor somebody else owns. `View` may be written through, `ConstView` not.
template <class Pointer>
struct BasicView {
  Pointer data = nullptr;
  DType dtype = DType::f32;
  Shape shape{};

  std::int64_t elements() const { return shape.elements(); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype); }
  explicit operator bool() const { return data != nullptr; }
};

struct ConstView : BasicView<const void*> {
  template <class T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
};

struct View : BasicView<void*> {
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  operator ConstView() const { return {{data, dtype, shape}}; }
};

inline View view(void* data, DType dtype, const Shape& shape) {
  return {{data, dtype, shape}};
}
inline ConstView view(const void* data, DType dtype, const Shape& shape) {
  return {{data, dtype, shape}};
}

/// bfloat16: the upper half of a float. Conversion rounds to nearest even and keeps NaN.
struct bf16 {
  std::uint16_t bits = 0;
};

inline float to_float(bf16 x) {
  return __builtin_bit_cast(float, std::uint32_t{x.bits} << 16);
}

inline bf16 to_bf16(float x) {
  const auto bits = __builtin_bit_cast(std::uint32_t, x);
  if (x != x) return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16)};
}

inline float to_float(float x) {
  return x;
}

}  // namespace paretiny
