// Cases of the int8 reference vectors, and tensors to run them on.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kernels/int8/int8.h"
#include "tests/support/jsonl.h"
#include "tests/support/kernels.h"
#include "tests/support/shared.h"

namespace paretiny::int8 {

inline std::string vectors_path(const std::string& op) {
  return test::shared("vectors/int8/" + op + ".jsonl.gz").string();
}

/// Four extents of a shape of four; of a shape of two, [rows, 1, 1, columns].
inline Shape shape_of(const nlohmann::json& shape) {
  const auto extents = shape.get<std::vector<std::int64_t>>();
  if (extents.size() == 2) return {extents[0], 1, 1, extents[1]};
  return {extents.at(0), extents.at(1), extents.at(2), extents.at(3)};
}

inline Quantization quantization_of(const nlohmann::json& tensor) {
  return {tensor.at("scale").get<float>(), tensor.at("zero_point").get<std::int32_t>()};
}

inline nn::Activation activation_of(const nlohmann::json& c) {
  const std::string name = c.at("activation");
  return name == "relu"    ? nn::Activation::relu
         : name == "relu6" ? nn::Activation::relu6
                           : nn::Activation::none;
}

inline nn::Window window_of(const nlohmann::json& c, std::int64_t kernel_h, std::int64_t kernel_w) {
  const auto stride = c.at("stride").get<std::vector<std::int64_t>>();
  const auto padding = c.at("padding").get<std::vector<std::int64_t>>();
  return {kernel_h, kernel_w, stride[0], stride[1], padding[0], padding[1], padding[2], padding[3]};
}

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::f32;
  if constexpr (std::is_same_v<T, std::int32_t>) return DType::i32;
  return DType::i8;
}

template <class T>
ConstView view_of(const std::vector<T>& data, const Shape& shape) {
  return view(static_cast<const void*>(data.data()), dtype_of<T>(), shape);
}

template <class T>
View view_of(std::vector<T>& data, const Shape& shape) {
  return view(static_cast<void*>(data.data()), dtype_of<T>(), shape);
}

using Bytes = std::vector<std::int8_t>;
using Words = std::vector<std::int32_t>;

/// Elements of the host on a stream's device, for as long as it lives; no elements are a null view.
class DeviceCopy {
 public:
  template <class Elements>
  DeviceCopy(Stream& stream, const Elements& elements, const Shape& shape)
      : stream_(stream), dtype_(dtype_of<typename Elements::value_type>()), shape_(shape) {
    if (elements.empty()) return;
    buffer_ = Buffer(stream.device(), elements.size() * size_of(dtype_));
    stream.upload(buffer_.data(), elements.data(), buffer_.bytes());
  }
  View view() const { return buffer_.at(0, dtype_, shape_); }
  operator ConstView() const { return view(); }
  Bytes bytes() const {
    Bytes host(buffer_.bytes());
    stream_.download(host.data(), buffer_.data(), host.size());
    return host;
  }

 private:
  Stream& stream_;
  DType dtype_;
  Shape shape_;
  Buffer buffer_;
};

/// An output with a sentinel behind it, to catch writes past its end.
class Output {
 public:
  Output(Stream& stream, const Shape& shape)
      : copy_(stream, Bytes(static_cast<std::size_t>(shape.elements()) + kGuard, kSentinel),
              shape) {}
  View view() const { return copy_.view(); }
  Bytes values() const {
    const Bytes data = copy_.bytes();
    for (std::size_t i = data.size() - kGuard; i < data.size(); ++i) {
      EXPECT_EQ(data[i], kSentinel) << "written past the end";
    }
    return Bytes(data.begin(), data.end() - kGuard);
  }

 private:
  static constexpr std::ptrdiff_t kGuard = 64;
  static constexpr std::int8_t kSentinel = 0x55;
  DeviceCopy copy_;
};

/// Runs `run` on every case of the op's file, as many as there are, each under its name.
template <class Run>
void for_each_case(const std::string& op, const Run& run) {
  if (!std::filesystem::exists(vectors_path(op))) GTEST_SKIP() << vectors_path(op) << " is absent";
  const std::vector<nlohmann::json> cases = read_jsonl_gz(vectors_path(op));
  EXPECT_FALSE(cases.empty()) << vectors_path(op) << " holds no case";
  for (const nlohmann::json& c : cases) {
    SCOPED_TRACE(c.at("name").get<std::string>());
    run(c);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace paretiny::int8
