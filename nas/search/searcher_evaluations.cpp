// What a search takes from evaluations that it shares with others, and what it gives to them.
#include "base/version.h"
#include "engine/deploy/formats/model_file.h"
#include "engine/train/checkpoint.h"
#include "nas/search/evaluation/evaluation_store.h"
#include "nas/search/searcher.h"

namespace paretiny::search {

bool Searcher::shares() const {
  // A trial that a rule may stop depends on what was known then, not on the candidate alone.
  return setup_.evaluations != nullptr && experiment_.stop.method == stopping::StopMethod::off;
}

EvaluationKey Searcher::evaluation_key(const Worker& worker, const study::Trial& trial,
                                       const Sketch& plan) const {
  EvaluationKey key = train::training_identity(*worker.stream, *worker.site.data, plan.graph,
                                               plan.spec.training, plan.spec.pruning, trial.seed);
  key.erase("threads");  // what a training gives does not depend on them
  key["candidate"] = std::to_string(plan.hash);
  key["core"] = std::to_string(static_cast<int>(experiment_.core));
  key["samples"] = study_.header().data;
  key["program"] = program_commit();
  return key;
}

bool Searcher::take_known(const Worker& worker, const study::Trial& trial, const Sketch& plan) {
  if (!shares()) return false;
  std::optional<KeptEvaluation> known =
      setup_.evaluations->find(evaluation_key(worker, trial, plan));
  if (!known) return false;
  try {
    deploy::DeployedModel model = deploy::model_from_bytes(known->model, "an evaluation");
    model.name = model_name(trial);
    known->model = deploy::to_bytes(model);
  } catch (const DataError&) {
    return false;
  }
  const std::string& owner = worker.lease.owner;
  // A checkpoint of an earlier attempt has epochs behind it.
  bool held = study_.begin_anew(trial.number, owner);
  for (const study::EpochRecord& record : known->epochs) {
    held = held && study_.add_epoch(trial.number, owner, record);
  }
  if (held) {
    conclude_measured(worker, trial, plan, known->metrics, std::move(known->model));
  } else {
    observer_.trial_lost(trial);
  }
  return true;
}

void Searcher::share(const Worker& worker, const study::Trial& trial, const Sketch& plan,
                     const std::map<std::string, double>& metrics,
                     const std::vector<std::uint8_t>& model) {
  if (!shares()) return;
  try {
    setup_.evaluations->keep(evaluation_key(worker, trial, plan),
                             {study_.epochs(trial.number), metrics, model});
  } catch (const DataError& error) {
    // It costs others a training, not this trial its result.
    observer_.note(std::string("an evaluation is not kept for other searches: ") + error.what());
  }
}

}  // namespace paretiny::search
