#include "tests/nas/experiment/experiment_fixture.h"

namespace paretiny::experiment {
namespace {

using test::says;

TEST_F(ExperimentTest, ReadsWhatTheFileSays) {
  const Experiment experiment = load();
  EXPECT_EQ(experiment.name, "tiny");
  EXPECT_EQ(experiment.store.text(), "tiny.sqlite");
  EXPECT_EQ(experiment.trials, 8);
  EXPECT_EQ(experiment.initial, 4);
  EXPECT_EQ(experiment.seed, 3u);
  EXPECT_EQ(experiment.sampler, "ars");
  EXPECT_TRUE(experiment.sampler_named);
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
  EXPECT_EQ(experiment.store.text(), "studies/mine.sqlite");
  EXPECT_EQ(experiment.sampler, "ars+");
  EXPECT_FALSE(experiment.sampler_named);
  EXPECT_TRUE(experiment.space.parameters().empty());
}

TEST_F(ExperimentTest, OneSpaceMayHoldSeveralNetworksWithTheirOwnOptions) {
  const std::string text =
      "dataset.format = \"synthetic\"\nmodel.name = \"ds_cnn\"\nmodel.head = 32\n"
      "model.stem_stride = 1\n[space.model.name]\nchoices = [\"ds_cnn\", \"mobilenet_v3\"]\n"
      "[space.model.stem_height]\nlow = 3\nhigh = 5\nwhen = {\"model.name\" = \"ds_cnn\"}\n";
  const Experiment experiment = load_experiment(file(text, "two.toml"));
  using Options = std::map<std::string, double>;
  const space::Value ds_cnn = std::string("ds_cnn"), mobilenet = std::string("mobilenet_v3");
  EXPECT_EQ(experiment.candidate({}).model.options, (Options{{"stem_stride", 1}}));
  EXPECT_EQ(experiment.candidate({{"model.name", ds_cnn}, {"model.stem_height", 3}}).model.options,
            (Options{{"stem_height", 3}, {"stem_stride", 1}}));
  EXPECT_EQ(experiment.candidate({{"model.name", mobilenet}}).model.options,
            (Options{{"head", 32}, {"stem_stride", 1}}));

  const Experiment set = load_experiment(file(text, "two.toml"), {"model.name=mobilenet_v3"});
  EXPECT_TRUE(set.space.parameters().empty());
  EXPECT_EQ(set.candidate({}).model.options, (Options{{"head", 32}, {"stem_stride", 1}}));

  const auto refused = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    try {
      load_experiment(file(changed, "two.toml"));
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_TRUE(says(refused("model.head", "model.haed"), {"model.haed", "'head'"}));
  EXPECT_TRUE(says(refused("head = 32", "head = \"x\""), {"model.head"}));
  EXPECT_TRUE(says(refused(", \"mobilenet_v3\"", ""), {"model.head is not a known key"}));
  EXPECT_TRUE(
      says(refused("mobilenet_v3", "mobilenet_v2"), {"space.model.name", "'mobilenet_v3'"}));
  EXPECT_TRUE(
      says(refused("when = {\"model.name\" = \"ds_cnn\"}\n", ""), {"space.model.stem_height"}))
      << "searched also for a network that has none";
}

TEST_F(ExperimentTest, ANetworkThatIsSearchedNeedsNoNameInTheFile) {
  const std::string text =
      "dataset.format = \"synthetic\"\nmodel.width = 0.5\n"
      "[space.model.name]\nchoices = [\"mobilenet_v3\", \"ds_cnn\"]\n";
  const Experiment experiment = load_experiment(file(text));
  EXPECT_EQ(experiment.candidate({{"model.name", std::string("ds_cnn")}}).model.name, "ds_cnn");
  EXPECT_EQ(experiment.candidate().model.name, "mobilenet_v3") << "the first stands in";
  EXPECT_EQ(load_experiment(file(text), {"model.name=ds_cnn"}).candidate().model.name, "ds_cnn");
  EXPECT_EQ(experiment.task, load_experiment(file("model.name = \"mobilenet_v3\"\n" + text)).task);
}

TEST_F(ExperimentTest, ConditionsOnWhatIsNotSearchedAreHeldAgainstTheFile) {
  const std::string text = test::tiny_experiment() +
                           "[space.training.optimizer]\nchoices = [\"sgd\", \"adam\"]\n"
                           "[space.training.batch]\nchoices = [16, 32]\n"
                           "when = {\"training.optimizer\" = \"adam\"}\n"
                           "[space.training.momentum]\nlow = 0.1\nhigh = 0.9\n"
                           "when = {\"training.batch\" = 16}\n";
  const auto searched = [&](const std::vector<std::string>& overrides) {
    std::string names;
    const Experiment experiment = load(overrides, text);
    for (const space::Parameter& each : experiment.space.parameters()) {
      names += each.name + (each.when.empty() ? " " : "? ");
    }
    return names;
  };
  EXPECT_EQ(searched({}), "training.batch? training.momentum? training.optimizer ");
  EXPECT_EQ(searched({"training.optimizer=adam"}), "training.batch training.momentum? ");
  EXPECT_EQ(searched({"training.optimizer=sgd"}), "");
  EXPECT_EQ(searched({"training.batch=16"}), "training.momentum training.optimizer ");
  EXPECT_EQ(searched({"training.batch=32"}), "training.optimizer ");
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

TEST(Examples, LoadAndSayWhatTheyShowAndWhatTheyTake) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PARETINY_SOURCE "/examples")) {
    if (entry.path().extension() != ".toml") continue;
    ++count;
    const Experiment experiment = load_experiment(entry.path());
    EXPECT_FALSE(experiment.space.parameters().empty()) << entry.path();
    EXPECT_FALSE(experiment.name.empty());
    // The paper's two tasks are searched as in the paper.
    const std::string task = entry.path().stem();
    const bool papers = task == "cifar10_resnet18" || task == "daliac_mobilenetv3";
    EXPECT_EQ(experiment.sampler, papers ? "ars" : "ars+") << entry.path();
    std::ifstream file(entry.path());
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const std::string head = text.substr(0, text.find("\n["));
    EXPECT_TRUE(head.starts_with("# Shows ")) << entry.path();
    EXPECT_TRUE(head.find(" take") != head.npos || head.find("Takes ") != head.npos)
        << entry.path();
  }
  EXPECT_GE(count, 5);
}

TEST_F(ExperimentTest, AStudyInADatabaseHasItsNameThere) {
  EXPECT_EQ(load({"study.store=postgresql:///db"}).store.text(), "postgresql:///db?study=tiny");
  EXPECT_EQ(load({"study.store=postgresql:///db?study=x"}).store.name(), "x");
}

TEST_F(ExperimentTest, AStudyAloneTellsItsExperiment) {
  const Experiment made = load({"study.trials=99", "training.epochs=7"});
  const Experiment told = experiment_of_study(made.text, "a study");
  EXPECT_EQ(told.text, made.text);
  EXPECT_EQ(told.task, made.task);
  EXPECT_EQ(told.trials, 99);
  const Experiment other = experiment_of_study(made.text, "a study", {"study.trials=5"});
  EXPECT_EQ(other.trials, 5);
  EXPECT_EQ(other.task, made.task);
  EXPECT_THROW(experiment_of_study("[study", "a study"), Error);
}

}  // namespace
}  // namespace paretiny::experiment
