#include "nas/search/version.h"

#include "paretiny_commit.h"

namespace paretiny {

std::string program_version() {
  return PARETINY_VERSION;
}
std::string program_commit() {
  return PARETINY_COMMIT;
}

}  // namespace paretiny
