// A test problem as a study, for comparisons whose trials cost nothing.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include "kernels/core/device.h"
#include "nas/problems/problem.h"
#include "nas/search/session.h"
#include "nas/study/study.h"

namespace paretiny::reproduce {

class ProblemStudy {
 public:
  /// Throws UsageError for a problem or sampler that there is not.
  ProblemStudy(const std::string& problem, const std::string& sampler, std::uint64_t seed,
               Device device);

  study::StudyHeader header() const { return search::header_of(spec_, device_); }
  /// Runs trials until `study`, whose file is `store`, has so many; false on a stop request before
  /// that. One process at a time.
  [[nodiscard]] bool run(study::Study& study, const std::filesystem::path& store,
                         std::int64_t trials, std::stop_token stop) const;

 private:
  void evaluate(study::Study& study, const study::Trial& trial, const std::string& owner) const;

  const problems::Problem problem_;
  const Device device_;
  search::StudySpec spec_;
};

}  // namespace paretiny::reproduce
