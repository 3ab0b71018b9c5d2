#include <sys/stat.h>

#include <thread>

#include "tests/nas/cli/cli_fixture.h"

namespace paretiny::cli {
namespace {

using namespace test;

class HypervolumeCliTest : public CliTest {
 protected:
  Ended with(const std::string& points, const std::string& reference = "10,10") {
    test::write_text(folder_ / "q.csv", points);
    return run({"hypervolume", "q.csv", "--reference", reference});
  }
  /// Whether it is read as the points 5,5 and 4,6.
  testing::AssertionResult reads(const std::string& points) {
    const Ended ended = with(points);
    if (ended.code == 0 && says(ended.out, {"hypervolume 29\n", "points 2, non-dominated 2"})) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "'" << points << "': " << ended.out << ended.err;
  }
};

TEST_F(HypervolumeCliTest, PrintsVolumeAndContributions) {
  const Ended good = with("error,rom\n5,5\n4, 6\n\n2,7\r\n7,4");
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_EQ(good.out,
            "hypervolume 38\npoints 4, non-dominated 4\npoint,contribution\n1,2\n2,1\n3,6\n4,3\n");
}

TEST_F(HypervolumeCliTest, ReadsTheStandardInputAndPipes) {
  test::write_text(folder_ / "q.csv", "5,5\n4,6\n");
  const auto read_from = [&](const std::string& file) {
    return Program(folder_, {"hypervolume", file, "--reference", "10,10"}, "",
                   [] { dup2(open("q.csv", O_RDONLY), STDIN_FILENO); })
        .wait();
  };
  for (const std::string file : {"-", "/dev/stdin"}) {
    EXPECT_TRUE(says(read_from(file).out, {"hypervolume 29\n"})) << file;
  }
  EXPECT_TRUE(refused(run({"hypervolume", ".", "--reference", "10,10"}), 3, {"no file '.'"}));
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  std::thread writer([&] { test::write_text(folder_ / "pipe", "5,5\n4,6\n"); });
  EXPECT_TRUE(says(run({"hypervolume", "pipe", "--reference", "10,10"}).out, {"hypervolume 29\n"}));
  writer.join();
}

TEST_F(HypervolumeCliTest, ReadsWhatSpreadsheetsAndProgramsWrite) {
  EXPECT_TRUE(reads("5,5\n4,6\n"));
  for (const char* names : {"f1,f2", "x1,x2", "error,ROM (B)", "\"a, b\",\"c\"", "größe,Δ",
                            "# f1 f2", "_1,_2", "\"f1\";\"f2\"", "f1 f2", "info,nano"}) {
    EXPECT_TRUE(reads(std::string(names) + "\n5,5\n4,6\n")) << names;
  }
  EXPECT_TRUE(
      reads("\xEF\xBB\xBF"
            "f1,f2\r\n5,5\r\n4,6\r\n"));
  EXPECT_TRUE(
      reads("\xEF\xBB\xBF"
            "5,5\n4,6"));
  EXPECT_TRUE(reads("5,5\r4,6\r"));
  EXPECT_TRUE(reads("5;5\n4;6\n"));
  EXPECT_TRUE(reads("5\t5\n4\t6\n"));
  EXPECT_TRUE(reads("5.0e+00 5.0e+00\n 4.0e+00   6.0e+00\n"));
  EXPECT_TRUE(reads("\"5\",\"5\"\n\"4\",\"6\"\n"));
  EXPECT_TRUE(reads("# made by hand\n\n  5 , +5.\n# and\n+4,.6e1\n\n"));
  EXPECT_EQ(with("+0.5,1e-999\n", "1,1").out.substr(0, 16), "hypervolume 0.5\n");
}

TEST_F(HypervolumeCliTest, RefusesWhatIsNoNumber) {
  for (const char* first : {"nan,nan", "inf,inf", "-inf,-inf", "NaN,Infinity", "NA,null", ",",
                            "?,?", "1e999,1e999", "0x1p3,0x2p3", "1.2.3,4.5.6", "-,-", "f1,2",
                            "1f,2f", "+-1,1", "1_0,2", "5,5,", "nan(1),1"}) {
    EXPECT_TRUE(refused(with(std::string(first) + "\n5,5\n"), 3, {"q.csv line 1"})) << first;
    EXPECT_TRUE(refused(with("5,5\n" + std::string(first) + "\n"), 3, {"q.csv line 2"})) << first;
  }
  EXPECT_TRUE(refused(with("f1,f2\ng1,g2\n5,5\n"), 3, {"q.csv line 2", "'g1'"}));
  EXPECT_TRUE(refused(with("5,5\nf1,f2\n"), 3, {"q.csv line 2", "'f1'"}));
  EXPECT_TRUE(refused(with("1e999,1\n"), 3, {"q.csv line 1", "1.8e308"}));
  EXPECT_TRUE(refused(with("nan,1\n"), 3, {"not finite"}));
  EXPECT_TRUE(refused(with("0,5;0,7\n"), 3, {"write 0.5, not 0,5"}));
  EXPECT_TRUE(refused(with("5,5\n4;6\n"), 3, {"q.csv line 2", "4;6"}));
  EXPECT_TRUE(refused(with("5,5\n4\n"), 3, {"q.csv line 2", "it has 1 number"}));
  EXPECT_TRUE(refused(with("5,5\n", "10"), 3, {"one number"}));
  EXPECT_TRUE(refused(with("5,5\n\x1B[2J\x9B,4\n"), 3, {"q.csv line 2"}));
  EXPECT_EQ(with("5,5\n\x1B[2J,4\n").err.find('\x1B'), std::string::npos);
}

TEST_F(HypervolumeCliTest, RefusesAFileWithoutPoints) {
  for (const char* empty : {"", "\n\n", "f1,f2\n", "# f1,f2\n", "\xEF\xBB\xBF", "\r\n \r\n"}) {
    EXPECT_TRUE(refused(with(empty), 3, {"q.csv holds no point"})) << empty;
  }
  EXPECT_TRUE(refused(with(std::string("\xFF\xFE"
                                       "5\0,\0",
                                       6)),
                      3, {"UTF-8"}));
  EXPECT_TRUE(refused(run({"hypervolume", "none.csv", "--reference", "1"}), 3, {"none.csv"}));
  EXPECT_TRUE(refused(run({"hypervolume", ".", "--reference", "1"}), 3, {"'.'"}));
}

TEST_F(HypervolumeCliTest, RefusesReferencesAndOverflow) {
  for (const char* reference : {"10,x", "10,inf", "10,nan", "", "1e999,1", "10,", "f1,f2"}) {
    EXPECT_TRUE(refused(with("5,5\n", reference), 2, {"--reference"})) << reference;
  }
  EXPECT_TRUE(refused(run({"hypervolume", "q.csv"}), 2, {"--reference"}));
  EXPECT_TRUE(refused(with("-1e308,-1e308\n", "1e308,1e308"), 3, {"hypervolume", "1.8e308"}));
}

}  // namespace
}  // namespace paretiny::cli
