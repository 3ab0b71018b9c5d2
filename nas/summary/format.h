// Numbers and text as the report shows them.
#pragma once

#include <string>
#include <string_view>

#include "nas/study/study.h"

namespace paretiny::summary {

/// `value` for people: an error as "12.34 %", anything else as below; "–" for NaN.
std::string format_quantity(const study::Objective& objective, double value);

/// `value` with so many decimals; beyond 1e15, where those say nothing, as "1e+300".
std::string format_fixed(double value, int decimals);

/// "12.34 %" of 0.1234.
std::string format_percent(double share);

/// "36.1 KB": KB is 1000 B.
std::string format_bytes(double bytes);

/// "2.66 M", or with a unit "2.66 MFLOPs".
std::string format_count(double count, std::string_view unit = {});

/// "850 ms", "12.3 s", "4 min 5 s", "2 h 3 min".
std::string format_seconds(double seconds);

/// A metric by its name: "...accuracy..." and "...sparsity..." as a percentage, "...seconds..." as
/// a duration, "...bytes..." as bytes, anything else as a count.
std::string format_metric(std::string_view name, double value);

/// `text` with the characters that mean something to HTML replaced.
std::string escape_html(std::string_view text);

/// Shortest text that reads back to the same number; "" for NaN.
std::string shortest(double value);

}  // namespace paretiny::summary
