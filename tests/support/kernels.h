// For the tests of kernels: tensors on a stream's device, comparison with a judge in double
// precision, finite differences, and the reference vectors of shared/vectors/train/ops.
#pragma once

#include <gtest/gtest.h>
#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/core/buffer.h"
#include "kernels/core/random.h"
#include "kernels/core/stream.h"
#include "kernels/core/tensor.h"
#include "tests/support/npy.h"
#include "tests/support/shared.h"

namespace paretiny::test {

inline std::unique_ptr<Stream> cpu_stream() {
  return Stream::create({DeviceKind::cpu, 0});
}

/// The device that PARETINY_TEST_DEVICE names ("cuda", on the SIMT twin too), else the CPU. Throws
/// DeviceError.
inline Device test_device() {
  const char* name = std::getenv("PARETINY_TEST_DEVICE");
  return name == nullptr ? Device{} : parse_device(name);
}

inline std::unique_ptr<Stream> test_stream() {
  return Stream::create(test_device());
}

/// Whether the device under test is the SIMT twin: a thousand times slower than the CPU, so that
/// the largest shapes are left to the others.
inline bool slow_device() {
  const Device device = test_device();
  for (const DeviceInfo& info : devices()) {
    if (info.device == device) return info.name == "SIMT twin";
  }
  return false;
}

/// Where the device under test is not there, the program skips all its tests.
class TestDevice : public testing::Environment {
 public:
  void SetUp() override {
    try {
      test_device();
    } catch (const DeviceError& error) {
      GTEST_SKIP() << "no device to test on: " << error.what();
    }
  }
};
inline testing::Environment* const test_device_environment =
    testing::AddGlobalTestEnvironment(new TestDevice);

inline bool is_real(DType dtype) {
  return dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f64;
}

/// The number as a type stores it.
inline double rounded(DType dtype, double x) {
  if (dtype == DType::f64) return x;
  const auto f = static_cast<float>(x);
  return dtype == DType::bf16 ? to_float(to_bf16(f)) : f;
}

/// A tensor with its memory. Guard bytes on both sides catch stray writes: `values` checks them;
/// where AddressSanitizer watches, reads too.
class Tensor {
 public:
  Tensor(Stream& stream, DType dtype, const Shape& shape, const std::vector<double>& values)
      : Tensor(stream, dtype, shape, values, kGuard) {}

  /// An output: NaN (or the largest integer) until it is written.
  Tensor(Stream& stream, DType dtype, const Shape& shape)
      : Tensor(stream, dtype, shape,
               std::vector<double>(static_cast<std::size_t>(shape.elements()),
                                   is_real(dtype) ? std::nan("") : 127)) {}

  /// Normal values with standard deviation 1, named by the seed.
  static Tensor random(Stream& stream, DType dtype, const Shape& shape, std::uint64_t seed) {
    Random random(seed, "test tensor");
    std::vector<double> values(static_cast<std::size_t>(shape.elements()));
    for (double& value : values) value = random.normal();
    return {stream, dtype, shape, values};
  }

  /// The same values one element beyond where an access to several of them may begin.
  Tensor unaligned() const {
    const auto off = static_cast<std::ptrdiff_t>(size_of(dtype_));
    return {*stream_, dtype_, shape_, values(), kGuard + off};
  }

  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  View view() const { return buffer_.at(front_, dtype_, shape_); }
  operator View() const { return view(); }
  operator ConstView() const { return view(); }

  std::vector<double> values() const {
    const std::vector<unsigned char> host = bytes();
    std::vector<double> values(count());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = load(&host[front_], i);
    return values;
  }

  /// All the memory, to compare two runs bit by bit.
  std::vector<unsigned char> bytes() const {
    std::vector<unsigned char> host(buffer_.bytes());
    allow_guards();
    stream_->download(host.data(), buffer_.data(), host.size());
    forbid_guards();
    const auto marked = [](unsigned char byte) { return byte == kMark; };
    EXPECT_TRUE(std::all_of(host.begin(), host.begin() + front_, marked) &&
                std::all_of(host.end() - kGuard, host.end(), marked))
        << "written outside the tensor";
    return host;
  }

  void set(std::size_t index, double value) {
    unsigned char element[sizeof(double)];
    store(element, 0, value);
    std::byte* data = static_cast<std::byte*>(buffer_.data()) + front_ + index * size_of(dtype_);
    stream_->upload(data, element, size_of(dtype_));
  }

 private:
  static constexpr std::ptrdiff_t kGuard = 64;
  static constexpr unsigned char kMark = 0xA5;

  Tensor(Stream& stream, DType dtype, const Shape& shape, const std::vector<double>& values,
         std::ptrdiff_t front)
      : stream_(&stream),
        dtype_(dtype),
        shape_(shape),
        bytes_(count() * size_of(dtype)),
        front_(front) {
    EXPECT_EQ(values.size(), count());
    buffer_ = Buffer(stream.device(), front + bytes_ + kGuard);
    std::vector<unsigned char> host(buffer_.bytes(), kMark);
    for (std::size_t i = 0; i < values.size(); ++i) store(&host[front], i, values[i]);
    stream.upload(buffer_.data(), host.data(), host.size());
    forbid_guards();
  }

  std::size_t count() const { return static_cast<std::size_t>(shape_.elements()); }

  std::byte* front_guard() const { return static_cast<std::byte*>(buffer_.data()); }
  std::byte* back_guard() const { return front_guard() + front_ + bytes_; }

  void forbid_guards() const {
    ASAN_POISON_MEMORY_REGION(front_guard(), front_);
    ASAN_POISON_MEMORY_REGION(back_guard(), kGuard);
  }
  void allow_guards() const {
    ASAN_UNPOISON_MEMORY_REGION(front_guard(), front_);
    ASAN_UNPOISON_MEMORY_REGION(back_guard(), kGuard);
  }

  template <class T>
  static void put(unsigned char* data, std::size_t index, T value) {
    std::memcpy(data + index * sizeof(T), &value, sizeof(T));
  }
  template <class T>
  static T get(const unsigned char* data, std::size_t index) {
    T value;
    std::memcpy(&value, data + index * sizeof(T), sizeof(T));
    return value;
  }

  void store(unsigned char* data, std::size_t index, double value) const {
    switch (dtype_) {
      case DType::f32:
        return put(data, index, static_cast<float>(value));
      case DType::bf16:
        return put(data, index, to_bf16(static_cast<float>(value)));
      case DType::i32:
        return put(data, index, static_cast<std::int32_t>(value));
      case DType::i8:
        return put(data, index, static_cast<std::int8_t>(value));
      case DType::u8:
        return put(data, index, static_cast<std::uint8_t>(value));
      case DType::f64:
        return put(data, index, value);
    }
  }
  double load(const unsigned char* data, std::size_t index) const {
    switch (dtype_) {
      case DType::f32:
        return get<float>(data, index);
      case DType::bf16:
        return to_float(get<bf16>(data, index));
      case DType::i32:
        return get<std::int32_t>(data, index);
      case DType::i8:
        return get<std::int8_t>(data, index);
      case DType::u8:
        return get<std::uint8_t>(data, index);
      case DType::f64:
        return get<double>(data, index);
    }
    return std::nan("");
  }

  Stream* stream_;
  DType dtype_;
  Shape shape_;
  std::size_t bytes_;
  std::ptrdiff_t front_;
  Buffer buffer_;
};

inline double max_abs(const std::vector<double>& values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

/// Every element within `tolerance` (absolute) of the expected one; NaN never is.
inline void expect_near(const std::vector<double>& actual, const std::vector<double>& expected,
                        double tolerance, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  std::size_t worst = 0;
  double largest = -1;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    double difference = std::abs(actual[i] - expected[i]);
    if (std::isnan(difference)) difference = std::numeric_limits<double>::infinity();
    if (difference > largest) {
      largest = difference;
      worst = i;
    }
  }
  if (actual.empty()) return;
  EXPECT_LE(largest, tolerance) << what << "[" << worst << "] = " << actual[worst] << ", expected "
                                << expected[worst];
}

inline void expect_near(const Tensor& actual, const std::vector<double>& expected, double tolerance,
                        const std::string& what) {
  expect_near(actual.values(), expected, tolerance, what);
}

/// sum(y * dy): the scalar whose gradients the backward ops return.
inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// Compares `samples` elements of `gradient` with central differences of `loss` about `at`, which
/// is disturbed by `step` and restored. `tolerance` is absolute.
inline void expect_gradient(const std::function<double()>& loss, Tensor& at,
                            const std::vector<double>& gradient, double step, double tolerance,
                            const std::string& what, std::size_t samples = 10) {
  const std::vector<double> values = at.values();
  ASSERT_EQ(values.size(), gradient.size()) << what;
  Random random(1, "finite differences");
  for (std::size_t k = 0; k < samples; ++k) {
    const std::size_t i = random.below(values.size());
    const double high = rounded(at.dtype(), values[i] + step);
    const double low = rounded(at.dtype(), values[i] - step);
    at.set(i, high);
    const double above = loss();
    at.set(i, low);
    const double below = loss();
    at.set(i, values[i]);
    EXPECT_NEAR(gradient[i], (above - below) / (high - low), tolerance) << what << "[" << i << "]";
  }
}

/// One case of shared/vectors/train/ops: inputs and outputs by the names of its README.
class ReferenceCase {
 public:
  explicit ReferenceCase(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::ifstream file(folder_ / "case.json");
    json_ = nlohmann::json::parse(file);
  }

  std::string name() const { return folder_.filename().string(); }
  const nlohmann::json& json() const { return json_; }
  const nlohmann::json& attributes() const { return json_.at("attributes"); }
  bool has_input(const std::string& input) const { return json_.at("inputs").contains(input); }

  Tensor input(Stream& stream, const std::string& input, DType dtype = DType::f32) const {
    const nlohmann::json& entry = json_.at("inputs").at(input);
    return {stream, dtype, shape_of(entry), read(entry)};
  }
  Shape input_shape(const std::string& input) const {
    return shape_of(json_.at("inputs").at(input));
  }

  Shape output_shape(const std::string& output) const {
    return shape_of(json_.at("outputs").at(output));
  }
  std::vector<double> expected(const std::string& output) const {
    return read(json_.at("outputs").at(output));
  }
  double tolerance(const std::string& output) const {
    const nlohmann::json& entry = json_.at("outputs").at(output);
    return 10 * entry.at("float32_max_abs_error").get<double>() +
           1e-6 * entry.at("max_abs").get<double>();
  }
  /// Compares a result with the named output, if the case has it, to `tolerance`.
  void expect(const Tensor& actual, const std::string& output) const {
    if (!json_.at("outputs").contains(output)) return;
    expect_near(actual, expected(output), tolerance(output), name() + " " + output);
  }

 private:
  /// Layouts of the vectors as our shapes; "any" is flat, a leading step axis becomes w.
  static Shape shape_of(const nlohmann::json& entry) {
    const auto layout = entry.at("layout").get<std::string>();
    const auto extents = entry.at("shape").get<std::vector<std::int64_t>>();
    if (layout == "NHWC" || layout == "OHWI" || layout == "N11C") {
      return {extents.at(0), extents.at(1), extents.at(2), extents.at(3)};
    }
    if (layout == "HWC") return {1, extents.at(0), extents.at(1), extents.at(2)};
    if (layout == "OI" || layout == "NC") return {extents.at(0), 1, 1, extents.at(1)};
    const bool steps = layout.starts_with("step");
    std::int64_t flat = 1;
    for (std::size_t i = steps ? 1 : 0; i < extents.size(); ++i) flat *= extents[i];
    return {1, 1, steps ? extents.at(0) : 1, flat};
  }

  std::vector<double> read(const nlohmann::json& entry) const {
    return read_npy(folder_ / entry.at("file").get<std::string>());
  }

  std::filesystem::path folder_;
  nlohmann::json json_;
};

/// Why a test of reference_cases() skips.
inline std::string no_reference_cases() {
  return shared("vectors/train/ops").string() + " has no cases of this op";
}

/// The cases of an op, by name; none where the vectors are absent (then GTEST_SKIP).
inline std::vector<ReferenceCase> reference_cases(const std::string& op) {
  const std::filesystem::path root = shared("vectors/train/ops/" + op);
  std::vector<std::filesystem::path> folders;
  if (std::filesystem::exists(root)) {
    for (const auto& entry : std::filesystem::directory_iterator(root)) folders.push_back(entry);
  }
  std::sort(folders.begin(), folders.end());
  return {folders.begin(), folders.end()};
}

}  // namespace paretiny::test
