#include "nas/report/csv.h"

#include "tests/nas/report/made_trials.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::report {
namespace {

using namespace test;
using study::Trial;

TEST(Csv, QuotesAndRoundTrips) {
  const auto objectives = example_header().objectives;
  std::vector<Trial> trials = made_trials(3);
  trials[2].objectives[0] = 0.1 + 0.2;
  trials[1].state = study::TrialState::failed;
  trials[1].objectives.assign(4, kNan);
  trials[1].metrics.clear();
  trials[1].reason = "loss is NaN, \"epoch\" 3\nline";
  const std::string text = trials_csv(objectives, trials);
  EXPECT_EQ(text.substr(0, text.find('\n')),
            "number,state,error,rom,ram,flops,param.depth,param.idle,param.kernel,param.width,"
            "metric.accuracy_float,metric.seconds,reason,architecture,seed,attempts,started,"
            "finished");
  EXPECT_NE(text.find("\n2,done,0.30000000000000004,"), std::string::npos) << text;
  EXPECT_NE(text.find("\n1,failed,,,,,"), std::string::npos);
  EXPECT_NE(text.find(",,,\"loss is NaN, \"\"epoch\"\" 3\nline\",0000000000000000,"),
            std::string::npos);
  EXPECT_EQ(front_csv(objectives, {}, {}), "number,error,rom,ram,flops\n");
}

}  // namespace
}  // namespace paretiny::report
