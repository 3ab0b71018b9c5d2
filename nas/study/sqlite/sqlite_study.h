// The study in one SQLite file (WAL); see study_change.h for what keeps it sound.
#pragma once

#include "nas/study/sqlite/sqlite.h"
#include "nas/study/sqlite/study_change.h"
#include "nas/study/study.h"

namespace paretiny::study {

class SqliteStudy final : public Study {
 public:
  /// For reading. Throws StoreError where there is none yet.
  static std::unique_ptr<SqliteStudy> open(const std::filesystem::path& path);
  /// For changes; null where there is none yet.
  static std::unique_ptr<SqliteStudy> find(const std::filesystem::path& path);
  /// For changes; made if need be.
  static std::unique_ptr<SqliteStudy> create(const std::filesystem::path& path,
                                             const StudyHeader& header);

  const StudyHeader& header() const override { return header_; }
  std::string identity() override;
  const std::vector<Trial>& trials() override;
  std::int64_t trial_count() override;
  std::vector<EpochRecord> epochs(std::int64_t number) override;
  std::vector<StepRecord> steps(std::int64_t number) override;
  std::vector<std::uint8_t> model(std::int64_t number) override;
  std::vector<std::uint8_t> checkpoint(std::int64_t number) override;
  std::int64_t checkpoint_epochs(std::int64_t number) override;
  std::vector<Holder> holders() override;
  void at_one_moment(const std::function<void()>& reading) override;
  std::vector<RunRecord> runs() override;
  std::optional<Trial> add_trial(std::int64_t number, const space::Values& values,
                                 std::uint64_t architecture, std::uint64_t seed,
                                 const Lease& lease) override;
  std::optional<Trial> claim(const Lease& lease) override;
  bool renew(std::int64_t number, const Lease& lease) override;
  bool release(std::int64_t number, const std::string& owner) override;
  bool add_epoch(std::int64_t number, const std::string& owner, const EpochRecord& record) override;
  bool add_step(std::int64_t number, const std::string& owner, const StepRecord& record) override;
  bool decide(std::int64_t number, const std::string& owner,
              const stopping::StopVerdict& verdict) override;
  bool keep_checkpoint(std::int64_t number, const std::string& owner, std::int64_t epochs,
                       std::span<const std::uint8_t> checkpoint) override;
  bool begin_anew(std::int64_t number, const std::string& owner) override;
  Trial reopen(std::int64_t number, const Lease& lease) override;
  bool add_run(const std::map<std::string, std::string>& settings) override;
  bool conclude(std::int64_t number, const std::string& owner, TrialState end,
                const TrialResult& result) override;

  /// Puts all that `from` holds into this one, which is new.
  void fill(Study& from);

  Database& database() { return database_; }

 private:
  SqliteStudy(const std::filesystem::path& path, Database::Mode mode);

  /// Whether nobody has begun a study, or anything else, in the file.
  bool untouched();
  /// Makes the tables, unless another process was quicker.
  void make(StudyHeader header);
  /// Whether there are the tables that `make` makes and nothing else: a view or a trigger could do
  /// anything.
  bool has_its_tables(std::int64_t schema);
  /// Reads the header and looks for damage everywhere.
  void load();
  /// Begins a change; brings a study of the schema before to this one first.
  StudyChange change();
  /// Whether the study has what this schema has and the one before has not; asked anew until it is
  /// so, since another process may have brought it there.
  bool is_current();
  void check_rows();
  /// Brings trials_ up to the rows that match `condition`; returns their checksums, added up.
  std::uint64_t read_trials(std::string_view condition);
  /// The numbers of the trials that nobody works on.
  std::vector<std::int64_t> free_trials();
  std::optional<Trial> read_trial(std::int64_t number);
  /// Marks a trial as running from now on.
  static void begin(Trial& trial, const Lease& lease);
  /// The trial if it is running and held by `owner`.
  std::optional<Trial> held(std::int64_t number, const std::string& owner);

  Database database_;
  StudyHeader header_;
  std::vector<Trial> trials_;  ///< as of revision_
  std::int64_t revision_ = 0;
  bool current_ = false;  ///< see is_current
};

/// Makes the file `path`, which must not be there, a study with all that `from` holds.
void copy_to_sqlite(const std::filesystem::path& path, Study& from);

}  // namespace paretiny::study
