#include "nas/study/postgres/connection.h"

#include <fmt/core.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "base/one_line.h"
#include "nas/study/postgres/refusal.h"

namespace paretiny::study::postgres {
namespace {

constexpr int kOldestServer = 130000;
/// Longer than the server lets a statement run: a connection that says nothing for so long is gone.
constexpr std::chrono::seconds kSilence{90};
/// A connection that is told to end rolls back, and does.
constexpr std::chrono::seconds kEnding{10};
constexpr std::chrono::milliseconds kLookAgain{5};

/// A server notices a client that is gone, a client a server: else a row stays locked for hours.
constexpr const char* kSetUp =
    "SELECT (SELECT (extract(epoch FROM backend_start) * 1000000)::bigint "
    "FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid()), "
    "set_config('statement_timeout', '60s', false), "
    "set_config('lock_timeout', '30s', false), "
    "set_config('idle_in_transaction_session_timeout', '60s', false), "
    "set_config('tcp_keepalives_idle', '10', false), "
    "set_config('tcp_keepalives_interval', '5', false), "
    "set_config('tcp_keepalives_count', '3', false), "
    "set_config('extra_float_digits', '1', false), "
    "set_config('bytea_output', 'hex', false), "
    "set_config('search_path', 'pg_catalog', false), "
    "set_config('default_transaction_isolation', 'read committed', false), "
    // What was told must survive a crash, whatever the role or the database prefers.
    "set_config('synchronous_commit', CASE current_setting('synchronous_commit') "
    "WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false), "
    "set_config('default_transaction_read_only', $1, false)";

[[noreturn]] void refuse_address(const Location& location, std::string why) {
  while (!why.empty() && why.back() == '\n') why.pop_back();
  throw UsageError(fmt::format("the address of the study '{}' cannot be read: {}", location.text(),
                               one_line(why)));
}

}  // namespace

void Connection::Close::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

void check_server_version(const Location& location, int version) {
  if (version >= kOldestServer) return;
  throw StoreError(
      fmt::format("the server of the study '{}' is PostgreSQL {}.{}; studies need {} or later",
                  location.text(), version / 10000, version % 10000, kOldestServer / 10000));
}

Connection::Connection(const Location& location, Mode mode, std::chrono::milliseconds wait)
    : location_(location) {
  connect(wait);
  check_server_version(location_, PQserverVersion(connection_.get()));
  set_up(mode);
}

void Connection::check_address() const {
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfoParse(location_.database().c_str(), &why), PQconninfoFree);
  const std::unique_ptr<char, void (*)(void*)> owned(why, PQfreemem);
  if (!options) refuse_address(location_, why != nullptr ? why : "no memory");
}

void Connection::connect(std::chrono::milliseconds wait) {
  check_address();
  // Later ones win, and the address's own win over those before it.
  const char* keywords[] = {
      "application_name", "keepalives_idle", "keepalives_interval", "keepalives_count",
      "tcp_user_timeout", "dbname",          "client_encoding",     nullptr};
  const char* values[] = {"paretiny", "10",   "5", "3", "30000", location_.database().c_str(),
                          "UTF8",     nullptr};
  connection_.reset(PQconnectStartParams(keywords, values, 1));
  if (!connection_) throw OutOfMemory("the host's memory is used up: no connection can be made");
  // A refused connection tells its SQLSTATE in its message alone.
  PQsetErrorVerbosity(connection_.get(), PQERRORS_VERBOSE);
  // What a server says beside its answers goes to nobody's terminal.
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  const Clock::time_point end = Clock::now() + wait;
  PostgresPollingStatusType next =
      PQstatus(connection_.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING) {
    if (!wait_for(next == PGRES_POLLING_WRITING, end)) {
      refuse(location_, "08001", "it does not answer");
    }
    next = PQconnectPoll(connection_.get());
  }
  if (next == PGRES_POLLING_OK) return;
  std::string message = PQerrorMessage(connection_.get());
  const std::string state = take_state(message);
  // libpq reads the values of an address, a port or an sslmode, when it connects.
  if (state.empty() && message.starts_with("invalid ")) refuse_address(location_, message);
  // Without a state no server has said it: there is none, or a password that it asks for is
  // missing.
  const bool lacking = message.find("password") != std::string::npos;
  refuse(location_, state.empty() ? (lacking ? "28P01" : "08001") : state, message);
}

void Connection::set_up(Mode mode) {
  Parameters reading;
  reading.add(std::string_view(mode == Mode::read ? "on" : "off"));
  // A server that is for reading alone says so at the first change.
  const Rows row = run(kSetUp, reading);
  backend_ = {PQbackendPID(connection_.get()), row.integer(0, 0)};
}

void Connection::end(const Backend& other) {
  const Clock::time_point end = Clock::now() + kEnding;
  while (!run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND "
              "(extract(epoch FROM backend_start) * 1000000)::bigint = $2",
              Parameters().add(other.process).add(other.began))
              .empty()) {
    if (Clock::now() > end) {
      refuse(location_, "08006", "the connection before is still at work");
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

bool Connection::wait_for(bool writing, Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  if (left.count() <= 0) return false;
  pollfd socket{PQsocket(connection_.get()), static_cast<short>(writing ? POLLOUT : POLLIN), 0};
  return ::poll(&socket, 1, static_cast<int>(left.count())) != 0 || Clock::now() < end;
}

Rows Connection::run(const std::string& sql, const Parameters& parameters) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (std::size_t i = 0; i < parameters.values_.size(); ++i) {
    values.push_back(parameters.null_[i] ? nullptr : parameters.values_[i].data());
    lengths.push_back(static_cast<int>(parameters.values_[i].size()));
  }
  pg_conn* connection = connection_.get();
  if (PQsendQueryParams(connection, sql.c_str(), static_cast<int>(values.size()), nullptr,
                        values.data(), lengths.data(), parameters.binary_.data(), 0) == 0) {
    refuse(location_, "08006", PQerrorMessage(connection));
  }
  // The server commits after it has answered and before it is ready for more: one that crashes in
  // between has answered what never happened. So an error after the answer is what counts.
  const Clock::time_point end = Clock::now() + kSilence;
  Rows answer(next_result(end));
  while (pg_result* more = next_result(end)) {
    Rows later(more);
    if (answer.good() && !later.good()) answer = std::move(later);
  }
  check(answer);
  return answer;
}

pg_result* Connection::next_result(Clock::time_point end) {
  pg_conn* connection = connection_.get();
  while (PQisBusy(connection) != 0) {
    if (!wait_for(false, end)) refuse(location_, "08006", "it does not answer");
    if (PQconsumeInput(connection) == 0) refuse(location_, "08006", PQerrorMessage(connection));
  }
  return PQgetResult(connection);
}

void Connection::check(const Rows& answer) const {
  if (answer.good()) return;
  const pg_result* result = answer.get();
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const bool lost = state == nullptr || PQstatus(connection_.get()) != CONNECTION_OK;
  refuse(location_, lost ? "08006" : state,
         message != nullptr ? message : PQerrorMessage(connection_.get()));
}

Transaction::Transaction(Connection& connection, const std::string& begin)
    : connection_(connection) {
  connection_.run(begin);
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    connection_.run("ROLLBACK");
  } catch (...) {
    // The server rolls back what nobody ends.
  }
}

void Transaction::commit() {
  open_ = false;
  connection_.run("COMMIT");
}

}  // namespace paretiny::study::postgres
