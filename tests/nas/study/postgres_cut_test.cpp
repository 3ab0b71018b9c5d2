// A network that breaks in the middle of what a worker says or is told.
#include <fmt/core.h>

#include "kernels/core/random.h"
#include "tests/nas/study/cut_proxy.h"
#include "tests/nas/study/postgres_server.h"
#include "tests/nas/study/study_fixture.h"

namespace paretiny::study {
namespace {

using namespace std::chrono_literals;
using test::CutProxy;

class PostgresCutTest : public StudyTest {
 protected:
  void SetUp() override {
    StudyTest::SetUp();
    PARETINY_NEEDS_POSTGRES();
    server_ = test::PostgresServer::shared();
    name_ = testing::UnitTest::GetInstance()->current_test_info()->name();
  }

  test::PostgresServer* server_ = nullptr;
  std::string name_;
};

/// Works on trials until `total` have ended, at each of which `before` is called before anything is
/// said of it.
void work(Study& study, std::int64_t total, const std::function<void(std::int64_t)>& before) {
  const Lease lease{process_owner(), 1h};
  for (std::int64_t number = 0; number < total; ++number) {
    before(4 * number);
    ASSERT_EQ(study.trial_count(), number) << "a trial was added twice, or not at all";
    std::optional<Trial> trial = study.add_trial(number, example_values(number), 0, 0, lease);
    ASSERT_TRUE(trial);
    ASSERT_EQ(trial->number, number);
    before(4 * number + 1);
    if (number % 2 == 1) {
      ASSERT_TRUE(study.release(number, lease.owner));
      trial = study.claim(lease);
      ASSERT_TRUE(trial) << number;
      ASSERT_EQ(trial->number, number);
    }
    before(4 * number + 2);
    ASSERT_TRUE(study.add_epoch(number, lease.owner, {1, 0.5, 0.5, 0}));
    before(4 * number + 3);
    ASSERT_TRUE(study.finish(number, lease.owner, {{0.5, 1.0}, {}, "", {1, 2, 3}}));
  }
}

void expect_whole(Study& study, std::int64_t total) {
  ASSERT_EQ(study.trials().size(), static_cast<std::size_t>(total));
  for (const Trial& trial : study.trials()) {
    EXPECT_EQ(trial.state, TrialState::done) << trial.number;
    EXPECT_EQ(trial.attempts, 1) << trial.number;
    EXPECT_EQ(trial.values, example_values(trial.number));
    EXPECT_EQ(study.epochs(trial.number).size(), 1u) << trial.number;
    EXPECT_EQ(study.model(trial.number), (std::vector<std::uint8_t>{1, 2, 3}));
  }
}

TEST_F(PostgresCutTest, WhereverTheNetworkBreaksAllIsDoneOnce) {
  constexpr std::int64_t kTrials = 60;
  CutProxy network(folder_ / "proxy", server_->folder());
  const Location place = Location::in(
      fmt::format("postgresql://paretiny@/paretiny?host={}", network.folder().string()), name_);
  const auto study = create_or_open_study(place, example_header(), {5min, {}, {}});
  Random random(1, "cuts");
  work(*study, kTrials, [&](std::int64_t) {
    // A statement has some hundred bytes, its answer a few hundred: most cuts fall into one.
    const auto bytes = static_cast<std::int64_t>(1 + random.below(600));
    random.below(2) == 0 ? network.cut_after(bytes, CutProxy::kNever)
                         : network.cut_after(CutProxy::kNever, bytes);
  });
  network.cut_after(CutProxy::kNever, CutProxy::kNever);
  EXPECT_GT(network.cuts(), kTrials) << "the network was to break";
  expect_whole(*study, kTrials);
}

}  // namespace
}  // namespace paretiny::study
