#include "nas/study/sqlite/sqlite.h"

#include <fmt/core.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/one_line.h"
#include "nas/study/damage.h"

namespace paretiny::study {
namespace {

/// How long a command waits for another process that writes, whose changes take milliseconds.
constexpr int kBusyMs = 10000;
/// How long a change waits for readers to let go of the log.
constexpr int kEmptyLogMs = 1000;

/// The absolute `path` as the path of an SQLite URI.
std::string uri_path(const std::filesystem::path& path) {
  std::string result;
  for (const char c : path.string()) {
    if (c == '%' || c == '?' || c == '#') {
      result += fmt::format("%{:02X}", static_cast<unsigned>(c));
    } else {
      result += c;
    }
  }
  return result;
}

/// Whether this process may write files up to a size alone (`ulimit -f`).
bool limits_file_sizes() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

}  // namespace

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  const int code = sqlite3_prepare_v2(database.get(), sql.data(), static_cast<int>(sql.size()),
                                      &statement_, nullptr);
  if (code != SQLITE_OK) database.fail(code);
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::bind(std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_, ++bound_, value);
  if (code != SQLITE_OK) database_.fail(code);
  return *this;
}

Statement& Statement::bind(double value) {
  const int code = sqlite3_bind_double(statement_, ++bound_, value);
  if (code != SQLITE_OK) database_.fail(code);
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  const int code = sqlite3_bind_text64(statement_, ++bound_, value.data(), value.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) database_.fail(code);
  return *this;
}

Statement& Statement::bind(std::span<const std::uint8_t> bytes) {
  const int code =
      sqlite3_bind_blob64(statement_, ++bound_, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) database_.fail(code);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_.fail(code);
  return false;
}

/// SQLite gives null for a value that it has no memory for, as it does for NULL and "".
void Statement::check_memory(bool null) const {
  if (null && sqlite3_errcode(database_.get()) == SQLITE_NOMEM) database_.fail(SQLITE_NOMEM);
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Statement::real(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL
             ? std::numeric_limits<double>::quiet_NaN()
             : sqlite3_column_double(statement_, column);
}

std::vector<std::uint8_t> Statement::bytes(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  check_memory(data == nullptr);
  return {data, data + sqlite3_column_bytes(statement_, column)};
}

std::string Statement::text(int column) const {
  const unsigned char* bytes = sqlite3_column_text(statement_, column);
  check_memory(bytes == nullptr);
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes ? std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size))
               : std::string();
}

void Database::Close::operator()(sqlite3* handle) const {
  sqlite3_close_v2(handle);
}

Database::Database(std::filesystem::path path, Mode mode) : path_(std::move(path)) {
  if (path_.empty()) throw UsageError("the path of a study's file is empty");
  // Without links, since SQLite's own files lie beside the file itself; absolute, since SQLite
  // takes names such as ":memory:" for no file at all.
  std::error_code unknown;
  std::filesystem::path file = std::filesystem::absolute(path_);
  const std::filesystem::path target = std::filesystem::weakly_canonical(file, unknown);
  if (!unknown) file = target;
  // SQLite would take a device for an empty database, and leave its journal in the device's folder.
  if (std::filesystem::exists(file, unknown) && !std::filesystem::is_regular_file(file, unknown)) {
    throw StoreError(
        fmt::format("'{}' is no regular file, so no study can be kept in it", path_.string()));
  }
  if (mode != Mode::read) {
    open(file.string(), SQLITE_OPEN_READWRITE | (mode == Mode::create ? SQLITE_OPEN_CREATE : 0));
    return;
  }
  // A connection that may not write would leave the -wal and -shm files behind that it reads by.
  open(file.string(), SQLITE_OPEN_READWRITE);
  sqlite3_exec(get(), "PRAGMA query_only = ON", nullptr, nullptr, nullptr);
  // Where the folder cannot be written there are no such files. With nothing in the log the file
  // itself is the whole database.
  sqlite3_exec(get(), "SELECT count(*) FROM sqlite_schema", nullptr, nullptr, nullptr);
  const int code = sqlite3_errcode(get()) & 0xFF;
  const auto log = std::filesystem::file_size(file.string() + "-wal", unknown);
  if ((code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && (unknown || log == 0)) {
    open(fmt::format("file:{}?immutable=1", uri_path(file)),
         SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
  }
}

void Database::open(const std::string& name, int flags) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &raw, flags | SQLITE_OPEN_EXRESCODE, nullptr);
  handle_.reset(raw);
  if (code != SQLITE_OK) fail(code);
  sqlite3_busy_timeout(raw, kBusyMs);
}

void Database::execute(std::string_view sql) {
  Statement statement(*this, sql);
  while (statement.step()) {
  }
}

std::int64_t Database::integer(std::string_view sql) {
  Statement statement(*this, sql);
  statement.step();
  return statement.integer(0);
}

std::string Database::text(std::string_view sql) {
  Statement statement(*this, sql);
  statement.step();
  return statement.text(0);
}

void Database::use_write_ahead_log() {
  // SQLite refuses this change at once, without the busy timeout, when two ask for it together.
  constexpr int kPauseMs = 10;
  for (int waited = 0;; waited += kPauseMs) {
    const int code = sqlite3_exec(get(), "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return;
    if ((code & 0xFF) != SQLITE_BUSY || waited >= kBusyMs) fail(code);
    sqlite3_sleep(kPauseMs);
  }
}

void Database::empty_log() {
  sqlite3_busy_timeout(get(), kEmptyLogMs);
  sqlite3_wal_checkpoint_v2(get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  sqlite3_busy_timeout(get(), kBusyMs);
}

void Database::fail(int code) const {
  const std::string file = path_.string();
  const int system = handle_ ? sqlite3_system_errno(get()) : 0;
  const int primary = code & 0xFF;
  if (primary == SQLITE_NOMEM || (primary == SQLITE_IOERR && system == ENOMEM)) {
    throw OutOfMemory(fmt::format(
        "the host's memory is used up: the study '{}' cannot be read or written", file));
  }
  // What SQLite does to undo a write may succeed, and errno be lost.
  const bool too_long = system == EFBIG || (code == SQLITE_IOERR_WRITE && limits_file_sizes());
  if (primary == SQLITE_IOERR && too_long) {
    throw StoreError(
        fmt::format("the study '{}' would grow beyond the size that files may have here (ulimit "
                    "-f); everything "
                    "recorded so far is kept",
                    file));
  }
  const bool full = system == ENOSPC || system == EDQUOT;
  if (primary == SQLITE_FULL || (full && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN))) {
    throw StoreError(fmt::format(
        "no space is left for the study '{}'; free some and run the same command again: everything "
        "recorded so far is kept",
        file));
  }
  switch (primary) {
    case SQLITE_NOTADB:
      throw StoreError(fmt::format(
          "'{}' is not a study: it is no SQLite database; name another file or move it away",
          file));
    case SQLITE_CORRUPT:
      damaged(sqlite3_errmsg(get()));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw StoreError(fmt::format(
          "the study '{}' is locked by another program; close that program and run the same "
          "command again",
          file));
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      throw StoreError(
          fmt::format("the study '{}' cannot be opened or written ({}{}); its folder must exist "
                      "and both must be "
                      "writable",
                      file, sqlite3_errmsg(get()),
                      system == 0 ? "" : fmt::format(": {}", std::strerror(system))));
    case SQLITE_IOERR:
      if (code == SQLITE_IOERR_SHORT_READ) damaged("it ends too early");
      [[fallthrough]];
    default:
      throw StoreError(
          fmt::format("the study '{}' cannot be read or written: {}{} (SQLite code {})", file,
                      one_line(handle_ ? sqlite3_errmsg(get()) : sqlite3_errstr(code)),
                      system == 0 ? "" : fmt::format(": {}", std::strerror(system)), code));
  }
}

void Database::damaged(const std::string& how) const {
  throw_damaged(path_, how);
}

namespace {

/// A full disk has SQLite roll back on its own; what fails here is rolled back at the next opening.
void roll_back(Database& database) {
  if (!sqlite3_get_autocommit(database.get())) {
    sqlite3_exec(database.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

}  // namespace

Snapshot::~Snapshot() {
  roll_back(database_);
}

Transaction::~Transaction() {
  roll_back(database_);
}

}  // namespace paretiny::study
