#include "nas/search/evaluation/evaluation_store.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text_file.h"
#include "engine/sealed_document.h"
#include "kernels/core/random.h"
#include "nas/report/whole_file.h"
#include "nas/study/study_json.h"

namespace paretiny::search {
namespace {

using nlohmann::json;

constexpr DocumentKind kEvaluation{"evaluation", "PTNYEVAL", 1};

KeptEvaluation evaluation_of(const json& form) {
  KeptEvaluation evaluation;
  for (const json& epoch : form.at("epochs"))
    evaluation.epochs.push_back(study::epoch_from_json(epoch));
  evaluation.metrics = form.at("metrics").get<std::map<std::string, double>>();
  evaluation.model = form.at("model").get_binary();
  return evaluation;
}

}  // namespace

EvaluationStore::EvaluationStore(std::filesystem::path folder) : folder_(std::move(folder)) {
  report::make_folder(folder_);
}

std::filesystem::path EvaluationStore::file(const EvaluationKey& key) const {
  return folder_ / fmt::format("{:016x}.evaluation", random_key(0, json(key).dump()));
}

std::optional<KeptEvaluation> EvaluationStore::find(const EvaluationKey& key) const {
  const std::filesystem::path path = file(key);
  const std::optional<std::string> text = read_text(path);
  if (!text) return std::nullopt;
  try {
    const json form =
        unseal(kEvaluation, {reinterpret_cast<const std::uint8_t*>(text->data()), text->size()},
               path.string());
    // The name is a hash: two keys may have one.
    if (form.at("key").get<EvaluationKey>() != key) return std::nullopt;
    return evaluation_of(form);
  } catch (const DataError&) {
  } catch (const json::exception&) {
  }
  return std::nullopt;
}

void EvaluationStore::keep(const EvaluationKey& key, const KeptEvaluation& evaluation) const {
  json epochs = json::array();
  for (const study::EpochRecord& record : evaluation.epochs)
    epochs.push_back(study::to_json(record));
  const std::vector<std::uint8_t> bytes =
      seal(kEvaluation, {{"key", key},
                         {"epochs", epochs},
                         {"metrics", evaluation.metrics},
                         {"model", json::binary(evaluation.model)}});
  report::write_whole(file(key), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace paretiny::search
