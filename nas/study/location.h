// Where a study is kept.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace paretiny::study {

/// An SQLite file, or a name in a database of PostgreSQL. A text that begins with "postgresql://"
/// or "postgres://" is a database's address as libpq takes it, to which the parameter `study` adds
/// the name: "postgresql://user@host/db?study=NAME". Every other text is a file's path.
class Location {
 public:
  /// Throws UsageError, without repeating it, for an address that holds a password.
  Location(const std::filesystem::path& text);  // NOLINT: a path is a place
  Location(const std::string& text) : Location(std::filesystem::path(text)) {}
  Location(const char* text) : Location(std::filesystem::path(text)) {}
  Location() = default;

  /// The study called `name` in a store: `store` itself where that is a file, or names a study.
  static Location in(const std::string& store, const std::string& name);

  bool is_file() const { return database_.empty(); }
  /// As the caller wrote it; empty of a database.
  const std::filesystem::path& file() const { return file_; }
  /// The address without the study's name; empty of a file.
  const std::string& database() const { return database_; }
  /// The study's name in the database; empty where none was said.
  const std::string& name() const { return name_; }
  /// As it is written, for messages.
  std::string text() const;

 private:
  std::filesystem::path file_;
  std::string database_;
  std::string name_;
};

/// `text` with every password in an address ("//user:password@", "password=") as "...": for
/// messages that quote what somebody typed.
std::string without_passwords(std::string_view text);

}  // namespace paretiny::study
