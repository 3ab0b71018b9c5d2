// libpq with owners and exceptions; private to this folder.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "nas/study/location.h"

struct pg_conn;
struct pg_result;

namespace paretiny::study::postgres {

/// The server is gone, or lets nobody in for now. Whether what it was asked was done is not known.
class ConnectionLost : public StoreError {
  using StoreError::StoreError;
};

/// What a statement takes for $1, $2, ...: values never become part of its text.
class Parameters {
 public:
  Parameters& add(std::int64_t value);
  /// NaN becomes NULL.
  Parameters& add(double value);
  /// PostgreSQL takes UTF-8 without NUL: other bytes become U+FFFD.
  Parameters& add(std::string_view text);
  Parameters& add(std::span<const std::uint8_t> bytes);
  Parameters& add_null();

 private:
  friend class Connection;

  std::vector<std::string> values_;
  std::vector<bool> null_;
  std::vector<int> binary_;
};

/// What a statement gave.
class Rows {
 public:
  explicit Rows(pg_result* result);

  /// Whether the statement was carried out.
  bool good() const;
  const pg_result* get() const { return result_.get(); }
  int size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool null(int row, int column) const;
  std::int64_t integer(int row, int column) const;
  /// NaN for NULL.
  double real(int row, int column) const;
  /// "" for NULL.
  std::string text(int row, int column) const;
  std::vector<std::uint8_t> bytes(int row, int column) const;

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
  int size_ = 0;
};

/// Throws StoreError for a server, "150004" as libpq numbers it, that lacks what studies need.
void check_server_version(const Location& location, int version);

/// The server's process for a connection, and when it began, in us.
struct Backend {
  std::int64_t process = 0;
  std::int64_t began = 0;
};

/// An open connection. Throws StoreError, in a sentence that names the study, for what is wrong for
/// good, and ConnectionLost.
class Connection {
 public:
  enum class Mode { read, write };

  /// Waits no longer than that for a server that does not answer.
  Connection(const Location& location, Mode mode, std::chrono::milliseconds wait);

  /// Runs one statement, and returns once the server has done all that belongs to it: outside of a
  /// transaction, committed it.
  Rows run(const std::string& sql, const Parameters& parameters = {});

  const Backend& backend() const { return backend_; }
  /// Has the server end another connection of the same role, and waits until it has: one whose
  /// client is gone may still be in the middle of a statement. ConnectionLost if it takes too long.
  void end(const Backend& other);

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  using Clock = std::chrono::steady_clock;

  /// Throws UsageError for an address that libpq cannot read.
  void check_address() const;
  void connect(std::chrono::milliseconds wait);
  void set_up(Mode mode);
  /// Waits until the socket can be read, or written; false when the time is up.
  bool wait_for(bool writing, Clock::time_point end);
  /// What the server says next of the statement sent; null once it is ready for another.
  pg_result* next_result(Clock::time_point end);
  /// Throws what `answer` says that is no success.
  void check(const Rows& answer) const;

  Location location_;
  std::unique_ptr<pg_conn, Close> connection_;
  Backend backend_;
};

/// A transaction: rolled back unless committed.
class Transaction {
 public:
  Transaction(Connection& connection, const std::string& begin);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Connection& connection_;
  bool open_ = true;
};

}  // namespace paretiny::study::postgres
