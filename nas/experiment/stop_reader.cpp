#include "nas/experiment/stop_reader.h"

namespace paretiny::experiment {
namespace {

/// More decisions than that cost more than they save.
constexpr std::size_t kMostFractions = 100;

}  // namespace

stopping::StopSpec read_stop(TableReader& study) {
  stopping::StopSpec spec;
  const std::vector<std::string> methods = {"off", "hypervolume", "asha"};
  spec.method = *stopping::stop_method(methods[study.choice("stop", methods, methods[0])]);
  spec.fractions = study.numbers("stop_fractions", spec.fractions, 0, 1);
  spec.alpha = study.number("stop_alpha", spec.alpha, 0, 1);
  spec.delta = study.number("stop_delta", spec.delta, 0, 1);
  spec.run_on = study.number("stop_run_on", spec.run_on, 0, 1);
  spec.eta = study.number("stop_eta", spec.eta, 1, 1000);
  if (!(spec.alpha > 0 && spec.alpha < 1)) {
    study.fail("stop_alpha", "must be above 0 and below 1");
  }
  if (!(spec.eta > 1)) study.fail("stop_eta", "must be above 1");
  if (spec.fractions.empty() || spec.fractions.size() > kMostFractions) {
    study.fail("stop_fractions", "must be a list of 1 to 100 numbers such as [0.25, 0.5]");
  }
  double last = 0;
  for (const double fraction : spec.fractions) {
    if (!(fraction > last && fraction < 1)) {
      study.fail("stop_fractions", "must rise, from above 0 to below 1, such as [0.25, 0.5]");
    }
    last = fraction;
  }
  return spec;
}

}  // namespace paretiny::experiment
