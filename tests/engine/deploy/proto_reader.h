// A protobuf message read back: its fields by number.
#pragma once

#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace paretiny::test {

class ProtoMessage {
 public:
  explicit ProtoMessage(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::uint64_t tag = varint(bytes);
      const auto field = static_cast<std::uint32_t>(tag >> 3);
      switch (tag & 7) {
        case 0:
          numbers_[field].push_back(static_cast<std::int64_t>(varint(bytes)));
          break;
        case 2:
          texts_[field].push_back(std::string(take(bytes, varint(bytes))));
          break;
        case 5:
          texts_[field].push_back(std::string(take(bytes, 4)));
          break;
        default:
          throw std::runtime_error("a wire type that is not written");
      }
    }
  }

  std::vector<std::int64_t> numbers(std::uint32_t field) const {
    const auto found = numbers_.find(field);
    return found == numbers_.end() ? std::vector<std::int64_t>{} : found->second;
  }
  std::vector<std::string> texts(std::uint32_t field) const {
    const auto found = texts_.find(field);
    return found == texts_.end() ? std::vector<std::string>{} : found->second;
  }
  std::vector<ProtoMessage> messages(std::uint32_t field) const {
    std::vector<ProtoMessage> result;
    for (const std::string& text : texts(field)) result.emplace_back(text);
    return result;
  }
  std::int64_t number(std::uint32_t field) const { return numbers(field).at(0); }
  std::string text(std::uint32_t field) const { return texts(field).at(0); }
  ProtoMessage message(std::uint32_t field) const { return ProtoMessage(text(field)); }
  float real(std::uint32_t field) const {
    float value = 0;
    std::memcpy(&value, text(field).data(), sizeof(value));
    return value;
  }

 private:
  static std::string_view take(std::string_view& bytes, std::uint64_t count) {
    if (count > bytes.size()) throw std::runtime_error("a message ends early");
    const std::string_view taken = bytes.substr(0, count);
    bytes.remove_prefix(count);
    return taken;
  }
  static std::uint64_t varint(std::string_view& bytes) {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(bytes, 1)[0]);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    throw std::runtime_error("a number of more than 64 bits");
  }

  std::map<std::uint32_t, std::vector<std::int64_t>> numbers_;
  std::map<std::uint32_t, std::vector<std::string>> texts_;
};

}  // namespace paretiny::test
