// An experiment: the TOML file a user writes, checked and understood (docs/experiments.md).
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/compress/pruning_spec.h"
#include "engine/compress/quantize.h"
#include "engine/data/dataset.h"
#include "engine/deploy/plan/target.h"
#include "engine/models/model.h"
#include "engine/train/fine_tune.h"
#include "nas/space/space.h"
#include "nas/stopping/stop_spec.h"
#include "nas/study/location.h"

namespace paretiny::experiment {

/// Everything that makes one network: what a point of the space decodes to.
struct CandidateSpec {
  models::ModelSpec model;  ///< input and classes are the data set's, filled in when it is built
  train::TrainingSpec training;
  compress::PruningSpec pruning;
  compress::CalibrationSpec calibration;
  train::FineTuneSpec fine_tune{};
};

/// A limit of [constraints]: `value` in bytes, FLOPs, instructions or a share, `text` as the user
/// wrote it.
struct Limit {
  double value = 0;
  std::string text;
};

/// Limits on objectives, of [constraints].
struct Limits {
  std::optional<Limit> error;  ///< from `accuracy`: 1 - it
  std::optional<Limit> rom, ram, flops, instructions;
};

struct Experiment {
  std::string name;
  study::Location store;  ///< where the study is kept
  std::int64_t trials = 100;
  std::int64_t initial = 10;
  std::uint64_t seed = 0;
  /// Where it is given, what a training draws follows from this and the candidate alone, so that
  /// the same candidate gives the same result in every study.
  std::optional<std::uint64_t> training_seed;
  std::string sampler;         ///< samplers::kDefaultSampler where the file names none
  bool sampler_named = false;  ///< otherwise an existing study keeps its own
  std::map<std::string, double> sampler_options;
  int jobs = 1;               ///< candidates at a time; 0: as many as the device can well serve
  std::int64_t lag = 0;       ///< trials that a suggestion does not wait for; 0: as the jobs need
  bool async = false;         ///< suggestions are asked with all that is known, whatever the order
  bool instructions = false;  ///< they are the fifth objective
  /// Whose instructions are modelled: that of `target`, a core or a board.
  deploy::CoreClass core = deploy::CoreClass::dsp;
  /// Core or board that the front is verified on when the search ends, "" for none.
  std::string verify;
  stopping::StopSpec stop;  ///< which trials are ended early
  /// Minutes between checkpoints of a running trial; 0 for one after each epoch.
  double checkpoint = 5;
  data::DatasetSpec dataset;
  Limits limits;
  space::Space space;  ///< empty when the file has none: enough for `train`
  /// The [model], [training], [pruning] and [quantization] that a candidate's values are laid over.
  toml::table base;
  /// Canonical text of all that a trial's result depends on beside its values: data set, sampler
  /// options, initial trials and `base`. A study keeps it to refuse another's.
  std::string task;
  std::string text;  ///< the file as written, with its overrides

  /// The candidate for values of the space (or, without any, of the file alone).
  CandidateSpec candidate(const space::Values& values = {}) const;
};

/// Reads an experiment file. `overrides` are "key=value" pairs that win over the file; a key of the
/// space that is set becomes fixed. Throws UsageError with file, line and key for anything unknown
/// (naming the nearest), missing or out of range; DataError for a file that cannot be read or
/// parsed.
Experiment load_experiment(const std::filesystem::path& path,
                           const std::vector<std::string>& overrides = {});

/// The same from the text that a study kept, with the overrides that it ends with: those of here
/// win over them. Files that it names lie where they lay for whoever wrote it, seen from here.
Experiment experiment_of_study(const std::string& text, const std::string& source,
                               const std::vector<std::string>& overrides = {});

/// Candidates that a search may train at a time.
inline constexpr std::int64_t kMostJobs = 1024;

/// "256 KB" as bytes (KB = 1000, KiB = 1024, MB, MiB, B), "400 MFLOPs" as FLOPs (also kFLOPs,
/// GFLOPs; MMACs count twice), "80 %" as 0.8. Throws UsageError when the unit is missing or wrong.
double parse_bytes(const std::string& text);
double parse_flops(const std::string& text);
double parse_instructions(const std::string& text);  ///< "20 M" (also k, G) as 2e7
double parse_share(const std::string& text);

}  // namespace paretiny::experiment
