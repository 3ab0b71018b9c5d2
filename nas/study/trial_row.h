// A trial as a row of the store. Private to it.
#pragma once

#include <string>
#include <string_view>

#include "nas/study/sqlite.h"
#include "nas/study/study.h"

namespace paretiny {

/// The statement whose rows trial_of reads: the trials that match `condition`, by number.
std::string select_trials(std::string_view condition);

/// The row that `rows` is at, of a study of so many objectives. Throws DataError for one that
/// cannot be read, has another checksum, or says what no trial can.
Trial trial_of(const Statement& rows, std::size_t objectives);

void save_trial(Database& database, const Trial& trial);

}  // namespace paretiny
