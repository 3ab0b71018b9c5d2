// The CUDA stream and its recordings, on a double of CUDA's runtime.
#include <gtest/gtest.h>

#include "base/error.h"
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/libraries.h"
#include "kernels/core/cuda/variants.h"
#include "tests/cuda/cudart_double.h"

namespace paretiny::cuda {

std::string library_versions() {
  return "no libraries";
}

namespace {

using cuda_double::runtime;

// Never run: the double launches nothing. Each case has kernels of its own, since what a kernel was
// allowed is remembered for the whole program.
template <int kCase>
void kernel(int) {}

template <int kCase>
void waiting_kernel(GridDependency, float) {}

constexpr std::size_t kKib = 1024;

LaunchShape with_shared(std::size_t bytes) {
  return {dim3(1), dim3(32), bytes};
}

class CudaStreamTest : public testing::Test {
 protected:
  const std::unique_ptr<Stream> stream_ = cuda_double::fresh_stream(0);
};

TEST_F(CudaStreamTest, ASmallerLaunchTakesNoSharedMemoryFromALargerOne) {
  const auto recording = stream_->record([&] {
    launch(*stream_, "large", kernel<0>, with_shared(200 * kKib), 1);
    launch(*stream_, "small", kernel<0>, with_shared(60 * kKib), 1);
  });
  recording->run();
  EXPECT_NO_THROW(recording->run()) << "the graph is prepared after both were recorded";
  EXPECT_EQ(runtime().replays, 1);
  EXPECT_EQ(runtime().attribute_calls, 1) << "once a kernel";
  launch(*stream_, "other", kernel<1>, with_shared(60 * kKib), 1);
  EXPECT_EQ(runtime().attribute_calls, 2);
  launch(*stream_, "little", kernel<2>, with_shared(kKib), 1);
  EXPECT_EQ(runtime().attribute_calls, 2) << "48 KiB need no permission";
}

TEST_F(CudaStreamTest, AllSharedMemoryCanBeHadAndNoMore) {
  const std::size_t most = shared_memory_limit(*stream_) - cuda_double::kStaticShared;
  EXPECT_NO_THROW(launch(*stream_, "all", kernel<3>, with_shared(most), 1));
  EXPECT_THROW(launch(*stream_, "more", kernel<3>, with_shared(most + 1), 1), DeviceError);
}

TEST_F(CudaStreamTest, AnErrorWhileRecordingFailsTheStepAndNotTheDevice) {
  const auto recording =
      stream_->record([&] { launch(*stream_, "step", kernel<4>, with_shared(0), 1); });
  recording->run();
  runtime().next_launch = cudaErrorInvalidConfiguration;
  try {
    recording->run();
    FAIL() << "the launch failed";
  } catch (const DeviceLost& error) {
    FAIL() << error.what();
  } catch (const DeviceError& error) {
    EXPECT_NE(std::string(error.what()).find("step"), std::string::npos) << error.what();
  }
  EXPECT_FALSE(runtime().capturing) << "the stream can be used again";
  EXPECT_FALSE(runtime().spoilt) << "nothing that a recording forbids was called";
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
  recording->run();
  EXPECT_EQ(runtime().replays, 1);
}

TEST_F(CudaStreamTest, ADeviceThatIsLostWhileRecordingIsLost) {
  const auto recording = stream_->record([&] {
    if (runtime().capturing) runtime().lost = true;
    launch(*stream_, "step", kernel<5>, with_shared(0), 1);
  });
  recording->run();
  EXPECT_THROW(recording->run(), DeviceLost);
}

TEST_F(CudaStreamTest, ADriverThatFailsIsNoMachineWithoutAGpu) {
  EXPECT_EQ(backend(DeviceKind::cuda).why_none(), "");
  runtime().lost = true;
  EXPECT_EQ(backend(DeviceKind::cuda).why_none(), "CUDA cannot look for GPUs: a reason (name)");
  EXPECT_TRUE(backend(DeviceKind::cuda).devices().empty());
}

TEST_F(CudaStreamTest, EachStreamLaunchesOnItsOwnDevice) {
  const auto other = Stream::create({DeviceKind::cuda, 1});
  launch(*stream_, "first", kernel<6>, with_shared(0), 1);
  launch(*other, "second", kernel<6>, with_shared(60 * kKib), 1);
  launch(*stream_, "third", kernel<6>, with_shared(60 * kKib), 1);
  ASSERT_EQ(runtime().launches.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(runtime().launches[i].device, i == 1 ? 1 : 0) << i;
  EXPECT_EQ(runtime().attribute_calls, 2) << "once a kernel and device";
}

/// Which of the launches of a recorded step are early: a kernel that waits, twice, zeros, the same
/// kernel, one that does not wait, and once more the first.
template <int kCase>
std::vector<bool> early_launches(Stream& stream) {
  float zeros = 1;
  const auto recording = stream.record([&] {
    const auto waiting = [&] {
      launch_dependent(stream, "waiting", waiting_kernel<kCase>, with_shared(60 * kKib), 1);
    };
    waiting();
    waiting();
    stream.zero(&zeros, sizeof(zeros));
    waiting();
    launch(stream, "other", kernel<7>, with_shared(0), 1);
    waiting();
  });
  recording->run();
  for (const cuda_double::Launch& each : runtime().launches) EXPECT_FALSE(each.early);
  recording->run();
  EXPECT_EQ(runtime().replays, 1);
  std::vector<bool> early;
  for (const cuda_double::Launch& each : runtime().graph) early.push_back(each.early);
  return early;
}

TEST_F(CudaStreamTest, OnlyRecordedKernelsThatWaitBehindAnotherStartEarly) {
  const std::vector<bool> never(5, false);
  EXPECT_EQ(early_launches<0>(*stream_), never) << "by default";
  runtime() = {};
  const UseVariant dependent(Choice::launch, Variant::dependent);
  EXPECT_EQ(early_launches<1>(*stream_), (std::vector<bool>{false, true, false, false, true}));
  runtime() = {};
  const UseVariant serial(Choice::launch, Variant::serial);
  EXPECT_EQ(early_launches<2>(*stream_), never) << "what was asked for last counts";
}

TEST_F(CudaStreamTest, CodeForOlderDevicesCannotWait) {
  runtime().ptx_version = 80;
  const UseVariant dependent(Choice::launch, Variant::dependent);
  EXPECT_EQ(early_launches<3>(*stream_), std::vector<bool>(5, false));
}

/// What the environment asks for counts before the table, and less than what the program does.
TEST(Variants, AreChosenByTheEnvironmentToo) {
  const auto with = [](const char* wish) { setenv("PARETINY_CUDA_VARIANTS", wish, 1); };
  with("launch=dependent,conv_forward=gather,weights=cast_each");
  EXPECT_EQ(variant_of(Choice::weights, DType::bf16), Variant::cast_each);
  EXPECT_EQ(variant_of(Choice::launch), Variant::dependent);
  EXPECT_EQ(variant_of(Choice::conv_forward, DType::bf16, 48), Variant::gather);
  EXPECT_EQ(variant_of(Choice::conv_backward_data, DType::bf16, 48), Variant::cudnn);
  {
    const UseVariant serial(Choice::launch, Variant::serial);
    EXPECT_EQ(variant_of(Choice::launch), Variant::serial);
  }
  EXPECT_EQ(variant_of(Choice::launch), Variant::dependent);
  for (const char* bad :
       {"launch", "launch=", "launch=gather", "conv_forward=serial", "weights=halo",
        "launch=cast_once", "=", ",", "launch=dependent,conv=gather", "launch=dependent,,"}) {
    with(bad);
    EXPECT_THROW(variant_of(Choice::launch), UsageError) << bad;
  }
  with("");
  EXPECT_EQ(variant_of(Choice::launch), Variant::serial);
  unsetenv("PARETINY_CUDA_VARIANTS");
  EXPECT_EQ(variant_of(Choice::launch), Variant::serial);
}

TEST_F(CudaStreamTest, ScratchIsAlignedForTheLibrariesWorkspaces) {
  Arena::Scope scratch(stream_->scratch());
  for (const std::size_t bytes : {1, 100, 300}) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(scratch.take(bytes)) % 256, 0u) << bytes;
  }
}

}  // namespace
}  // namespace paretiny::cuda
