// The study in one SQLite file (WAL). Every row carries a checksum of its content, since SQLite
// itself notices damage of its structure only.
#pragma once

#include "kernels/random.h"
#include "nas/study/sqlite.h"
#include "nas/study/study.h"

namespace paretiny {

/// Checksum of a row's content.
inline std::int64_t row_checksum(const std::string& text) {
  return static_cast<std::int64_t>(random_key(0, text));
}

class SqliteStudy final : public Study {
 public:
  /// Opens for reading.
  explicit SqliteStudy(const std::filesystem::path& path);
  /// Opens or creates.
  SqliteStudy(const std::filesystem::path& path, const StudyHeader& header);

  const StudyHeader& header() const override { return header_; }
  std::vector<Trial> trials() override;
  std::int64_t trial_count() override;
  std::vector<EpochRecord> epochs(std::int64_t number) override;
  std::vector<std::uint8_t> model(std::int64_t number) override;
  bool add_trial(std::int64_t number, const Values& values, std::uint64_t architecture,
                 std::uint64_t seed) override;
  std::optional<Trial> claim(const std::string& owner, std::chrono::milliseconds lease) override;
  bool renew(std::int64_t number, const std::string& owner,
             std::chrono::milliseconds lease) override;
  bool release(std::int64_t number, const std::string& owner) override;
  bool add_epoch(std::int64_t number, const std::string& owner, const EpochRecord& record) override;
  bool conclude(std::int64_t number, const std::string& owner, TrialState end,
                const TrialResult& result) override;

  Database& database() { return database_; }

 private:
  void create(StudyHeader header);
  /// Whether there are the tables that `create` makes and nothing else: a view or a trigger could
  /// do anything.
  bool has_its_tables();
  /// Reads the header and looks for damage everywhere.
  void load();
  /// Throws StoreError unless the study was made for what `wanted` says.
  void check_same(const StudyHeader& wanted) const;
  /// The trials that match `condition`, by number.
  std::vector<Trial> select(std::string_view condition);
  /// The trial if it is running and held by `owner`.
  std::optional<Trial> held(std::int64_t number, const std::string& owner);

  Database database_;
  StudyHeader header_;
};

}  // namespace paretiny
