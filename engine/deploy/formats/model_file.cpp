#include "engine/deploy/formats/model_file.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/one_line.h"
#include "engine/data/formats/file_bytes.h"
#include "engine/deploy/formats/int8_network_json.h"
#include "engine/sealed_document.h"

namespace paretiny::deploy {
namespace {

using nlohmann::json;

constexpr DocumentKind kModel{"model", "PTNYINT8", 1};

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
  return seal(kModel, {{"name", model.name},
                       {"classes", model.classes},
                       {"scale", model.scale},
                       {"shift", model.shift},
                       {"network", to_json(model.network)}});
}

DeployedModel model_from_bytes(std::span<const std::uint8_t> bytes, const std::string& source) {
  const json form = unseal(kModel, bytes, source);
  try {
    return model_of(form);
  } catch (const json::exception& error) {
    throw DataError(source + ": the model cannot be read: " + one_line(error.what()));
  } catch (const Error& error) {
    throw DataError(source + ": the model does not hold together: " + one_line(error.what()));
  }
}

void save_model(const DeployedModel& model, const std::filesystem::path& path) {
  const std::vector<std::uint8_t> bytes = to_bytes(model);
  data::write_file(path, std::as_bytes(std::span(bytes)));
}

DeployedModel load_model(const std::filesystem::path& path) {
  const data::Bytes bytes = data::read_file(path);
  return model_from_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                          path.string());
}

}  // namespace paretiny::deploy
