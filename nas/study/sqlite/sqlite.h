// SQLite with owners and exceptions; private to the study's store.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace paretiny::study {

class Database;

/// A prepared statement, bound once and stepped through.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// Binds the next parameter. NaN becomes NULL.
  Statement& bind(std::int64_t value);
  Statement& bind(double value);
  Statement& bind(std::string_view value);
  Statement& bind(std::span<const std::uint8_t> bytes);

  /// Goes to the next row; false after the last.
  bool step();

  std::int64_t integer(int column) const;
  /// NaN for NULL.
  double real(int column) const;
  std::string text(int column) const;
  std::vector<std::uint8_t> bytes(int column) const;

 private:
  void check_memory(bool null) const;

  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
};

/// A connection. Everything throws StoreError naming the file, what is wrong and what to do, and
/// OutOfMemory.
class Database {
 public:
  enum class Mode { read, write, create };

  /// `create` makes the file if need be; `read` changes nothing that is recorded.
  Database(std::filesystem::path path, Mode mode);

  void execute(std::string_view sql);
  /// The first column of a statement's first row.
  std::int64_t integer(std::string_view sql);
  std::string text(std::string_view sql);

  /// Changes the database to WAL mode, waiting for whoever else is at it.
  void use_write_ahead_log();
  /// Brings what was committed from the log to the database's own file, and empties the log. Waits
  /// a moment for whoever reads from the log; leaves it as it is when they take longer, since
  /// nothing is lost by that.
  void empty_log();

  const std::filesystem::path& path() const { return path_; }
  sqlite3* get() const { return handle_.get(); }

  /// Throws what a result code means.
  [[noreturn]] void fail(int code) const;
  /// Throws that the file is damaged, and `how` that shows.
  [[noreturn]] void damaged(const std::string& how) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };

  void open(const std::string& name, int flags);

  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

/// Reads as of one moment, whatever others write meanwhile.
class Snapshot {
 public:
  explicit Snapshot(Database& database) : database_(database) { database_.execute("BEGIN"); }
  ~Snapshot();
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  Database& database_;
};

/// A write transaction: takes the writer's lock at once, rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {
    database_.execute("BEGIN IMMEDIATE");
  }
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() { database_.execute("COMMIT"); }

 private:
  Database& database_;
};

}  // namespace paretiny::study
