#include "base/version.h"

#include "paretiny_commit.h"

namespace paretiny {

std::string program_version() {
  return PARETINY_VERSION;
}
std::string program_commit() {
  return PARETINY_COMMIT;
}
std::string program_description() {
  return "paretiny " + program_version() + " (" + program_commit() + ", " + PARETINY_BUILD_OPTIONS +
         ")";
}

}  // namespace paretiny
