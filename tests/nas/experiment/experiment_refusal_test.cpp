// What is wrong with an experiment is said in one sentence, with its place.
#include <algorithm>
#include <sstream>

#include "base/one_line.h"
#include "tests/nas/experiment/experiment_fixture.h"

namespace paretiny::experiment {
namespace {

using test::says;
using ExperimentRefusalTest = ExperimentTest;

TEST_F(ExperimentRefusalTest, UnknownKeysNameTheNearestWithFileAndLine) {
  EXPECT_TRUE(says(refusal_of("epochs = 1", "epochz = 1"),
                   {"tiny.toml line 20: training.epochz", "did you mean 'epochs'"}));
  EXPECT_TRUE(says(refusal_of("[pruning]", "[prunning]"), {"did you mean 'pruning'"}));
  EXPECT_TRUE(says(refusal_of("samples = 300", "sampels = 300"), {"did you mean 'samples'"}));
  EXPECT_TRUE(says(refusal_of("trials = 8", "trails = 8"), {"did you mean 'trials'"}));
  EXPECT_TRUE(says(refusal_of("rom =", "rum ="), {"constraints.rum"}));
  EXPECT_TRUE(says(refusal_of("blocks = 1", "block = 1"), {"did you mean 'blocks'"}));
  EXPECT_TRUE(says(refusal_of("log = true", "lag = true"), {"did you mean 'log'"}));
  EXPECT_TRUE(says(refusal_of("\"ds_cnn\"", "\"dscnn\""), {"did you mean 'ds_cnn'"}));
  EXPECT_TRUE(says(refusal_of("\"ars\"", "\"arss\""), {"did you mean 'ars'"}));
  EXPECT_TRUE(says(refusal_of("\"agp\"", "\"apg\""), {"did you mean 'agp'"}));
  EXPECT_TRUE(says(refusal_of("\"synthetic\"", "\"syntetic\""), {"did you mean 'synthetic'"}));
}

TEST_F(ExperimentRefusalTest, WrongTypesAndRanges) {
  EXPECT_TRUE(says(refusal({"training.epochs=many"}), {"training.epochs must be a whole"}));
  EXPECT_TRUE(says(refusal({"training.epochs=1.5"}), {"must be a whole number"}));
  EXPECT_TRUE(says(refusal({"training.epochs=1e18"}), {"must be a whole number"}));
  EXPECT_TRUE(says(refusal({"training.epochs=1000000000000000000"}), {"between 1 and"}));
  EXPECT_TRUE(says(refusal({"training.epochs=0"}), {"training.epochs is 0"}));
  EXPECT_TRUE(says(refusal({"training.learning_rate=nan"}), {"training.learning_rate is nan"}));
  EXPECT_TRUE(says(refusal({"training.learning_rate=inf"}), {"training.learning_rate is inf"}));
  EXPECT_TRUE(says(refusal({"training.flip=1"}), {"must be true or false"}));
  EXPECT_TRUE(says(refusal({"study.instructions=1"}), {"must be true or false"}));
  EXPECT_TRUE(says(refusal({"study.verify=4"}), {"study.verify must be a text"}));
  EXPECT_TRUE(says(refusal({"study.target=picco"}), {"study.target", "did you mean 'pico'"}));
  EXPECT_TRUE(says(refusal({"training.optimizer=3"}), {"must be a text"}));
  EXPECT_TRUE(says(refusal({"training.milestones=0.5"}), {"must be a list of numbers"}));
  EXPECT_TRUE(says(refusal({"training.milestones=[0.5, \"x\"]"}), {"must be a list of numbers"}));
  EXPECT_TRUE(says(refusal({"training=5"}), {"'training' must be a table"}));
  EXPECT_TRUE(says(refusal({"space=5"}), {"must be made of tables"}));
  EXPECT_TRUE(says(refusal({"space.training.batch=5"}), {"space.training.batch must be a table"}));
  EXPECT_TRUE(says(refusal({"study.seed=-1"}), {"study.seed is -1"}));
  EXPECT_TRUE(says(refusal({"study.trials=0"}), {"study.trials is 0"}));
  EXPECT_TRUE(says(refusal({"study.name="}), {"study.name"}));
  EXPECT_TRUE(says(refusal({"study.name=../up"}), {"study.name"}));
  EXPECT_TRUE(says(refusal({"study.store="}), {"study.store must name a file"}));
  EXPECT_TRUE(says(refusal({"pruning.begin=0.9", "pruning.end=0.5"}), {"before pruning.begin"}));
  EXPECT_TRUE(says(refusal({"dataset.samples={a = 1}"}), {"dataset.samples must be a value"}));
  EXPECT_TRUE(says(refusal({"sampler.policies=x"}), {"sampler.policies must be a number"}));
  EXPECT_TRUE(says(refusal({"training.epochs=\"5\""}), {"whole number; it is the text \"5\""}));
  EXPECT_TRUE(says(refusal({"training.epochs=2.5"}), {"whole number; it is 2.5"}));
  EXPECT_TRUE(says(refusal({"training.flip=[1]"}), {"true or false; it is a list"}));
}

TEST_F(ExperimentRefusalTest, EveryNumberIsFiniteAndInItsRange) {
  for (const char* key :
       {"training.learning_rate", "training.momentum", "training.weight_decay", "training.warmup",
        "training.step_factor", "training.label_smoothing", "training.noise", "pruning.sparsity",
        "pruning.begin", "pruning.end", "pruning.sparsity_of.stem", "quantization.percentile",
        "quantization.fine_tune_rate", "model.width", "dataset.validation", "sampler.policies",
        "space.training.learning_rate.high"}) {
    for (const char* value : {"nan", "-nan", "inf", "-inf", "1e301", "-1"}) {
      if (std::string(value) == "-1" && std::string(key) == "sampler.policies") continue;
      const std::string sentence = refusal({std::string(key) + "=" + value});
      EXPECT_NE(sentence, "accepted") << key << " = " << value;
      EXPECT_LT(sentence.size(), 300u) << sentence;
    }
  }
}

TEST_F(ExperimentRefusalTest, SentencesAreOneLine) {
  for (const char* text : {"a\nb", "a\x1B[2Jb",
                           "a\x9B"
                           "b",
                           "a\u2028b"}) {
    for (const char* key : {"study.sampler", "study.target", "dataset.format", "model.name",
                            "training.optimizer", "constraints.rom", "training.epochs"}) {
      const std::string sentence = refusal({std::string(key) + "=" + text});
      EXPECT_NE(sentence, "accepted") << key;
      EXPECT_EQ(one_line(sentence), sentence) << key;
    }
  }
  EXPECT_TRUE(says(refusal({}, "\"tr\\naining\" = 5\n"), {"tr aining"}));
}

TEST_F(ExperimentRefusalTest, AnUnknownBoardIsAnsweredWithEachBoardOnce) {
  const std::string sentence = refusal({"study.target=foobarfoobar"});
  const std::size_t first = sentence.find("pico");
  ASSERT_NE(first, std::string::npos) << sentence;
  std::vector<std::string> names;
  std::istringstream list(sentence.substr(sentence.find("known: ") + 7));
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  const std::size_t all = names.size();
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()) - names.begin(),
            static_cast<std::ptrdiff_t>(all));
}

TEST_F(ExperimentRefusalTest, PrefixesOfLayersHaveSlashes) {
  const std::vector<std::vector<std::string>> written = {
      {"", "pruning.sparsity_of.stage1/1=0.5"},
      {"[pruning.sparsity_of]\n\"stage1/1\" = 0.5\n"},
  };
  for (const std::vector<std::string>& way : written) {
    const Experiment experiment =
        load({way.begin() + 1, way.end()}, test::tiny_experiment() + way.front());
    const CandidateSpec spec = experiment.candidate();
    ASSERT_EQ(spec.pruning.overrides.size(), 1u);
    EXPECT_EQ(spec.pruning.overrides[0].prefix, "stage1/1");
    EXPECT_EQ(spec.pruning.overrides[0].sparsity, 0.5);
  }
}

TEST_F(ExperimentRefusalTest, OnlyGradualPruningHasAnEnd) {
  EXPECT_TRUE(says(refusal({"pruning.begin=0.8"}), {"pruning.end lies before pruning.begin"}));
  for (const char* schedule : {"one_shot", "none"}) {
    const Experiment experiment =
        load({"pruning.begin=0.8", std::string("pruning.schedule=") + schedule});
    EXPECT_EQ(experiment.candidate({}).pruning.begin, 0.8) << schedule;
  }
}

TEST_F(ExperimentRefusalTest, AnUnknownTargetListsEveryBoardOnce) {
  const std::string sentence = refusal({"study.target=foo"});
  EXPECT_TRUE(says(sentence, {"'foo' is no target", "nano33ble", "cortex-m4"}));
  for (const char* name : {"nano33ble", "pico", "cortex-m55"}) {
    EXPECT_EQ(sentence.find(name), sentence.rfind(name)) << sentence;
  }
}

TEST_F(ExperimentRefusalTest, MissingTables) {
  EXPECT_TRUE(says(refusal_of("name = \"ds_cnn\"\n", ""),
                   {"tiny.toml line 15: model.name is missing", "resnet8"}));
  EXPECT_TRUE(says(refusal_of("format = \"synthetic\"\n", ""), {"dataset.format is missing"}));
  EXPECT_THROW(load_experiment(file("", "empty.toml")), UsageError);
}

TEST_F(ExperimentRefusalTest, WhatIsNoTomlIsAUsageErrorAndAMissingFileADataError) {
  const auto sentence = [&](const std::filesystem::path& path) -> std::string {
    try {
      load_experiment(path);
    } catch (const UsageError& error) {
      return std::string("usage: ") + error.what();
    } catch (const DataError& error) {
      return std::string("data: ") + error.what();
    }
    return "accepted";
  };
  EXPECT_TRUE(says(sentence(file("a = 1\n[study\n", "bad.toml")), {"usage: ", "bad.toml line 2:"}));
  EXPECT_TRUE(
      says(sentence(file("a = 1\n\na = 2\n", "bad.toml")), {"usage: ", "bad.toml line 3:"}));
  EXPECT_TRUE(says(sentence(file(std::string("\xff\xfe\0x", 4), "bad.toml")), {"line 1"}));
  EXPECT_TRUE(says(sentence(file(std::string(100000, '['), "bad.toml")), {"line 1"}));
  EXPECT_TRUE(says(sentence(folder_ / "none.toml"), {"data: there is no experiment file"}));
  EXPECT_TRUE(says(sentence(folder_), {"data: there is no experiment file"}));
}

TEST_F(ExperimentRefusalTest, OverridesThatAreNone) {
  EXPECT_TRUE(says(refusal({"nonsense"}), {"not of the form key=value"}));
  EXPECT_TRUE(says(refusal({"=5"}), {"not of the form key=value"}));
  EXPECT_TRUE(says(refusal({"a..b=5"}), {"a part of it is empty"}));
  EXPECT_TRUE(says(refusal({"training.=5"}), {"its last part is empty"}));
  EXPECT_TRUE(says(refusal({"training.batch.size=5"}), {"'training.batch' is no table"}));
  EXPECT_TRUE(says(refusal({"a[.b=5"}), {"not a known key"}));
  EXPECT_TRUE(says(refusal({"trainin.epochs=5"}), {"did you mean 'training'"}));
}

}  // namespace
}  // namespace paretiny::experiment
