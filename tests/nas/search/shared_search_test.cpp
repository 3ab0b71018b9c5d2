// A search that is not alone at its study.
#include <utility>

#include "nas/search/search.h"
#include "tests/nas/search/search_fixture.h"

namespace paretiny::search {
namespace {

using experiment::Experiment;
using study::Trial;
using study::TrialState;
using test::Watcher;

class SharedSearchTest : public test::SearchTest {};

/// A study at which another worker is at work too.
class SharedStudy : public study::Study {
 public:
  explicit SharedStudy(study::Study& inner) : inner_(inner) {}
  const study::StudyHeader& header() const override { return inner_.header(); }
  std::string identity() override { return inner_.identity(); }
  const std::vector<Trial>& trials() override {
    if (std::exchange(add_before_reading, false)) add_another();
    return inner_.trials();
  }
  std::int64_t trial_count() override { return inner_.trial_count(); }
  std::vector<study::EpochRecord> epochs(std::int64_t number) override {
    return inner_.epochs(number);
  }
  std::vector<std::uint8_t> model(std::int64_t number) override { return inner_.model(number); }
  std::vector<study::StepRecord> steps(std::int64_t number) override {
    return inner_.steps(number);
  }
  std::vector<std::uint8_t> checkpoint(std::int64_t number) override {
    return inner_.checkpoint(number);
  }
  std::int64_t checkpoint_epochs(std::int64_t number) override {
    return inner_.checkpoint_epochs(number);
  }
  std::vector<study::Holder> holders() override { return inner_.holders(); }
  void at_one_moment(const std::function<void()>& reading) override {
    inner_.at_one_moment(reading);
  }
  std::vector<study::RunRecord> runs() override { return inner_.runs(); }
  bool add_step(std::int64_t number, const std::string& owner,
                const study::StepRecord& record) override {
    return inner_.add_step(number, owner, record);
  }
  bool decide(std::int64_t number, const std::string& owner,
              const stopping::StopVerdict& verdict) override {
    return inner_.decide(number, owner, verdict);
  }
  bool keep_checkpoint(std::int64_t number, const std::string& owner, std::int64_t epochs,
                       std::span<const std::uint8_t> checkpoint) override {
    return inner_.keep_checkpoint(number, owner, epochs, checkpoint);
  }
  bool begin_anew(std::int64_t number, const std::string& owner) override {
    return inner_.begin_anew(number, owner);
  }
  Trial reopen(std::int64_t number, const study::Lease& lease) override {
    return inner_.reopen(number, lease);
  }
  bool add_run(const std::map<std::string, std::string>& settings) override {
    return inner_.add_run(settings);
  }
  std::optional<Trial> add_trial(std::int64_t number, const space::Values& values,
                                 std::uint64_t architecture, std::uint64_t seed,
                                 const study::Lease& lease) override {
    if (std::exchange(add_before_adding, false)) add_another();
    return inner_.add_trial(number, values, architecture, seed, lease);
  }
  std::optional<Trial> claim(const study::Lease& lease) override { return inner_.claim(lease); }
  bool renew(std::int64_t number, const study::Lease& lease) override {
    if (steal_at_renewal == number) steal(number, lease.owner);
    return inner_.renew(number, lease);
  }
  bool release(std::int64_t number, const std::string& owner) override {
    return inner_.release(number, owner);
  }
  bool add_epoch(std::int64_t number, const std::string& owner,
                 const study::EpochRecord& record) override {
    if (steal_at_epoch == number) steal(number, owner);
    return inner_.add_epoch(number, owner, record);
  }
  bool conclude(std::int64_t number, const std::string& owner, TrialState end,
                const study::TrialResult& result) override {
    if (steal_at_end == number) steal(number, owner);
    return inner_.conclude(number, owner, end, result);
  }

  bool add_before_reading = false;
  bool add_before_adding = false;
  std::int64_t steal_at_renewal = -1, steal_at_epoch = -1, steal_at_end = -1;

 private:
  const study::Lease other_{"another", std::chrono::hours(1)};

  void add_another() {
    const std::vector<Trial> known = inner_.trials();
    const auto number = static_cast<std::int64_t>(known.size());
    const space::Values values = known.empty() ? space::Values{} : known.back().values;
    ASSERT_TRUE(inner_.add_trial(number, values, 1, 2, other_));
    ASSERT_TRUE(inner_.abandon(number, other_.owner, "made up"));
  }
  void steal(std::int64_t number, const std::string& owner) {
    steal_at_renewal = steal_at_epoch = steal_at_end = -1;
    ASSERT_TRUE(inner_.release(number, owner));
    ASSERT_EQ(inner_.claim(other_)->number, number);
  }

  study::Study& inner_;
};

TEST_F(SharedSearchTest, TrialsAreATotalWhateverOthersAdd) {
  const Experiment experiment = load({"study.sampler=random", "constraints.rom=1 B"});
  for (bool SharedStudy::*when :
       {&SharedStudy::add_before_reading, &SharedStudy::add_before_adding}) {
    std::filesystem::remove(folder_ / "a.sqlite");
    const auto kept = study(experiment, "a.sqlite");
    Watcher watcher;
    ASSERT_TRUE(search(experiment, *kept, 3, watcher));
    SharedStudy shared(*kept);
    shared.*when = true;
    EXPECT_TRUE(search(experiment, shared, 4, watcher));
    EXPECT_EQ(kept->trial_count(), 4);
  }
}

TEST_F(SharedSearchTest, AWorkerThatLostItsTrialStopsAtOnce) {
  const Experiment experiment =
      load({"study.sampler=random", "constraints.rom=1 MB", "training.epochs=5"});
  int round = 0;
  for (std::int64_t SharedStudy::*when :
       {&SharedStudy::steal_at_epoch, &SharedStudy::steal_at_renewal, &SharedStudy::steal_at_end}) {
    const auto kept = study(experiment, "lost" + std::to_string(round++) + ".sqlite");
    SharedStudy shared(*kept);
    shared.*when = 1;
    Watcher watcher;
    EXPECT_TRUE(search(experiment, shared, 3, watcher));
    EXPECT_EQ(watcher.lost, (std::vector<std::int64_t>{1}));
    EXPECT_EQ(watcher.ended, (std::vector<std::int64_t>{0, 2}));
    EXPECT_EQ(watcher.epochs[1], when == &SharedStudy::steal_at_end ? 5 : 0);
    const Trial stolen = kept->trials()[1];
    EXPECT_EQ(stolen.state, TrialState::running) << stolen.reason;
    EXPECT_EQ(stolen.owner, "another");
  }
}

TEST_F(SharedSearchTest, AFailureOfALostTrialIsNotRecorded) {
  const Experiment experiment =
      load({"study.sampler=random", "training.batch=512", "constraints.rom=1 MB"});
  const auto kept = study(experiment, "a.sqlite");
  SharedStudy shared(*kept);
  shared.steal_at_end = 0;
  Watcher watcher;
  EXPECT_TRUE(search(experiment, shared, 2, watcher));
  EXPECT_EQ(watcher.ended, (std::vector<std::int64_t>{1}));
  EXPECT_EQ(kept->trials()[0].owner, "another");
}

}  // namespace
}  // namespace paretiny::search
