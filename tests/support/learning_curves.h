// Made learning curves of which it is known where they end.
#pragma once

#include <cmath>

#include "kernels/core/random.h"
#include "nas/stopping/stopping.h"

namespace paretiny::test {

/// A trial that falls from near 1 to its final error, exponentially and with noise: error, ROM and
/// RAM are its objectives, of which the error is open.
struct MadeTrial {
  double final_error = 0;
  stopping::StopTrial trial;  ///< finished
};

inline MadeTrial made_trial(std::uint64_t seed, std::int64_t number, std::size_t epochs = 16,
                            double noise = 0.02) {
  Random random(seed, "made curves", static_cast<std::uint64_t>(number));
  MadeTrial made;
  stopping::Course& course = made.trial.course;
  course.number = number;
  course.x = {random.uniform(), random.uniform(), random.uniform()};
  const double size = std::exp(2 * course.x[0]);
  made.final_error = 0.05 + 0.5 / size + 0.3 * course.x[1] + noise * std::abs(random.normal());
  const double rate = random.uniform(3, 6);
  for (std::size_t epoch = 1; epoch <= epochs; ++epoch) {
    const double fraction = static_cast<double>(epoch) / static_cast<double>(epochs);
    const double error = made.final_error +
                         (1 - made.final_error) * std::exp(-rate * fraction) * (1 - fraction) +
                         noise * random.normal() * (1 - fraction);
    course.curve.push_back({fraction, {error}, {2 * error}});
  }
  made.trial.objectives = {made.final_error, size / 10, 0.2 + 0.5 * course.x[2]};
  made.trial.finished = true;
  return made;
}

/// The same after `points` points, while it runs.
inline stopping::StopTrial running(const stopping::StopTrial& whole, std::size_t points) {
  stopping::StopTrial part = whole;
  part.finished = false;
  part.course.curve.resize(points);
  part.objectives[0] = std::nan("");
  return part;
}

/// Trials `first` .. `first + count - 1`, finished, that nothing could have stopped.
inline stopping::StopHistory made_history(std::uint64_t seed, std::int64_t first,
                                          std::int64_t count, std::size_t epochs = 16) {
  stopping::StopHistory history;
  history.open = {{0, 0.0}};
  history.reference = {1, 1, 1};
  history.seed = seed;
  for (std::int64_t i = first; i < first + count; ++i) {
    history.trials.push_back(made_trial(seed, i, epochs).trial);
  }
  return history;
}

/// Plays a trial against a history, as a search would; what is left of it.
inline stopping::StopTrial played(const stopping::StopSpec& spec,
                                  const stopping::StopHistory& history,
                                  const stopping::StopTrial& whole) {
  stopping::StopTrial now = running(whole, 0);
  now.verdict = stopping::enlist(spec, history, whole.course.number);
  for (const stopping::CurvePoint& point : whole.course.curve) {
    now.course.curve.push_back(point);
    now.verdict = stopping::judge(spec, history, now);
    if (now.verdict->choice == stopping::StopChoice::stop) return now;
  }
  now.finished = true;
  now.objectives = whole.objectives;
  return now;
}

}  // namespace paretiny::test
