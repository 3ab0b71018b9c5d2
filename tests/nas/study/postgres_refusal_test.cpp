// Servers and addresses that a study in PostgreSQL cannot use, each refused in a sentence.
#include "nas/study/postgres/connection.h"
#include "nas/study/postgres/refusal.h"
#include "tests/nas/study/postgres_fixture.h"

namespace paretiny::study {
namespace {

using namespace std::chrono_literals;

class PostgresRefusalTest : public PostgresTest {};

TEST_F(PostgresRefusalTest, RefusesWhatItCannotUseInOneSentence) {
  server_->psql("DROP ROLE IF EXISTS reader");
  server_->psql("CREATE ROLE reader LOGIN");
  create_or_open_study(place_, example_header());
  const auto as = [&](const std::string& user) {
    return Location::in(server_->uri(user), place_.name());
  };
  EXPECT_SAYS(refusal_at(as("nobody_of_that_name")), "does not exist");
  EXPECT_SAYS(refusal_at(as("reader")), "permission denied");
  EXPECT_SAYS(refusal_at(as("reader")), "docs/scale.md");
  const std::string none = "postgresql://paretiny@/none?host=" + server_->folder().string();
  EXPECT_SAYS(refusal_at(Location::in(none, "a")), "\"none\" does not exist");
  EXPECT_SAYS(refusal_at("postgresql://paretiny@/paretiny?host=/nowhere&study=a"),
              "cannot be reached");
  EXPECT_SAYS(refusal_at("postgresql://127.0.0.1:1/x?study=a"), "cannot be reached");
  for (const char* wrong : {"nonsense=1", "port=x", "port=99999", "port=0", "sslmode=maybe",
                            "channel_binding=perhaps", "target_session_attrs=none"}) {
    EXPECT_THROW(open_study(fmt::format("postgresql://h/x?{}&study=a", wrong)), UsageError)
        << wrong;
  }
}

TEST_F(PostgresRefusalTest, AWrongPasswordIsSaidAndNeverShown) {
  server_->psql("DROP ROLE IF EXISTS guarded");
  server_->psql("CREATE ROLE guarded LOGIN PASSWORD 'right'");
  const fs::path rules = server_->folder() / "data" / "pg_hba.conf";
  const std::string before = slurp(rules);
  spill(rules, "local all guarded scram-sha-256\n" + before);
  server_->psql("SELECT pg_reload_conf()");
  const Location place = Location::in(server_->uri("guarded"), "a");
  ::unsetenv("PGPASSWORD");
  EXPECT_SAYS(refusal_at(place), "PGPASSWORD");
  ::setenv("PGPASSWORD", "hunter2", 1);
  const std::string said = refusal_at(place);
  ::unsetenv("PGPASSWORD");
  EXPECT_SAYS(said, "authentication failed");
  EXPECT_EQ(said.find("hunter2"), std::string::npos);
  spill(rules, before);
  server_->psql("SELECT pg_reload_conf()");
}

TEST_F(PostgresRefusalTest, RefusesDatabasesOfSomethingElseAndOtherSchemas) {
  const std::string uri = other_database(*server_, "cats");
  const Location place = Location::in(uri, "a");
  psql_at(uri, "CREATE SCHEMA paretiny; CREATE TABLE paretiny.cats (id int)");
  EXPECT_SAYS(refusal_at(place), "of something else");
  psql_at(uri, "DROP SCHEMA paretiny CASCADE");
  create_or_open_study(place, example_header());
  psql_at(uri, "UPDATE paretiny.schema SET version = 99");
  EXPECT_SAYS(refusal_at(place), "has schema 99");
  EXPECT_THROW(open_study(place), StoreError);
  psql_at(uri, "UPDATE paretiny.schema SET version = 0");
  EXPECT_SAYS(refusal_at(place), "has schema 0");
  psql_at(uri, "UPDATE paretiny.schema SET version = 2");
  psql_at(uri, "ALTER TABLE paretiny.trials RENAME COLUMN token TO tokens");
  const auto study = find_study(place);
  try {
    (void)study->claim({me_, 1h});
    ADD_FAILURE() << "its tables are not ours";
  } catch (const StoreError& error) {
    EXPECT_SAYS(std::string(error.what()), "other tables");
  }
}

TEST_F(PostgresRefusalTest, AServerThatIsTooOldIsRefused) {
  EXPECT_NO_THROW(postgres::check_server_version(place_, 150004));
  EXPECT_NO_THROW(postgres::check_server_version(place_, 130000));
  try {
    postgres::check_server_version(place_, 120017);
    ADD_FAILURE() << "it has no transaction numbers that do not wrap";
  } catch (const StoreError& error) {
    EXPECT_SAYS(std::string(error.what()), "is PostgreSQL 12.17; studies need 13 or later");
  }
}

TEST(PostgresRefusal, FindsTheStateInAVerboseMessage) {
  std::string message =
      "connection to server on socket \"/x: y\" failed: FATAL:  28P01: password authentication "
      "failed";
  EXPECT_EQ(postgres::take_state(message), "28P01");
  EXPECT_SAYS(message, "FATAL:  password authentication failed");
  message = "could not connect:  nothing there";
  EXPECT_EQ(postgres::take_state(message), "");
  message = "FATAL:  ";
  EXPECT_EQ(postgres::take_state(message), "");
}

}  // namespace
}  // namespace paretiny::study
