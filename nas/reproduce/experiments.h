// The paper's two searches: files of examples/, compiled in (nas/CMakeLists.txt).
#pragma once

namespace paretiny::reproduce {

extern const char* const kCifar10Experiment;
extern const char* const kDaliacExperiment;

}  // namespace paretiny::reproduce
