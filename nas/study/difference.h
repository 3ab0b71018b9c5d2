// What two studies differ in, for a message. Private to this folder.
#pragma once

#include <string>

namespace paretiny::study {

/// One sentence on the first difference of two canonical texts, of an entry a line: "the task is
/// 'dataset.validation = 0.25' in the study and 'dataset.validation = 0.5' now". Lines are matched
/// by what they name: the key before '=', under the [table] they stand in, else the first word.
std::string difference(const std::string& what, const std::string& stored,
                       const std::string& wanted);

}  // namespace paretiny::study
