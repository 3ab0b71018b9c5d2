// Text of statements. Private to this folder. All of it is the program's own: what comes from
// outside is a parameter.
#pragma once

#include <string>

namespace paretiny::study::postgres {

/// `text` with what stands in it for pieces that many statements share:
///   <now>    Unix time in ms, <stamp> the time as utc_now writes it, both by the server's clock
///   <trial>  a trial's columns, as trial_at reads them
///   <held>   that trial $2 of study $1 is run by $3, with token $4 unless that is null
std::string statement(std::string text);

}  // namespace paretiny::study::postgres
