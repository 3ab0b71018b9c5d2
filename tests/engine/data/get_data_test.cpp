#include <cstdlib>

#include "tests/engine/data/data_files.h"
#include "tests/support/shared.h"

namespace paretiny::data {
namespace {

const std::string kData = test::shared("data").string();

class GetData : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kData)) GTEST_SKIP() << kData << " is not here";
  }
  /// Runs the script; its exit code, with everything it says in output_.
  int run(const std::string& arguments) {
    const std::string log = (folder_.path() / "log").string();
    const int status = std::system(("'" PARETINY_SOURCE "/scripts/get_data' " + arguments +
                                    " --to '" + folder_.string() + "/data' >'" + log + "' 2>&1")
                                       .c_str());
    std::ifstream stream(log);
    output_.assign(std::istreambuf_iterator<char>(stream), {});
    return WEXITSTATUS(status);
  }
  bool says(const std::string& text) const { return output_.find(text) != std::string::npos; }

  TempFolder folder_;
  std::string output_;
};

TEST_F(GetData, UnpacksFromALocalFolderOnce) {
  EXPECT_EQ(run("fashion-mnist dsads-subset --from " + kData), 0) << output_;
  EXPECT_TRUE(says("fashion-mnist: ready")) << output_;
  EXPECT_EQ(run("dsads-subset fashion-mnist"), 0) << output_;
  EXPECT_TRUE(says("dsads-subset: already there")) << output_;
  const Dataset fashion =
      load_dataset({.format = "idx", .path = folder_.string() + "/data/fashion-mnist"});
  EXPECT_EQ(fashion.classes[9], "Ankle boot");
  const Dataset dsads = load_dataset({.format = "npy",
                                      .path = folder_.string() + "/data/dsads-subset",
                                      .options = {{"x", "dsads_subset_x.npy"},
                                                  {"y", "dsads_subset_y.npy"},
                                                  {"layout", "nct"},
                                                  {"label_column", "0"},
                                                  {"group_column", "1"}}});
  EXPECT_EQ(dsads.classes[18], "playing basketball");
  // A file damaged since is noticed and replaced.
  folder_.write("data/dsads-subset/dsads_subset_y.npy", "damaged");
  EXPECT_EQ(run("dsads-subset --from " + kData), 0) << output_;
  EXPECT_TRUE(says("dsads-subset: ready")) << output_;
}

TEST_F(GetData, LeavesNothingBehindWhenTheFilesAreWrong) {
  folder_.write("from/dsads_subset_x.npy.xz", xz("not the data"));
  folder_.write("from/dsads_subset_y.npy", "neither");
  EXPECT_EQ(run("dsads-subset --from " + folder_.string() + "/from"), 1);
  EXPECT_TRUE(says("dsads_subset_x.npy does not have its published content")) << output_;
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() / "data"));
  EXPECT_EQ(run("hapt --from " + folder_.string() + "/from"), 1);
  EXPECT_TRUE(says("no HAPT Data Set.zip in")) << output_;
  EXPECT_EQ(run("hapt --from /no/such/folder"), 1);
  EXPECT_TRUE(says("/no/such/folder: no such folder")) << output_;
}

TEST_F(GetData, RefusesUnknownNames) {
  EXPECT_EQ(run("cifar"), 2);
  EXPECT_TRUE(says("'cifar' is neither")) << output_;
  EXPECT_EQ(run(""), 2);
  EXPECT_TRUE(says("usage:")) << output_;
}

}  // namespace
}  // namespace paretiny::data
