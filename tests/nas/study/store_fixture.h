// A study in each kind of store, for the tests that hold for all of them.
#pragma once

#include "tests/nas/study/postgres_server.h"
#include "tests/nas/study/study_fixture.h"

namespace paretiny::study {

/// The parameter is the kind: "Sqlite" or "Postgres".
class StoreTest : public StudyTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    StudyTest::SetUp();
    place_ = path_;
    if (std::string(GetParam()) != "Postgres") return;
    PARETINY_NEEDS_POSTGRES();
    std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    place_ = test::PostgresServer::shared()->study(name.substr(0, name.find('/')));
  }

  Location place_;
};

#define PARETINY_IN_EVERY_STORE(suite)                                           \
  INSTANTIATE_TEST_SUITE_P(Stores, suite, testing::Values("Sqlite", "Postgres"), \
                           [](const auto& tested) { return std::string(tested.param); })

}  // namespace paretiny::study
