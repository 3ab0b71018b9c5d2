// .npy files that a test makes.
#pragma once

#include <string>
#include <vector>

namespace paretiny::data {

/// An .npy file of version 1 as numpy.save writes it.
inline std::string npy_header(const std::string& type, const std::string& shape) {
  std::string text =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  while ((10 + text.size() + 1) % 64 != 0) text += ' ';
  text += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(text.size() & 0xFF) +
         static_cast<char>(text.size() >> 8) + text;
}

template <class T>
std::string npy(const std::string& type, const std::string& shape, const std::vector<T>& values) {
  return npy_header(type, shape) +
         std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

template <class T>
std::vector<T> counted(std::size_t size) {
  std::vector<T> values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<T>(i % 100);
  return values;
}

}  // namespace paretiny::data
