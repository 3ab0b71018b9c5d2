// The keys of [study] that say which trials are stopped early.
#pragma once

#include "nas/experiment/table_reader.h"
#include "nas/stopping/stop_spec.h"

namespace paretiny::experiment {

/// Reads `stop`, `stop_fractions`, `stop_alpha`, `stop_delta`, `stop_run_on` and `stop_eta`. Throws
/// UsageError for a value that no rule has.
stopping::StopSpec read_stop(TableReader& study);

}  // namespace paretiny::experiment
