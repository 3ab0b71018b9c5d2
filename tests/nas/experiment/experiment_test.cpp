#include "nas/experiment/experiment.h"

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "base/one_line.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::experiment {
namespace {

using test::says;

class ExperimentTest : public test::FolderTest {
 protected:
  Experiment load(const std::vector<std::string>& overrides = {},
                  const std::string& text = test::tiny_experiment() + test::tiny_space()) {
    return load_experiment(file(text), overrides);
  }

  /// The sentence of the UsageError that loading ends with.
  std::string refusal(const std::vector<std::string>& overrides, const std::string& more = "") {
    try {
      load(overrides, test::tiny_experiment() + test::tiny_space() + more);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  }

  /// The same for a piece of the file that is replaced.
  std::string refusal_of(const std::string& old_text, const std::string& new_text) {
    std::string text = test::tiny_experiment() + test::tiny_space();
    const std::size_t at = text.find(old_text);
    EXPECT_NE(at, std::string::npos) << old_text;
    text.replace(at, old_text.size(), new_text);
    try {
      load({}, text);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  }

  const space::Parameter* parameter(const Experiment& experiment, const std::string& name) {
    for (const space::Parameter& each : experiment.space.parameters()) {
      if (each.name == name) return &each;
    }
    return nullptr;
  }
};

TEST_F(ExperimentTest, ReadsWhatTheFileSays) {
  const Experiment experiment = load();
  EXPECT_EQ(experiment.name, "tiny");
  EXPECT_EQ(experiment.store, "tiny.sqlite");
  EXPECT_EQ(experiment.trials, 8);
  EXPECT_EQ(experiment.initial, 4);
  EXPECT_EQ(experiment.seed, 3u);
  EXPECT_EQ(experiment.sampler, "ars");
  EXPECT_TRUE(experiment.sampler_options.empty());
  EXPECT_EQ(experiment.dataset.format, "synthetic");
  EXPECT_EQ(experiment.dataset.options.at("samples"), "300");
  ASSERT_TRUE(experiment.limits.rom);
  EXPECT_EQ(experiment.limits.rom->value, 5000);
  EXPECT_EQ(experiment.limits.rom->text, "5 KB");
  EXPECT_FALSE(experiment.limits.error);
  EXPECT_EQ(experiment.space.parameters().size(), 5u);
  const space::Parameter* rate = parameter(experiment, "training.learning_rate");
  ASSERT_NE(rate, nullptr);
  EXPECT_EQ(rate->kind, space::ParameterKind::real);
  EXPECT_TRUE(rate->log);
  EXPECT_EQ(parameter(experiment, "training.epochs")->kind, space::ParameterKind::integer);
  EXPECT_EQ(parameter(experiment, "pruning.criterion")->kind, space::ParameterKind::categorical);
}

TEST_F(ExperimentTest, NamesAndStoresFollowTheFile) {
  const Experiment experiment = load_experiment(
      file("dataset.format = \"synthetic\"\nmodel.name = \"resnet8\"\n", "mine.toml"));
  EXPECT_EQ(experiment.name, "mine");
  EXPECT_EQ(experiment.store, "studies/mine.sqlite");
  EXPECT_TRUE(experiment.space.parameters().empty());
}

TEST_F(ExperimentTest, UnknownKeysNameTheNearestWithFileAndLine) {
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

TEST_F(ExperimentTest, WrongTypesAndRanges) {
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

TEST_F(ExperimentTest, StoppingHasKeysOfItsOwn) {
  EXPECT_EQ(load().stop.method, stopping::StopMethod::off);
  EXPECT_EQ(load().checkpoint, 5);
  const Experiment experiment =
      load({"study.stop=hypervolume", "study.stop_alpha=0.2", "study.stop_delta=0.01",
            "study.stop_run_on=0.1", "study.stop_fractions=[0.25, 0.5]", "study.checkpoint=0"});
  EXPECT_EQ(experiment.stop.method, stopping::StopMethod::hypervolume);
  EXPECT_EQ(experiment.stop.alpha, 0.2);
  EXPECT_EQ(experiment.stop.delta, 0.01);
  EXPECT_EQ(experiment.stop.run_on, 0.1);
  EXPECT_EQ(experiment.stop.fractions, (std::vector<double>{0.25, 0.5}));
  EXPECT_EQ(experiment.checkpoint, 0);
  EXPECT_EQ(load({"study.stop=asha", "study.stop_eta=3"}).stop.eta, 3);
  EXPECT_EQ(experiment.task, load().task) << "a study may be gone on with under another rule";

  EXPECT_TRUE(says(refusal({"study.stop=hypervolum"}), {"study.stop", "'hypervolume'"}));
  EXPECT_TRUE(says(refusal({"study.stop=true"}), {"study.stop"}));
  EXPECT_TRUE(says(refusal({"study.stop_alfa=0.1"}), {"stop_alfa", "'stop_alpha'"}));
  for (const char* wrong :
       {"stop_alpha=0", "stop_alpha=1", "stop_alpha=nan", "stop_delta=-1", "stop_run_on=1.5",
        "stop_eta=1", "stop_fractions=[]", "stop_fractions=[0.5, 0.25]", "stop_fractions=[0]",
        "stop_fractions=[0.5, 1]", "stop_fractions=0.5", "checkpoint=-1"}) {
    const std::string key(wrong, std::string_view(wrong).find('='));
    EXPECT_TRUE(says(refusal({std::string("study.") + wrong}), {"study." + key})) << wrong;
  }
}

TEST_F(ExperimentTest, ListsOfNumbers) {
  const auto milestones = [&](const std::string& list) {
    return refusal({"training.milestones=" + list});
  };
  EXPECT_TRUE(says(milestones("[nan]"), {"training.milestones holds nan", "between 0 and 1"}));
  EXPECT_TRUE(says(milestones("[inf]"), {"holds inf"}));
  EXPECT_TRUE(says(milestones("[-0.1]"), {"holds -0.1"}));
  EXPECT_TRUE(says(milestones("[0.5, 60]"), {"holds 60"}));
  EXPECT_TRUE(says(milestones("[0.75, 0.5]"), {"must rise"}));
  EXPECT_TRUE(says(milestones("[0.5, 0.5]"), {"must rise"}));
  EXPECT_TRUE(says(milestones("[true]"), {"it holds true"}));
  EXPECT_EQ(load({"training.milestones=[0.25, 0.5, 1]"}).candidate().training.milestones,
            (std::vector<double>{0.25, 0.5, 1}));
  EXPECT_TRUE(load({"training.milestones=[]"}).candidate().training.milestones.empty());
}

TEST_F(ExperimentTest, EveryNumberIsFiniteAndInItsRange) {
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

TEST_F(ExperimentTest, SentencesAreOneLine) {
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

TEST_F(ExperimentTest, AnUnknownBoardIsAnsweredWithEachBoardOnce) {
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

TEST_F(ExperimentTest, PrefixesOfLayersHaveSlashes) {
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

TEST_F(ExperimentTest, OnlyGradualPruningHasAnEnd) {
  EXPECT_TRUE(says(refusal({"pruning.begin=0.8"}), {"pruning.end lies before pruning.begin"}));
  for (const char* schedule : {"one_shot", "none"}) {
    const Experiment experiment =
        load({"pruning.begin=0.8", std::string("pruning.schedule=") + schedule});
    EXPECT_EQ(experiment.candidate({}).pruning.begin, 0.8) << schedule;
  }
}

TEST_F(ExperimentTest, AnUnknownTargetListsEveryBoardOnce) {
  const std::string sentence = refusal({"study.target=foo"});
  EXPECT_TRUE(says(sentence, {"'foo' is no target", "nano33ble", "cortex-m4"}));
  for (const char* name : {"nano33ble", "pico", "cortex-m55"}) {
    EXPECT_EQ(sentence.find(name), sentence.rfind(name)) << sentence;
  }
}

TEST_F(ExperimentTest, MissingTables) {
  EXPECT_TRUE(says(refusal_of("name = \"ds_cnn\"\n", ""),
                   {"tiny.toml line 15: model.name is missing", "resnet8"}));
  EXPECT_TRUE(says(refusal_of("format = \"synthetic\"\n", ""), {"dataset.format is missing"}));
  EXPECT_THROW(load_experiment(file("", "empty.toml")), UsageError);
}

TEST_F(ExperimentTest, Limits) {
  EXPECT_TRUE(says(refusal({"constraints.rom=100"}), {"constraints.rom needs a unit"}));
  EXPECT_TRUE(says(refusal({"constraints.rom=100 kb"}), {"'100 kb'"}));
  EXPECT_TRUE(says(refusal({"constraints.ram=1 MFLOPs"}), {"B, KB, MB, KiB, MiB"}));
  EXPECT_TRUE(says(refusal({"constraints.flops=1 KB"}), {"MFLOPs"}));
  EXPECT_TRUE(says(refusal({"constraints.rom=0 KB"}), {"constraints.rom is 0 KB"}));
  EXPECT_TRUE(says(refusal({"constraints.rom=-5 KB"}), {"constraints.rom"}));
  EXPECT_TRUE(says(refusal({"constraints.accuracy=0.8"}), {"needs a unit"}));
  EXPECT_TRUE(says(refusal({"constraints.accuracy=150 %"}), {"below 100 %"}));
  const Experiment experiment =
      load({"constraints.accuracy=80 %", "constraints.ram=16KiB", "constraints.flops=2 MMACs"});
  EXPECT_DOUBLE_EQ(experiment.limits.error->value, 1 - 0.8);
  EXPECT_EQ(experiment.limits.error->text, "80 %");
  EXPECT_EQ(experiment.limits.ram->value, 16384);
  EXPECT_EQ(experiment.limits.flops->value, 4e6);
}

TEST_F(ExperimentTest, Spaces) {
  EXPECT_TRUE(
      says(refusal({"space.training.learning_rate.low=2"}), {"training.learning_rate", "above"}));
  EXPECT_TRUE(says(refusal({"space.training.learning_rate.low=0"}), {"must be > 0"}));
  EXPECT_TRUE(says(refusal({}, "[space.training.lerning_rate]\nlow = 1\nhigh = 2\n"),
                   {"did you mean 'learning_rate'"}));
  EXPECT_TRUE(says(refusal({}, "[space.dataset.limit]\nlow = 1\nhigh = 2\n"), {"space.dataset"}));
  EXPECT_TRUE(
      says(refusal({}, "[space.model.blocks]\nlow = 1\nhigh = 40\n"), {"model.blocks is 40"}));
  EXPECT_TRUE(
      says(refusal({}, "[space.model.blocks]\nlow = 0\nhigh = 4\n"), {"model.blocks is 0"}));
  EXPECT_TRUE(
      says(refusal({}, "[space.model.blocks]\nlow = 0.5\nhigh = 4\n"), {"must be a whole number"}));
  EXPECT_TRUE(says(refusal({}, "[space.training.batch]\nlow = 8\n"), {"are both needed"}));
  EXPECT_TRUE(says(refusal({}, "[space.training.batch]\n"), {"are both needed"}));
  EXPECT_TRUE(
      says(refusal({}, "[space.\"training.batch\"]\nlow = 8\nhigh = 9\n"), {"without quotes"}));
  EXPECT_TRUE(says(refusal({}, "[space.training.batch]\nlow = 8\nhigh = 9\ntype = \"whole\"\n"),
                   {"known: float, int, categorical"}));
  const std::string choices = "space.pruning.criterion.choices=";
  EXPECT_TRUE(says(refusal({choices + "[\"l1\", \"l3\"]"}), {"pruning.criterion is 'l3'"}));
  EXPECT_TRUE(says(refusal({choices + "[]"}), {"no choices"}));
  EXPECT_TRUE(says(refusal({choices + "[\"l1\", \"l1\"]"}), {"twice"}));
  EXPECT_TRUE(says(refusal({choices + "l1"}), {"must be a list"}));
  EXPECT_TRUE(says(refusal({choices + "[[\"l1\"], [\"l2\"]]"}), {"must be names"}));
}

TEST_F(ExperimentTest, WhatIsNoTomlIsAUsageErrorAndAMissingFileADataError) {
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

TEST_F(ExperimentTest, OverridesWinAndLeaveTheSpace) {
  const Experiment experiment =
      load({"training.epochs=7", "training.epochs=9", "model.width=0.5", "training.flip=true",
            "training.optimizer=adam", "training.milestones=[0.25, 0.5]", "dataset.noise=0.5",
            "study.name=2024-01-01"});
  EXPECT_EQ(experiment.name, "2024-01-01");
  EXPECT_EQ(parameter(experiment, "training.epochs"), nullptr);
  EXPECT_NE(parameter(experiment, "training.learning_rate"), nullptr);
  // The last key of its group: the group goes too.
  EXPECT_EQ(parameter(experiment, "model.width"), nullptr);
  EXPECT_EQ(experiment.space.parameters().size(), 3u);
  const CandidateSpec spec = experiment.candidate();
  EXPECT_EQ(spec.training.epochs, 9);
  EXPECT_EQ(spec.model.width, 0.5);
  EXPECT_TRUE(spec.training.flip);
  EXPECT_EQ(spec.training.optimizer, train::Optimizer::adam);
  EXPECT_EQ(spec.training.milestones, (std::vector<double>{0.25, 0.5}));
  EXPECT_EQ(experiment.dataset.options.at("noise"), "0.5");
}

TEST_F(ExperimentTest, OverridesMayWriteTheSpace) {
  const Experiment experiment =
      load({"space.training.batch={low = 16, high = 32}", "space.model.width.high=0.75"});
  EXPECT_EQ(parameter(experiment, "training.batch")->high, 32);
  EXPECT_EQ(parameter(experiment, "model.width")->high, 0.75);
}

TEST_F(ExperimentTest, EveryKeySetLeavesNoSpace) {
  EXPECT_TRUE(load({"model.width=1", "training.epochs=1", "training.learning_rate=0.1",
                    "pruning.sparsity=0", "pruning.criterion=l2"})
                  .space.parameters()
                  .empty());
}

TEST_F(ExperimentTest, OverridesThatAreNone) {
  EXPECT_TRUE(says(refusal({"nonsense"}), {"not of the form key=value"}));
  EXPECT_TRUE(says(refusal({"=5"}), {"not of the form key=value"}));
  EXPECT_TRUE(says(refusal({"a..b=5"}), {"a part of it is empty"}));
  EXPECT_TRUE(says(refusal({"training.=5"}), {"its last part is empty"}));
  EXPECT_TRUE(says(refusal({"training.batch.size=5"}), {"'training.batch' is no table"}));
  EXPECT_TRUE(says(refusal({"a[.b=5"}), {"not a known key"}));
  EXPECT_TRUE(says(refusal({"trainin.epochs=5"}), {"did you mean 'training'"}));
}

TEST_F(ExperimentTest, ListsOfADataSetBecomeItsText) {
  const std::string text =
      "[dataset]\nformat = \"npy\"\ntest_subjects = [7, 8]\n[model]\nname = \"ds_cnn\"\n";
  EXPECT_EQ(load_experiment(file(text)).dataset.options.at("test_subjects"), "7,8");
}

TEST_F(ExperimentTest, CandidatesAreLaidOverTheFile) {
  const Experiment experiment = load({}, test::tiny_experiment() + test::tiny_space() + R"(
[space.training.batch]
choices = [16, 32]
[space.training.momentum]
choices = [0.5, 0.9]
[space.training.flip]
choices = [true, false]
[space.pruning.sparsity_of.stem]
low = 0.1
high = 0.2
)");
  const CandidateSpec spec = experiment.candidate({{"model.width", 0.25},
                                                   {"training.epochs", std::int64_t{2}},
                                                   {"training.batch", "16"},
                                                   {"training.momentum", "0.5"},
                                                   {"training.flip", "true"},
                                                   {"pruning.criterion", "taylor"},
                                                   {"pruning.sparsity_of.stem", 0.15}});
  EXPECT_EQ(spec.model.width, 0.25);
  EXPECT_EQ(spec.model.options.at("blocks"), 1);
  EXPECT_EQ(spec.training.epochs, 2);
  EXPECT_EQ(spec.training.batch, 16);
  EXPECT_EQ(spec.training.momentum, 0.5);
  EXPECT_TRUE(spec.training.flip);
  EXPECT_EQ(spec.pruning.criterion, compress::PruningCriterion::taylor);
  ASSERT_EQ(spec.pruning.overrides.size(), 1u);
  EXPECT_EQ(spec.pruning.overrides[0].prefix, "stem");
  EXPECT_EQ(spec.pruning.overrides[0].sparsity, 0.15);
  // The file itself is as it was.
  EXPECT_EQ(experiment.candidate().training.batch, 32);
  EXPECT_THROW(experiment.candidate({{"training.batch", std::int64_t{0}}}), UsageError);
}

TEST_F(ExperimentTest, TheTaskKnowsWhatAResultDependsOn) {
  const Experiment plain = load();
  EXPECT_EQ(load({"study.trials=99", "study.store=other.sqlite"}).task, plain.task);
  EXPECT_EQ(load({"dataset.path=elsewhere"}).task, plain.task);
  for (const char* change : {"training.weight_decay=0.01", "dataset.samples=400", "study.initial=5",
                             "sampler.steps=3", "quantization.samples=100", "model.blocks=2"}) {
    EXPECT_NE(load({change}).task, plain.task) << change;
  }
}

TEST_F(ExperimentTest, DataIsLookedForBesideTheExperiment) {
  const std::string text =
      "[dataset]\nformat = \"cifar10\"\npath = \"pictures\"\n"
      "[model]\nname = \"resnet8\"\n";
  EXPECT_EQ(load_experiment(file(text)).dataset.path, (folder_ / "pictures").string());
}

TEST(Units, AreRead) {
  EXPECT_EQ(parse_bytes("1 B"), 1);
  EXPECT_EQ(parse_bytes("256 KB"), 256000);
  EXPECT_EQ(parse_bytes("256KiB"), 262144);
  EXPECT_EQ(parse_bytes("1.5 MB"), 1.5e6);
  EXPECT_EQ(parse_bytes("2  MiB"), 2097152);
  EXPECT_EQ(parse_flops("7 FLOPs"), 7);
  EXPECT_EQ(parse_flops("400 MFLOPs"), 4e8);
  EXPECT_EQ(parse_flops("1 GFLOPs"), 1e9);
  EXPECT_EQ(parse_flops("3 kMACs"), 6000);
  EXPECT_EQ(parse_instructions("20 M"), 2e7);
  EXPECT_EQ(parse_share("80 %"), 0.8);
  for (const char* text :
       {"", "5", "KB", "5 kb", "five KB", "5 KB KB", "-1 KB", "inf B", "nan B"}) {
    EXPECT_THROW(parse_bytes(text), UsageError) << text;
  }
  EXPECT_THROW(parse_flops("5 FLOPS"), UsageError);
  EXPECT_THROW(parse_instructions("20000000"), UsageError);
  EXPECT_THROW(parse_share("0.8"), UsageError);
}

TEST(Examples, AllLoad) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PARETINY_SOURCE "/examples")) {
    if (entry.path().extension() != ".toml") continue;
    ++count;
    const Experiment experiment = load_experiment(entry.path());
    EXPECT_FALSE(experiment.space.parameters().empty()) << entry.path();
    EXPECT_FALSE(experiment.name.empty());
  }
  EXPECT_GE(count, 5);
}

}  // namespace
}  // namespace paretiny::experiment
