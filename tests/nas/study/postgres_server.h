// A server of PostgreSQL for a test: scripts/postgres in a folder of its own, by a Unix socket.
#pragma once

#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "base/command.h"
#include "nas/study/location.h"

namespace paretiny::test {

class PostgresServer {
 public:
  /// The process's own, started when it is first asked for and ended with the process; null, with
  /// the reason in `why_not`, where PostgreSQL is not installed or this program cannot speak to it.
  static PostgresServer* shared() {
    static const std::unique_ptr<PostgresServer> server = start_one();
    return server.get();
  }
  static std::string& why_not() {
    static std::string why;
    return why;
  }

  explicit PostgresServer(std::filesystem::path folder) : folder_(std::move(folder)) {}
  ~PostgresServer() {
    if (getpid() != owner_) return;  // a fork of the test
    (void)script("kill");
    std::filesystem::remove_all(folder_);
  }
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  void start() const { ASSERT_EQ(script("start").code, 0); }
  void stop() const { ASSERT_EQ(script("stop").code, 0); }
  /// As a crash would.
  void kill() const { ASSERT_EQ(script("kill").code, 0); }

  std::string uri(const std::string& user = "paretiny") const {
    return "postgresql://" + user + "@/paretiny?host=" + folder_.string();
  }
  study::Location study(const std::string& name) const { return study::Location::in(uri(), name); }
  const std::filesystem::path& folder() const { return folder_; }

  /// What psql prints for `sql`, as whoever owns the database.
  std::string psql(const std::string& sql) const {
    const CommandResult result = run_command(
        {"psql", uri(), "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql}, "/", "postgresql");
    EXPECT_EQ(result.code, 0) << result.output;
    return result.output.substr(0, result.output.find_last_not_of('\n') + 1);
  }

 private:
  CommandResult script(const std::string& action) const { return script(action, folder_); }
  static CommandResult script(const std::string& action, const std::filesystem::path& folder) {
    ::setenv("PARETINY_POSTGRES_OPTIONS", "-c fsync=off", 1);
    return run_command({PARETINY_SOURCE "/scripts/postgres", action, folder.string()}, "/", "bash");
  }

  /// Making a database takes seconds, copying one does not: the first of all tests makes it.
  static std::unique_ptr<PostgresServer> start_one() {
#ifndef PARETINY_LIBPQ
    why_not() = "this build is without libpq";
    return nullptr;
#endif
    namespace fs = std::filesystem;
    const fs::path kept = PARETINY_BIN "/../postgres-template";
    const fs::path folder = fs::temp_directory_path() / ("paretiny_pg_" + std::to_string(getpid()));
    fs::remove_all(folder);
    const int lock = ::open((kept.string() + ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    ::flock(lock, LOCK_EX);
    CommandResult made;
    if (!fs::exists(kept / "data" / "postgresql.conf")) {
      fs::remove_all(kept);
      const fs::path first = folder.string() + "_first";
      made = script("start", first);
      if (made.code == 0) made = script("stop", first);
      if (made.code == 0)
        made = run_command({"cp", "-a", first.string(), kept.string()}, "/", "cp");
      fs::remove_all(first);
    }
    ::close(lock);
    if (made.code == 0) {
      made = run_command({"cp", "-a", kept.string(), folder.string()}, "/", "cp");
    }
    if (made.code == 0) made = script("start", folder);
    if (made.code == 0) return std::make_unique<PostgresServer>(folder);
    why_not() = made.output;
    EXPECT_EQ(made.code, 125) << made.output;
    return nullptr;
  }

  const std::filesystem::path folder_;
  const pid_t owner_ = getpid();
};

/// For the head of a test.
#define PARETINY_NEEDS_POSTGRES()                              \
  if (paretiny::test::PostgresServer::shared() == nullptr) {   \
    GTEST_SKIP() << paretiny::test::PostgresServer::why_not(); \
  }

}  // namespace paretiny::test
