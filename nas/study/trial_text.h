// A trial as the columns of a store hold it. Private to the stores.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "nas/study/study.h"

namespace paretiny::study {

/// Structures are JSON; what is not there is empty.
struct TrialText {
  std::int64_t number = 0;
  std::string state;
  std::string parameters;
  std::string objectives;
  std::string metrics;
  std::string reason;
  std::int64_t architecture = 0;
  std::int64_t seed = 0;
  std::int64_t attempts = 0;
  std::string owner;
  std::int64_t lease_until = 0;
  std::string started;
  std::string finished;
  std::string verdict;
};

TrialText text_of(const Trial& trial);

/// Of a study of so many objectives. Throws DataError for what cannot be read.
Trial trial_from(const TrialText& text, std::size_t objectives);

/// Throws DataError for a trial that a study of so many objectives cannot have: whoever reads one
/// counts on it.
void check_trial(const Trial& trial, std::size_t objectives);

/// A number of a JSON array of objectives; null is NaN.
double number_or_nan(const nlohmann::json& value);

/// Throws UsageError for a parameter that is not finite.
void check_values(std::int64_t number, const space::Values& values);
/// Throws UsageError for what Study::conclude cannot take in a study of so many objectives.
void check_result(std::int64_t number, TrialState end, const TrialResult& result,
                  std::size_t objectives);
/// Throws UsageError for a step that no trial of a study of so many objectives has.
void check_step(std::int64_t number, const StepRecord& record, std::size_t objectives);
/// Makes a stopped trial, or one that was wanted before and waits, one that is to be run to its
/// end. Throws UsageError for any other.
void make_wanted(Trial& trial);

}  // namespace paretiny::study
