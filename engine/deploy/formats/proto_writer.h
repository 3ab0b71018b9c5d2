// A protobuf message as bytes: fields of the four kinds that models are made of.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace paretiny::deploy {

class ProtoWriter {
 public:
  using Field = std::uint32_t;

  void integer(Field field, std::int64_t value) {
    tag(field, 0);
    varint(static_cast<std::uint64_t>(value));
  }
  void real(Field field, float value) {
    tag(field, 5);
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes_ += static_cast<char>(bits >> shift & 0xff);
  }
  void text(Field field, std::string_view bytes) {
    tag(field, 2);
    varint(bytes.size());
    bytes_ += bytes;
  }
  void message(Field field, const ProtoWriter& message) { text(field, message.bytes_); }

  const std::string& bytes() const { return bytes_; }

 private:
  void tag(Field field, std::uint32_t wire_type) { varint(field << 3 | wire_type); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7f) | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace paretiny::deploy
