// From a specification to numbers: what a candidate will take, known before training, and what it
// achieves, known after.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "engine/deploy/deployed_model.h"
#include "engine/deploy/plan/footprint.h"
#include "engine/train/trainer.h"
#include "nas/experiment/experiment.h"

namespace paretiny::search {

/// A candidate before training.
struct Sketch {
  experiment::CandidateSpec spec;
  graph::Graph graph;           ///< as training starts
  graph::Graph final_graph;     ///< as pruning leaves it
  deploy::Footprint footprint;  ///< of final_graph
  std::uint64_t hash;           ///< of all that its training depends on but the seed
};

/// `core`: whose instructions are modelled. Throws UsageError when the model cannot be built for
/// the data set.
Sketch sketch(const experiment::CandidateSpec& spec, const data::Dataset& dataset,
              deploy::CoreClass core = deploy::CoreClass::dsp);

/// A candidate after training. Accuracies are shares; "selection" is the validation split or, where
/// there is none, the test split.
struct CandidateResult {
  graph::Network network;  ///< as training leaves it, not fine-tuned for int8
  compress::Int8Network int8;
  double float_accuracy = 0;  ///< selection split
  double int8_accuracy = 0;   ///< selection split, computed in integers: the objective is 1 - this
  double float_test_accuracy = 0;
  double int8_test_accuracy = 0;
  double training_seconds = 0;  ///< up to the int8 network
  std::size_t planned_bytes = 0;
};

/// Bytes that evaluate_candidate takes at a time, beside the data, as far as they are planned.
/// Throws UsageError as it does.
std::size_t planned_bytes(Stream& stream, const data::ResidentDataset& data, const Sketch& sketch);

/// Trains, prunes, fine-tunes for int8 where the candidate says so, quantizes and measures. Throws
/// what `train` throws. `continuation` is of the training; what follows it begins anew.
CandidateResult evaluate_candidate(Stream& stream, const data::ResidentDataset& data,
                                   const Sketch& sketch, std::uint64_t seed,
                                   const std::function<void(const train::EpochReport&)>& report,
                                   std::stop_token stop,
                                   const train::Continuation& continuation = {});

/// The int8 network with what its caller must know of the data set. `name` is for people.
deploy::DeployedModel deployed_model(const std::string& name, const compress::Int8Network& int8,
                                     const data::Dataset& dataset);

/// The study's record of a result, by name.
std::map<std::string, double> metrics_of(const Sketch& sketch, const CandidateResult& result);
std::map<std::string, double> metrics_of(const Sketch& sketch);

}  // namespace paretiny::search
