#include "tests/support/shared.h"

#include <gtest/gtest.h>

namespace paretiny::test {
namespace {

TEST(Shared, TheEnvironmentNamesAnotherFolder) {
  const char* given = std::getenv("PARETINY_SHARED");
  const std::string before = given == nullptr ? "" : given;
  setenv("PARETINY_SHARED", "/sent/along", 1);
  EXPECT_EQ(shared("vectors/int8"), "/sent/along/vectors/int8");
  unsetenv("PARETINY_SHARED");
  EXPECT_EQ(shared("vectors/int8"), std::filesystem::path(PARETINY_SHARED) / "vectors/int8");
  if (given != nullptr) setenv("PARETINY_SHARED", before.c_str(), 1);
}

}  // namespace
}  // namespace paretiny::test
