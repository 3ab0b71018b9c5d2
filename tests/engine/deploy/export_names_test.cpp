// What exports call things: hostile names stay text, and any exports link into one program.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <sstream>

#include "base/command.h"
#include "base/error.h"
#include "base/one_line.h"
#include "engine/deploy/code/c_code.h"
#include "engine/deploy/code/c_text.h"
#include "engine/deploy/code/export_name.h"
#include "engine/deploy/code/runtime_files.h"
#include "engine/deploy/plan/memory_problem.h"
#include "tests/engine/deploy/hostile_names.h"
#include "tests/support/temp_folder.h"

namespace paretiny::deploy {
namespace {

using namespace test;

class Exports : public testing::Test {
 protected:
  CommandResult shell(const std::string& line) {
    return run_command({"sh", "-c", line}, temporary_.path(), "the C compiler");
  }
  void expect_done(const std::string& line) {
    const CommandResult result = shell(line);
    EXPECT_EQ(result.code, 0) << line << "\n" << result.output;
  }

  void put(const std::string& folder, const Files& files) const {
    for (const auto& [name, text] : files) temporary_.write(folder + "/" + name, text);
  }
  void put(const std::string& folder, const DeployedModel& model, const std::string& name) const {
    put(folder, files_of(model, name));
  }
  static Files files_of(const DeployedModel& model, const std::string& name) {
    return c_code(model, plan_activations(memory_problem(model.network)),
                  record_runs(model.network, 3, 1), Kernels::own, name);
  }

  /// Objects of an export and its host test, which becomes a function `check_FOLDER`.
  void compile(const std::string& folder, const std::string& more = "") {
    expect_done("cd " + folder +
                " && " PARETINY_CC
                " -std=c99 -O1 -Wall -Wextra -Werror -ffunction-sections -c *.c " +
                more + " && " PARETINY_CC " -std=c99 -Dmain=check_" + folder +
                " -c test/host_test.c -o host_test.o && ar rcs lib" + folder +
                ".a $(ls *.o | grep -v host_test)");
  }
  /// A program that runs the host tests of two folders, by the objects and libraries of `link`.
  CommandResult run_both(const std::string& a, const std::string& b, const std::string& link) {
    temporary_.write("main.c", "int check_" + a + "(void);\nint check_" + b +
                                   "(void);\nint main(void) { return check_" + a +
                                   "() + 10 * check_" + b + "(); }\n");
    const std::string line =
        PARETINY_CC " main.c " + a + "/host_test.o " + b + "/host_test.o " + link + " -o both";
    const CommandResult linked = shell(line);
    return linked.code == 0 ? shell("./both") : CommandResult{100 + linked.code, linked.output};
  }
  std::vector<std::string> lines(const std::string& command) {
    std::istringstream text(shell(command).output);
    std::vector<std::string> all;
    for (std::string line; std::getline(text, line);) all.push_back(line);
    return all;
  }

  const TempFolder temporary_;
};

TEST_F(Exports, HostileNamesAreText) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    DeployedModel model = hostile_model(seed);
    model.name = kHostile[seed % kHostile.size()];
    std::filesystem::remove_all(temporary_.path() / "c");
    put("c", model, "hostile");
    temporary_.write("c/all.h", "#include \"hostile.h\"\n#include \"hostile.h\"\n");
    const std::string options = " -pedantic -Wall -Wextra -Wconversion -Werror ";
    for (const char* compiler : {PARETINY_CC, "clang"}) {
      if (!has_command(compiler) && compiler != std::string(PARETINY_CC)) continue;
      expect_done("cd c && " + std::string(compiler) + " -std=c99" + options +
                  "*.c test/host_test.c -o t && ./t");
      expect_done("cd c && " + std::string(compiler) + " -x c++ -std=c++11" + options +
                  "-fsyntax-only -include all.h /dev/null");
    }
  }
}

TEST_F(Exports, EveryClassNameStaysInItsComment) {
  DeployedModel model = hostile_model(2);
  for (const std::string& name : kHostile) {
    model.name = name;
    std::fill(model.classes.begin(), model.classes.end(), name);
    for (compress::Int8Step& step : model.network.steps) step.name = name;
    put("c", model, "hostile");
    expect_done("cd c && " PARETINY_CC " -std=c99 -Wall -Wextra -Werror -c hostile.c");
    // Without comments the code is that of any other name.
    const auto code = lines("cd c && " PARETINY_CC " -std=c99 -P -E hostile.c");
    for (const std::string& line : code) EXPECT_EQ(line.find("int x;"), std::string::npos) << line;
    const std::string all = shell("cat c/*.c c/*.h c/CMakeLists.txt").output;
    EXPECT_TRUE(is_utf8(all)) << name;
    EXPECT_EQ(all.find('\0'), std::string::npos);
  }
}

TEST_F(Exports, SymbolsCarryTheNetworkOrTheRuntimesVersion) {
  const DeployedModel model = hostile_model(5);
  put("first", model, "first");
  compile("first");
  const std::string version = "_" + runtime_version();
  for (const std::string& line : lines("nm -g --defined-only first/libfirst.a")) {
    std::istringstream words(line);
    std::string address, kind, symbol;
    if (!(words >> address >> kind >> symbol)) continue;
    const bool network =
        symbol.starts_with("first_") && symbol.size() > 16 && symbol[symbol.size() - 17] == '_';
    const bool runtime = symbol.starts_with("pt_") && symbol.ends_with(version);
    EXPECT_TRUE(network || runtime) << line;
    EXPECT_EQ(runtime, kind == "W") << line;
  }
}

TEST_F(Exports, TwoLinkIntoOneProgram) {
  put("a", hostile_model(1), "first");
  put("b", hostile_model(2), "second");
  put("c", hostile_model(3), "first");  // the name of another
  for (const char* folder : {"a", "b", "c"}) compile(folder);
  for (const std::string other : {"b", "c"}) {
    const std::string objects = "$(ls a/*.o " + other + "/*.o | grep -v host_test)";
    const std::string libraries = "a/liba.a " + other + "/lib" + other + ".a";
    for (const std::string& link : {objects, libraries}) {
      const CommandResult ran = run_both("a", other, link);
      EXPECT_EQ(ran.code, 0) << other << ": " << ran.output;
      EXPECT_EQ(ran.output, "3 runs, 0 differing bytes\n3 runs, 0 differing bytes\n");
    }
    // Of the two runtimes the linker takes one.
    const auto members = lines(PARETINY_CC " -Wl,-t,-t main.c a/host_test.o " + other +
                               "/host_test.o " + libraries + " -o both");
    EXPECT_EQ(std::count_if(members.begin(), members.end(),
                            [](const std::string& line) {
                              return line.find("paretiny_arithmetic.o") != std::string::npos;
                            }),
              1);
  }
}

TEST_F(Exports, OneProgramHoldsOneRuntime) {
  put("a", hostile_model(1), "first");
  put("b", hostile_model(2), "second");
  for (const char* folder : {"a", "b"}) compile(folder);
  // Copies that nobody calls go with their sections.
  ASSERT_EQ(
      run_both("a", "b", "$(ls a/*.o b/*.o | grep -v host_test) -Wl,--gc-sections -Wl,-Map=map")
          .code,
      0);
  const std::string map = shell("sed -n '/^Linker script and memory map/,$p' map").output;
  for (const std::string folder : {"a", "b"}) {
    const std::regex kept("\\.text\\.pt_requantized_\\w+\\s+0x\\w+\\s+0x\\w+\\s+" + folder +
                          "/paretiny_arithmetic\\.o");
    EXPECT_EQ(std::regex_search(map, kept), folder == "a") << folder;
  }
}

TEST_F(Exports, AHeaderLinksWithItsOwnNetworkAlone) {
  const DeployedModel model = hostile_model(1);
  DeployedModel other = model;  // one weight differs
  for (compress::Int8Step& step : other.network.steps) {
    if (auto* last = std::get_if<compress::Int8FullyConnected>(&step.operation))
      last->weights[0] ^= 1;
  }
  put("a", model, "same");
  put("b", other, "same");
  for (const char* folder : {"a", "b"}) compile(folder);
  expect_done(PARETINY_CC " -Dcheck_a=main a/test/host_test.c a/liba.a -o own && ./own");
  for (const std::string wrong : {"b/libb.a", "$(ls b/*.o | grep -v host_test)"}) {
    const CommandResult linked = shell(PARETINY_CC " a/test/host_test.c " + wrong + " -o mixed");
    EXPECT_NE(linked.code, 0);
    EXPECT_NE(linked.output.find("undefined reference to `same_"), std::string::npos)
        << linked.output;
  }
}

TEST_F(Exports, TwoVersionsOfTheRuntimeHaveACopyEach) {
  put("a", hostile_model(1), "first");
  Files later = files_of(hostile_model(2), "second");
  for (auto& [name, text] : later) {
    for (std::size_t at; (at = text.find(runtime_version())) != std::string::npos;) {
      text.replace(at, 8, "01234567");
    }
  }
  put("b", later);
  for (const char* folder : {"a", "b"}) compile(folder);
  for (const std::string& link :
       {std::string("$(ls a/*.o b/*.o | grep -v host_test)"), std::string("a/liba.a b/libb.a")}) {
    const CommandResult ran = run_both("a", "b", link);
    EXPECT_EQ(ran.code, 0) << ran.output;
    const auto copies = lines("nm both | grep ' pt_requantized_'");
    EXPECT_EQ(copies.size(), 2u);
  }
  // A network does not compile with the files of another version.
  const CommandResult mixed = shell("cp a/paretiny_* b && cd b && " PARETINY_CC " -c second.c");
  EXPECT_NE(mixed.code, 0);
  EXPECT_NE(mixed.output.find("another version"), std::string::npos) << mixed.output;
}

TEST_F(Exports, TwoAreTargetsOfOneProject) {
  if (!has_command("cmake")) GTEST_SKIP() << "no cmake here";
  put("a", hostile_model(1), "first");
  put("b", hostile_model(2), "second");
  temporary_.write(
      "CMakeLists.txt",
      "cmake_minimum_required(VERSION 3.15)\nproject(firmware C)\nenable_testing()\n"
      "set(CMAKE_UNITY_BUILD ON)\nadd_subdirectory(a)\nadd_subdirectory(b)\n"
      "add_executable(firmware main.c)\ntarget_link_libraries(firmware first second)\n");
  temporary_.write("main.c",
                   "#include \"first.h\"\n#include \"second.h\"\n"
                   "int main(void) { return first_run() | second_run(); }\n");
  expect_done("cmake -S . -B build > log 2>&1 || { cat log; exit 1; }");
  expect_done("cmake --build build > log 2>&1 || { cat log; exit 1; }");
  expect_done("./build/firmware");
  const CommandResult tested = shell("cd build && ctest");
  EXPECT_EQ(tested.code, 0) << tested.output;
  EXPECT_NE(tested.output.find("first_recorded_runs"), std::string::npos) << tested.output;
  EXPECT_NE(tested.output.find("second_recorded_runs"), std::string::npos);
}

TEST(ExportName, IsMadeOfAnyText) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"cifar10-resnet8", "cifar10_resnet8"},
      {"Small Demo, trial 7", "small_demo_trial_7"},
      {"  --x--  ", "x"},
      {"a__b", "a_b"},
      {"", "model"},
      {"\xc3\xa4\xc3\xb6", "model"},
      {"\xff", "model"},
      {"Stra\xc3\x9f"
       "e",
       "stra_e"},
      {"3d", "model_3d"},
      {"int", "model_int"},
      {"Class", "model_class"},
      {"string", "model_string"},
      {"stdio", "model_stdio"},
      {"math", "model_math"},
      {"test", "model_test"},
      {"m", "model_m"},
      {"main", "model_main"},
      {"sem", "model_sem"},
      {"NUL", "model_nul"},
      {"arm_nnfunctions", "model_arm_nnfunctions"},
      {"paretiny", "model_paretiny"},
      {"paretiny_conv", "model_paretiny_conv"},
      {"pt_x", "model_pt_x"},
      {std::string(1000, 'x'), std::string(40, 'x')},
      {std::string(39, 'x') + "-y", std::string(39, 'x')},
      {"*/ int x; /*", "int_x"},
  };
  for (const auto& [text, name] : cases) {
    EXPECT_EQ(export_name(text), name) << text;
    EXPECT_NO_THROW(check_export_name(export_name(text))) << text;
  }
}

TEST(ExportName, OfAUserIsChecked) {
  for (const char* name : {"demo", "Demo", "a1", "left_eye"})
    EXPECT_NO_THROW(check_export_name(name));
  for (const std::string& name :
       {std::string(""), std::string("1a"), std::string("a-b"), std::string("a b"),
        std::string("_a"), std::string("a_"), std::string("a__b"), std::string("\xc3\xa4"),
        std::string("a/b"), std::string("../a"), std::string("int"), std::string("INT"),
        std::string("stdint"), std::string("pt_a"), std::string("all"), std::string(41, 'x'),
        std::string("x\n;y")}) {
    try {
      check_export_name(name);
      ADD_FAILURE() << name;
    } catch (const UsageError& error) {
      const std::string what = error.what();
      EXPECT_NE(what.find("'" + export_name(name) + "' would do"), std::string::npos) << what;
      EXPECT_EQ(what.find('\n'), std::string::npos);
    }
  }
}

TEST(Printable, IsUtf8OnOneLine) {
  EXPECT_EQ(one_line("plain, Kl\xc3\xa4sse \xe2\x9c\x93 \xf0\x9f\x98\x80"),
            "plain, Kl\xc3\xa4sse \xe2\x9c\x93 \xf0\x9f\x98\x80");
  EXPECT_EQ(one_line("a\nb\tc\r\x7f"
                     "d"),
            "a b c  d");
  EXPECT_EQ(one_line(std::string("\0", 1)), " ");
  // Right-to-left override, line separator, next line, byte-order mark.
  EXPECT_EQ(one_line("a\xe2\x80\xae"
                     "b\xe2\x80\xa8"
                     "c\xc2\x85"
                     "d\xef\xbb\xbf"),
            "a b c d ");
  // Overlong, surrogate, beyond U+10FFFF, cut short.
  for (const char* bad : {"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff"}) {
    EXPECT_FALSE(is_utf8(bad));
    EXPECT_TRUE(is_utf8(one_line(bad)));
    EXPECT_TRUE(one_line(bad).starts_with("\xef\xbf\xbd"));
  }
  for (const std::string& name : kHostile) {
    EXPECT_TRUE(is_utf8(one_line(name)));
    EXPECT_EQ(one_line(one_line(name)), one_line(name));
  }
}

TEST(MarkdownText, IsNoMarkup) {
  EXPECT_EQ(markdown_text("tiny, trial 7"), "tiny, trial 7");
  EXPECT_EQ(markdown_text("a|b `c` <i>*_d_*</i> [x](y)\\\n# h"),
            "a\\|b \\`c\\` \\<i\\>\\*\\_d\\_\\*\\</i\\> \\[x\\](y)\\\\ \\# h");
}

}  // namespace
}  // namespace paretiny::deploy
