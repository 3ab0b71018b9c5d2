// Objective vectors in a text file, as spreadsheets, numpy.savetxt and one's own programs write it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "nas/pareto/pareto.h"

namespace paretiny::cli {

/// "1,2.5,-3": finite decimal numbers with one kind of separator (',', ';', a tab or blanks)
/// between. Throws UsageError, which begins with `what`, for anything else.
std::vector<double> parse_point(const std::string& text, const std::string& what);

/// The points of a file, a pipe or, for "-", the standard input: one a line, written as above, all
/// with the same separator; numbers may stand in quotes. A first line in which every field is a
/// name is skipped, as are blank lines, lines that begin with
/// '#' and a byte-order mark. Throws DataError, naming the line, for anything else, for a line that
/// does not have `objectives` numbers, and for a file without any.
pareto::Points read_points(const std::filesystem::path& file, std::size_t objectives);

}  // namespace paretiny::cli
