#include "nas/search/evaluation/kept_work.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <system_error>

#include "base/error.h"
#include "base/text_file.h"
#include "engine/sealed_document.h"
#include "kernels/core/random.h"
#include "nas/report/whole_file.h"
#include "nas/study/study_json.h"

namespace paretiny::search {
namespace {

using nlohmann::json;

constexpr std::string_view kSuffix = ".work";
constexpr DocumentKind kWork{"kept work", "PTNYWORK", 1};

json to_form(const KeptWork& work) {
  json epochs = json::array();
  for (const study::EpochRecord& record : work.epochs) {
    epochs.push_back(study::to_json(record));
  }
  json form = {{"trial", work.trial},
               {"owner", work.owner},
               {"epochs", epochs},
               {"checkpoint_epochs", work.checkpoint_epochs},
               {"checkpoint", json::binary(work.checkpoint)}};
  if (!work.end) return form;
  form["end"] = static_cast<int>(*work.end);
  form["objectives"] = work.result.objectives;
  form["metrics"] = work.result.metrics;
  form["reason"] = work.result.reason;
  form["model"] = json::binary(work.result.model);
  if (work.result.verdict) form["verdict"] = study::to_json(*work.result.verdict);
  return form;
}

KeptWork from_form(const json& form, std::size_t objectives) {
  KeptWork work;
  form.at("trial").get_to(work.trial);
  form.at("owner").get_to(work.owner);
  for (const json& epoch : form.at("epochs")) {
    work.epochs.push_back(study::epoch_from_json(epoch));
  }
  form.at("checkpoint_epochs").get_to(work.checkpoint_epochs);
  work.checkpoint = form.at("checkpoint").get_binary();
  if (!form.contains("end")) return work;
  work.end = static_cast<study::TrialState>(form.at("end").get<int>());
  form.at("objectives").get_to(work.result.objectives);
  form.at("metrics").get_to(work.result.metrics);
  form.at("reason").get_to(work.result.reason);
  work.result.model = form.at("model").get_binary();
  if (form.contains("verdict")) {
    work.result.verdict = study::verdict_from_json(form.at("verdict"), objectives);
  }
  return work;
}

KeptWork read_work(const std::filesystem::path& path, std::size_t objectives) {
  const std::optional<std::string> text = read_text(path);
  if (!text) throw DataError("it cannot be read");
  return from_form(
      unseal(kWork, {reinterpret_cast<const std::uint8_t*>(text->data()), text->size()},
             path.string()),
      objectives);
}

/// Whether the study took it.
bool tell_one(study::Study& study, const KeptWork& work) {
  for (const study::EpochRecord& record : work.epochs) {
    if (!study.add_epoch(work.trial, work.owner, record)) return false;
  }
  if (work.end) return study.conclude(work.trial, work.owner, *work.end, work.result);
  return study.keep_checkpoint(work.trial, work.owner, work.checkpoint_epochs, work.checkpoint) &&
         study.release(work.trial, work.owner);
}

}  // namespace

WorkKeeper::WorkKeeper(std::filesystem::path folder, const study::StudyHeader& study)
    : folder_(std::move(folder)),
      study_(fmt::format("{}-{:016x}", study.name, random_key(study.seed, study.created))) {}

std::filesystem::path WorkKeeper::file(std::int64_t trial) const {
  return folder_ / fmt::format("{}-{}{}", study_, trial, kSuffix);
}

void WorkKeeper::keep(const KeptWork& work) const {
  const std::vector<std::uint8_t> bytes = seal(kWork, to_form(work));
  try {
    report::make_folder(folder_);
    report::write_whole(file(work.trial),
                        {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } catch (const DataError&) {
    throw DataError(
        fmt::format("what is known of trial {} cannot be kept in '{}'; name a folder "
                    "that can be written: --keep",
                    work.trial, folder_.string()));
  }
}

void WorkKeeper::tell(study::Study& study,
                      const std::function<void(const std::string&)>& note) const {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(study_ + "-") && name.ends_with(kSuffix)) files.push_back(entry.path());
  }
  for (const std::filesystem::path& path : files) {
    try {
      const KeptWork work = read_work(path, study.header().objectives.size());
      const bool taken = tell_one(study, work);
      note(fmt::format("trial {}: {}", work.trial,
                       taken ? "what was kept while the server was gone is told"
                             : "another worker has it; what was kept of it is dropped"));
      std::filesystem::remove(path, error);
    } catch (const StoreError&) {
      throw;
    } catch (const std::exception& wrong) {
      note(fmt::format("'{}' is left alone: {}", path.string(), wrong.what()));
    }
  }
}

}  // namespace paretiny::search
