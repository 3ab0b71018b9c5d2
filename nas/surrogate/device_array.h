// Host and device copies of the numbers a search computes with.
#pragma once

#include <Eigen/Dense>
#include <vector>

#include "kernels/core/buffer.h"
#include "kernels/core/stream.h"

namespace paretiny::surrogate {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A tensor with memory of its own on a stream's device.
class DeviceArray {
 public:
  DeviceArray() = default;
  /// Uninitialised.
  DeviceArray(Stream& stream, DType dtype, const Shape& shape)
      : buffer_(stream.device(), static_cast<std::size_t>(shape.elements()) * size_of(dtype)),
        view_(buffer_.at(0, dtype, shape)) {}
  /// A copy of `values`, as many as the shape has elements.
  DeviceArray(Stream& stream, DType dtype, const Shape& shape, const void* values)
      : DeviceArray(stream, dtype, shape) {
    stream.upload(view_.data, values, view_.bytes());
  }
  /// A matrix as [1, 1, rows, columns].
  DeviceArray(Stream& stream, const RowMatrix& matrix)
      : DeviceArray(stream, DType::f64, {1, 1, matrix.rows(), matrix.cols()}, matrix.data()) {}

  View view() const { return view_; }
  operator View() const { return view_; }
  operator ConstView() const { return view_; }

  /// The values of an f64 tensor as `rows` rows. Waits for the stream.
  static RowMatrix download(Stream& stream, ConstView tensor, Eigen::Index rows) {
    RowMatrix values(rows, rows == 0 ? 0 : tensor.elements() / rows);
    stream.download(values.data(), tensor.data, tensor.bytes());
    return values;
  }
  RowMatrix download(Stream& stream, Eigen::Index rows) const {
    return download(stream, view_, rows);
  }

 private:
  Buffer buffer_;
  View view_;
};

}  // namespace paretiny::surrogate
