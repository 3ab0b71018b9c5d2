// What the tests of studies in PostgreSQL share.
#pragma once

#include <fmt/core.h>

#include "nas/study/study.h"
#include "tests/nas/study/postgres_server.h"
#include "tests/nas/study/study_fixture.h"

namespace paretiny::study {

/// A study called as the test, on the process's own server.
class PostgresTest : public StudyTest {
 protected:
  void SetUp() override {
    StudyTest::SetUp();
    PARETINY_NEEDS_POSTGRES();
    server_ = test::PostgresServer::shared();
    place_ = server_->study(testing::UnitTest::GetInstance()->current_test_info()->name());
  }

  /// What opening `place` to write says, or "".
  std::string refusal_at(const Location& place, const StudyHeader& header = example_header()) {
    try {
      create_or_open_study(place, header);
    } catch (const StoreError& error) {
      return error.what();
    }
    return {};
  }
  std::int64_t count(const std::string& from) {
    return std::stoll(server_->psql("SELECT count(*) FROM " + from));
  }

  test::PostgresServer* server_ = nullptr;
  Location place_;
};

/// One with other tables, for tests that spoil them.
inline std::string other_database(const test::PostgresServer& server, const std::string& name) {
  server.psql("DROP DATABASE IF EXISTS " + name);
  server.psql("CREATE DATABASE " + name);
  return fmt::format("postgresql://paretiny@/{}?host={}", name, server.folder().string());
}

inline std::string psql_at(const std::string& uri, const std::string& sql) {
  const CommandResult result =
      run_command({"psql", uri, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql}, "/", "postgresql");
  EXPECT_EQ(result.code, 0) << result.output;
  return result.output;
}

}  // namespace paretiny::study
