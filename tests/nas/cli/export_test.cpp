// What `paretiny export` writes, and what it refuses.
#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/deploy/formats/model_file.h"
#include "engine/deploy/formats/onnx.h"
#include "engine/deploy/formats/tflite.h"
#include "tests/engine/deploy/random_network.h"
#include "tests/nas/cli/program.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::cli {
namespace {

using test::Ended;
using test::says;

class ExportTest : public test::FolderTest {
 protected:
  ExportTest() : model_(test::deployed(test::random_network(test::random_graph(1), 1), "model")) {
    deploy::save_model(model_, folder_ / "model.ptny");
  }

  Ended run(std::vector<std::string> more) {
    more.insert(more.begin(), {"export", "--model", "model.ptny"});
    return test::run(folder_, more);
  }
  std::string read(const char* name) {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const deploy::DeployedModel model_;
};

TEST_F(ExportTest, WritesFilesOfOtherFormats) {
  const Ended tflite = run({"--format", "tflite", "--out", "a.tflite"});
  EXPECT_EQ(tflite.code, 0) << tflite.err;
  EXPECT_TRUE(says(tflite.out, {"file", "a.tflite"}));
  const std::vector<std::uint8_t> bytes = deploy::tflite_model(model_);
  EXPECT_EQ(read("a.tflite"), std::string(bytes.begin(), bytes.end()));
  EXPECT_EQ(run({"--format", "onnx", "--out", "a.onnx"}).code, 0);
  EXPECT_EQ(read("a.onnx"), deploy::onnx_model(model_));
}

TEST_F(ExportTest, KeepsWhatIsThere) {
  std::ofstream(folder_ / "there") << "mine";
  for (const char* format : {"tflite", "onnx", "c"}) {
    const Ended ended = run({"--format", format, "--out", "there"});
    EXPECT_EQ(ended.code, 2) << format;
    EXPECT_TRUE(says(ended.err, {"there"})) << format;
    EXPECT_EQ(read("there"), "mine");
  }
}

TEST_F(ExportTest, CallsCmsisNnInCCode) {
  const Ended ended = run({"--kernels", "cmsis-nn", "--out", "c"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(says(ended.out, {"without code and stack", "--cmsis-nn DIR"}));
  EXPECT_TRUE(says(read("c/model.c"), {"TRY(pt_cmsis_nn_"}));
  EXPECT_TRUE(says(read("c/paretiny_cmsis_nn.c"), {"arm_nnfunctions.h"}));
  EXPECT_TRUE(says(read("c/CMakeLists.txt"), {"MODEL_CMSIS_NN"}));
  EXPECT_TRUE(says(read("c/README.md"), {"CMSIS-NN", "not known"}));
  EXPECT_EQ(run({"--out", "own"}).code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "own" / "paretiny_cmsis_nn.c"));
}

TEST_F(ExportTest, CmsisNnIsRefusedWhereItCannotBe) {
  for (const char* format : {"tflite", "onnx"}) {
    const Ended ended = run({"--kernels", "cmsis-nn", "--format", format, "--out", "a"});
    EXPECT_EQ(ended.code, 2) << format;
    EXPECT_TRUE(says(ended.err, {"--kernels cmsis-nn is for C code", format}));
  }
  const Ended own = run({"--cmsis-nn", ".", "--out", "a"});
  EXPECT_EQ(own.code, 2);
  EXPECT_TRUE(says(own.err, {"--cmsis-nn belongs to --kernels cmsis-nn"}));
  const Ended nothing = run({"--kernels", "cmsis-nn", "--cmsis-nn", ".", "--out", "a"});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_TRUE(says(nothing.err, {"'.'", "Include/arm_nnfunctions.h", "ARM-software/CMSIS-NN"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a"));
  const Ended unbuilt =
      test::run(folder_, {"verify", "--model", "model.ptny", "--kernels", "cmsis-nn"});
  EXPECT_EQ(unbuilt.code, 2);
  EXPECT_TRUE(says(unbuilt.err, {"--cmsis-nn DIR", "libcmsis-nn.a"}));
}

TEST_F(ExportTest, HasANameOfItsOwn) {
  deploy::DeployedModel model = model_;
  model.name = "3-D eye, trial 7";
  deploy::save_model(model, folder_ / "eye.ptny");
  const auto exported = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"export", "--model", "eye.ptny"});
    return test::run(folder_, more);
  };
  EXPECT_EQ(exported({"--out", "c"}).code, 0);
  EXPECT_TRUE(says(read("c/model_3_d_eye_trial_7.h"), {"MODEL_3_D_EYE_TRIAL_7_INPUT_BYTES"}));
  EXPECT_TRUE(says(read("c/CMakeLists.txt"), {"add_library(model_3_d_eye_trial_7 "}));
  EXPECT_TRUE(says(read("c/README.md"), {"model_3_d_eye_trial_7_init()"}));
  EXPECT_EQ(exported({"--out", "named", "--name", "Left_Eye"}).code, 0);
  EXPECT_TRUE(says(read("named/Left_Eye.c"), {"Left_Eye_run_", "#include \"Left_Eye_weights.h\""}));
  for (const char* name : {"int", "3d", "a-b", "string"}) {
    const Ended ended = exported({"--out", "refused", "--name", name});
    EXPECT_EQ(ended.code, 2) << name;
    EXPECT_TRUE(says(ended.err, {std::string("--name '") + name, "would do"}));
  }
  const Ended other = exported({"--out", "refused", "--format", "onnx", "--name", "eye"});
  EXPECT_EQ(other.code, 2);
  EXPECT_TRUE(says(other.err, {"--name is for C code", "onnx"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "refused"));
}

TEST_F(ExportTest, SaysWhereItsTemporaryFilesCannotBe) {
  const std::filesystem::path before = std::filesystem::temp_directory_path();
  setenv("TMPDIR", "/nowhere/at/all", 1);
  const Ended ended = test::run(folder_, {"verify", "--model", "model.ptny"});
  setenv("TMPDIR", before.c_str(), 1);
  EXPECT_EQ(ended.code, 3);
  EXPECT_TRUE(says(ended.err, {"folder for temporary files", "TMPDIR"}));
}

TEST_F(ExportTest, RefusesWhatCannotBe) {
  EXPECT_EQ(run({"--format", "caffe", "--out", "a"}).code, 2);
  EXPECT_EQ(run({"--format", "onnx", "--out", "nowhere/a.onnx"}).code, 3);
  std::ofstream(folder_ / "boards.toml")
      << "[tiny]\nboard = \"Tiny\"\ncore = \"cortex-m4\"\nflash = \"1 KB\"\nram = \"64 KB\"\n"
         "clock_mhz = 1\n";
  const Ended small = run(
      {"--format", "tflite", "--out", "a.tflite", "--targets", "boards.toml", "--target", "tiny"});
  EXPECT_EQ(small.code, 2);
  EXPECT_TRUE(says(small.err, {"flash", "Tiny"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.tflite"));
}

}  // namespace
}  // namespace paretiny::cli
