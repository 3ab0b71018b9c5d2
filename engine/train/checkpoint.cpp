#include "engine/train/checkpoint.h"

#include <fmt/core.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/one_line.h"
#include "engine/sealed_document.h"
#include "kernels/core/random.h"
#include "kernels/core/threads.h"

namespace paretiny::train {
namespace {

using nlohmann::json;

constexpr DocumentKind kCheckpoint{"checkpoint", "PTNYTRAI", 1};
constexpr const char* kSource = "going on with a training";

std::string pruning_text(const compress::PruningSpec& p) {
  json form = {name_of(p.schedule), name_of(p.criterion), p.sparsity, p.begin, p.end, p.every,
               p.multiple};
  for (const compress::PruningSpec::Override& group : p.overrides) {
    form.push_back({group.prefix, group.sparsity});
  }
  return form.dump();
}

/// The device with what computes on it: another processor may round otherwise.
std::string device_text(Device device) {
  for (const DeviceInfo& info : devices()) {
    if (info.device == device) {
      return fmt::format("{} ({}, {})", to_string(device), info.name, compute_libraries());
    }
  }
  return to_string(device);
}

json binary(const std::vector<float>& values) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(values.data());
  return json::binary({bytes, bytes + values.size() * sizeof(float)});
}

std::vector<float> floats(const json& form) {
  const json::binary_t& bytes = form.get_binary();
  if (bytes.size() % sizeof(float) != 0) throw DataError("an array ends within a number");
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace

TrainingIdentity training_identity(const Stream& stream, const data::ResidentDataset& data,
                                   const graph::Graph& graph, const TrainingSpec& training,
                                   const compress::PruningSpec& pruning, std::uint64_t seed) {
  TrainingIdentity identity;
  identity["network"] = fmt::format("{:016x}", random_key(0, to_json(graph).dump()));
  identity["data"] = fmt::format("{} + {} samples, checksum {:016x}", data.train.size,
                                 data.validation.size, data.checksum);
  identity["training"] = to_json(training).dump();
  identity["pruning"] = pruning_text(pruning);
  identity["seed"] = std::to_string(seed);
  identity["activations"] = name_of(activation_type(training.precision, stream.device()));
  identity["device"] = device_text(stream.device());
  if (stream.device().kind == DeviceKind::cpu) {
    identity["threads"] = std::to_string(thread_count());
  }
  return identity;
}

std::vector<std::uint8_t> to_bytes(const TrainingCheckpoint& c) {
  return seal(kCheckpoint, {{"identity", c.identity},
                            {"epoch", c.epoch},
                            {"steps", c.steps},
                            {"sums", binary({c.loss, c.hits})},
                            {"channels", c.channels},
                            {"parameters", binary(c.parameters)},
                            {"first_moment", binary(c.first_moment)},
                            {"second_moment", binary(c.second_moment)}});
}

TrainingCheckpoint checkpoint_from_bytes(std::span<const std::uint8_t> bytes) {
  const json form = unseal(kCheckpoint, bytes, kSource);
  const auto refuse = [](const char* why) {
    return DataError(fmt::format("{}: the checkpoint cannot be read: {}", kSource, one_line(why)));
  };
  try {
    TrainingCheckpoint c;
    c.identity = form.at("identity").get<TrainingIdentity>();
    c.epoch = form.at("epoch");
    c.steps = form.at("steps");
    const std::vector<float> sums = floats(form.at("sums"));
    if (sums.size() != 2) throw DataError("it has no sums of an epoch");
    c.loss = sums[0];
    c.hits = sums[1];
    c.channels = form.at("channels").get<std::vector<std::int64_t>>();
    c.parameters = floats(form.at("parameters"));
    c.first_moment = floats(form.at("first_moment"));
    c.second_moment = floats(form.at("second_moment"));
    return c;
  } catch (const json::exception& error) {
    throw refuse(error.what());
  } catch (const DataError& error) {
    throw refuse(error.what());
  }
}

void check_identity(const TrainingCheckpoint& checkpoint, const TrainingIdentity& identity) {
  const auto text = [](const TrainingIdentity& all, const std::string& name) {
    const auto found = all.find(name);
    return found == all.end() ? std::string("unknown") : found->second;
  };
  TrainingIdentity names = identity;
  names.insert(checkpoint.identity.begin(), checkpoint.identity.end());
  for (const auto& [name, unused] : names) {
    const std::string there = text(checkpoint.identity, name), here = text(identity, name);
    if (there != here) {
      throw DataError(fmt::format(
          "{}: the checkpoint is of another one, whose {} is {}, while this one's is {}", kSource,
          name, there, here));
    }
  }
}

}  // namespace paretiny::train
