// Trials of a made-up law, and the header of their study, for the tests of reports.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/core/random.h"
#include "nas/study/study.h"

namespace paretiny::test {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

inline study::StudyHeader example_header() {
  study::StudyHeader header;
  header.name = "wrist <sensor> & \"gesture\"";
  header.space = "\"width\" real 0.1 1 log\n";
  header.objectives = {{"error", "", 0.5, "", {}, study::Measure::share},
                       {"rom", "B", 256000.0, "256 KB", {}, study::Measure::size},
                       {"ram", "B", 64000.0, "64 KB", {}, study::Measure::size},
                       {"flops", "", {}, "", {}, study::Measure::size}};
  header.task = "synthetic imu, mobilenet_v3";
  header.seed = 1;
  header.sampler = "ars";
  header.experiment = "[study]\nname = \"</pre><script>alert(1)</script>\"\n";
  header.version = "0.1.0";
  return header;
}

/// A trial of a made-up law: wider is better and bigger, depth helps a little, `idle` does nothing.
inline study::Trial made_trial(std::int64_t number, Random& random) {
  study::Trial trial;
  trial.number = number;
  const double width = std::exp(random.uniform(std::log(0.1), 0.0));
  const auto depth = static_cast<std::int64_t>(1 + random.below(5));
  const bool wide = random.below(2) == 1;
  trial.values = {{"width", width},
                  {"depth", depth},
                  {"kernel", std::string(wide ? "wide" : "narrow")},
                  {"idle", random.uniform()}};
  const double size = width * width * static_cast<double>(2 + depth) * (wide ? 1.6 : 1.0);
  trial.objectives = {0.05 + 0.05 / (width + 0.1) + 0.02 * random.uniform(), 90000 * size + 6000,
                      70000 * width, 4e6 * size};
  trial.state = study::TrialState::done;
  trial.metrics = {{"accuracy_float", 1 - trial.objectives[0] + 0.004}, {"seconds", 3.5}};
  trial.started = "2026-01-01T00:00:00.000Z";
  trial.finished = "2026-01-01T00:00:03.500Z";
  if (trial.objectives[1] > 262144 || trial.objectives[2] > 65536) {
    trial.state = study::TrialState::infeasible;
    trial.objectives[0] = kNan;
    trial.reason = "too big, \"really\"";
    trial.metrics.clear();
  }
  return trial;
}

inline std::vector<study::Trial> made_trials(std::int64_t count, std::uint64_t seed = 3) {
  Random random(seed, "made study");
  std::vector<study::Trial> trials;
  for (std::int64_t i = 0; i < count; ++i) trials.push_back(made_trial(i, random));
  return trials;
}

}  // namespace paretiny::test
