// The study in a database of PostgreSQL, for any number of machines. Private to this folder.
//
// Each change is one statement, and so one transaction, that names the study, the trial, its holder
// and the holder's token: it changes the row that it locks, or none. Claims pass over rows that
// another claim has locked. A token counts how often a trial was taken: whoever lost a lease has an
// old one, and is refused. All times are the server's. What changed since is found by transaction
// numbers, which, unlike a counter, order what commits in another order.
#pragma once

#include <map>

#include "nas/study/postgres/server.h"
#include "nas/study/study.h"

namespace paretiny::study::postgres {

class PostgresStudy final : public Study {
 public:
  /// Null where there is no study of that name.
  static std::unique_ptr<PostgresStudy> find(const Location& location, Connection::Mode mode,
                                             const Patience& patience);
  /// Made if need be, with its tables.
  static std::unique_ptr<PostgresStudy> create(const Location& location, const StudyHeader& header,
                                               const Patience& patience);

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

 private:
  /// One that this object has taken: with which token, and by whom.
  struct Hold {
    std::string owner;
    std::int64_t token;
  };

  PostgresStudy(const Location& location, Connection::Mode mode, const Patience& patience);

  /// Reads the study's row; false without one.
  bool load();
  Rows run(const std::string& sql, const Parameters& parameters);
  /// $1 the study, $2 the trial, $3 its holder, $4 the token where this object knows it: what kHeld
  /// compares.
  Parameters of_holder(std::int64_t number, const std::string& owner) const;
  /// Whether `sql`, a statement on a held trial that may be repeated, found it.
  bool change(const std::string& sql, const Parameters& parameters);
  /// Throws StoreError when somebody has deleted the study. Returns false.
  bool lost(Connection& connection);
  /// The first row of a claim's result, taken by this object.
  Trial taken(const Rows& rows, const std::string& owner);
  Trial trial_at(const Rows& rows, int row);
  /// The first that is free; or that one of the dead, by number and token.
  using Dead = std::optional<std::pair<std::int64_t, std::int64_t>>;
  std::optional<Trial> claim_free(Connection& connection, const Lease& lease, const Dead& dead);
  /// Of this machine's processes: nobody need wait for their leases.
  std::optional<Trial> claim_of_the_dead(Connection& connection, const Lease& lease);
  /// A running trial of `owner` that this object does not know of: taken by a statement whose
  /// answer was lost.
  std::optional<Trial> unheard(Connection& connection, const std::string& owner);

  Server server_;
  std::int64_t id_ = 0;
  StudyHeader header_;
  std::vector<Trial> trials_;
  std::string seen_ = "0";  ///< transactions from this one on may have changed what trials_ has not
  std::map<std::int64_t, Hold> holds_;
  std::chrono::steady_clock::time_point looked_for_dead_{};
};

}  // namespace paretiny::study::postgres
