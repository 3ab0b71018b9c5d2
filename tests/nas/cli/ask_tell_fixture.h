// A black box in a folder of its own, asked and told by the program.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "nas/study/study.h"
#include "tests/nas/cli/program.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::test {

class AskTellCliTest : public FolderTest {
 protected:
  AskTellCliTest() { space("[objectives.loss]\n[objectives.time]\nlimit = 5.0\n"); }

  void space(const std::string& objectives) {
    std::ofstream(folder_ / "box.toml") << R"([study]
sampler = "nsga2"
seed = 3
[space.x]
low = -1.0
high = 1.0
[space.k]
low = 1
high = 9
[space.c]
choices = ["a", "b"]
)" << objectives;
  }
  Ended ask(std::vector<std::string> more = {}, const std::string& study = "s.sqlite") {
    more.insert(more.begin(), {"ask", study});
    return run(folder_, more);
  }
  /// `lines` on standard input; the program's own words may hold quotes, so they go through a file.
  Ended tell(const std::string& lines) {
    std::ofstream(folder_ / "told.jsonl") << lines;
    const std::string command = "cd " + folder_.string() +
                                " && " PARETINY_BIN
                                "/paretiny tell s.sqlite < told.jsonl > answers 2> sentence";
    const int status = std::system(command.c_str());
    return {WEXITSTATUS(status), text("answers"), text("sentence")};
  }
  std::string text(const std::string& name) {
    std::ifstream file(folder_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<study::Trial> trials() { return study::open_study(folder_ / "s.sqlite")->trials(); }
  static std::vector<nlohmann::json> lines_of(const std::string& text) {
    std::vector<nlohmann::json> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
      lines.push_back(nlohmann::json::parse(line));
    return lines;
  }
};

}  // namespace paretiny::test
