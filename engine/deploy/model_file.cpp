#include "engine/deploy/model_file.h"

#include <zlib.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/data/file_bytes.h"
#include "engine/deploy/int8_network_json.h"
#include "engine/one_line.h"
#include "kernels/error.h"

namespace paretiny {
namespace {

using nlohmann::json;

struct Header {
  char magic[8] = {'P', 'T', 'N', 'Y', 'I', 'N', 'T', '8'};
  std::uint32_t version = 1;
  std::uint32_t checksum = 0;  ///< CRC-32 of the document
  std::uint64_t bytes = 0;     ///< of the document
};

std::uint32_t checksum_of(const std::uint8_t* data, std::size_t bytes) {
  return static_cast<std::uint32_t>(crc32_z(crc32(0, nullptr, 0), data, bytes));
}

/// Counts the levels of a document and keeps nothing; what else is wrong with it is told by the
/// reader that comes after.
class LevelCounter : public nlohmann::json_sax<json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return ++levels_ <= kMost; }
  bool start_array(std::size_t) override { return ++levels_ <= kMost; }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

  bool too_many() const { return levels_ > kMost; }

  static constexpr int kMost = 32;  ///< a model of ours has six

 private:
  bool leave() {
    --levels_;
    return true;
  }

  int levels_ = 0;
};

/// The library reads a level inside a level by a call: of many it would run out of stack.
json from_cbor(std::span<const std::uint8_t> document) {
  LevelCounter counter;
  json::sax_parse(document.begin(), document.end(), &counter, json::input_format_t::cbor);
  if (counter.too_many()) {
    throw DataError("it is nested deeper than " + std::to_string(LevelCounter::kMost) + " levels");
  }
  return json::from_cbor(document.begin(), document.end());
}

DeployedModel model_of(const json& form) {
  DeployedModel model;
  model.name = form.at("name");
  model.classes = form.at("classes").get<std::vector<std::string>>();
  model.scale = form.at("scale").get<std::vector<float>>();
  model.shift = form.at("shift").get<std::vector<float>>();
  model.network = int8_network_from_json(form.at("network"));
  const auto channels = static_cast<std::size_t>(model.network.input().shape.c);
  if (model.scale.size() != channels || model.shift.size() != channels) {
    throw DataError("scale and shift are not given for each of its " + std::to_string(channels) +
                    " input channels");
  }
  for (const std::vector<float>* values : {&model.scale, &model.shift}) {
    for (const float value : *values) {
      if (!std::isfinite(value)) throw DataError("scale or shift is not finite");
    }
  }
  return model;
}

}  // namespace

std::vector<std::uint8_t> to_bytes(const DeployedModel& model) {
  const json form = {{"name", model.name},
                     {"classes", model.classes},
                     {"scale", model.scale},
                     {"shift", model.shift},
                     {"network", to_json(model.network)}};
  const std::vector<std::uint8_t> document = json::to_cbor(form);
  Header header;
  header.checksum = checksum_of(document.data(), document.size());
  header.bytes = document.size();
  std::vector<std::uint8_t> bytes(sizeof(header) + document.size());
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::memcpy(bytes.data() + sizeof(header), document.data(), document.size());
  return bytes;
}

DeployedModel model_from_bytes(std::span<const std::uint8_t> bytes, const std::string& source) {
  const Header expected;
  Header header;
  if (bytes.size() < sizeof(header))
    throw DataError(source + ": this is no model, it is too short");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (std::memcmp(header.magic, expected.magic, sizeof(header.magic)) != 0) {
    throw DataError(source + ": this is no model of Paretiny");
  }
  if (header.version != expected.version) {
    throw DataError(source + ": the model's version is " + std::to_string(header.version) +
                    ", this program reads version " + std::to_string(expected.version));
  }
  const auto document = bytes.subspan(sizeof(header));
  if (document.size() != header.bytes) {
    throw DataError(source + ": the model has " + std::to_string(document.size()) +
                    " bytes where its header says " + std::to_string(header.bytes));
  }
  if (checksum_of(document.data(), document.size()) != header.checksum) {
    throw DataError(source + ": the model is damaged, its checksum is wrong");
  }
  try {
    return model_of(from_cbor(document));
  } catch (const json::exception& error) {
    throw DataError(source + ": the model cannot be read: " + one_line(error.what()));
  } catch (const Error& error) {
    throw DataError(source + ": the model does not hold together: " + one_line(error.what()));
  }
}

void save_model(const DeployedModel& model, const std::filesystem::path& path) {
  const std::vector<std::uint8_t> bytes = to_bytes(model);
  write_file(path, std::as_bytes(std::span(bytes)));
}

DeployedModel load_model(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path);
  return model_from_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                          path.string());
}

}  // namespace paretiny
