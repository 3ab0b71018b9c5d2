// Searches of several workers, each as slow as a test wants it.
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "tests/nas/search/search_fixture.h"

namespace paretiny::test {

class SearchJobs : public SearchTest {
 protected:
  /// With policies trained for a moment only: what they learn is not the matter here.
  experiment::Experiment load_jobs(int jobs, const std::vector<std::string>& more = {}) {
    std::vector<std::string> all{fmt::format("study.jobs={}", jobs), "sampler.policies=2",
                                 "sampler.steps=3", "study.initial=3"};
    all.insert(all.end(), more.begin(), more.end());
    return load(all);
  }

  /// Every step of worker i takes so long besides.
  void delay_workers(std::vector<int> delays) {
    auto next = std::make_shared<std::atomic<std::size_t>>(0);
    setup_.make_stream = [next, delays = std::move(delays)](Device) {
      const std::chrono::milliseconds delay(delays.at((*next)++ % delays.size()));
      return std::make_unique<SteppedStream>([delay] { std::this_thread::sleep_for(delay); });
    };
  }
};

}  // namespace paretiny::test
