// The CUDA stream and its recordings, on a double of CUDA's runtime.
#include <gtest/gtest.h>

#include "base/error.h"
#include "kernels/core/cuda/launch.h"
#include "kernels/core/cuda/libraries.h"
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

TEST_F(CudaStreamTest, ScratchIsAlignedForTheLibrariesWorkspaces) {
  Arena::Scope scratch(stream_->scratch());
  for (const std::size_t bytes : {1, 100, 300}) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(scratch.take(bytes)) % 256, 0u) << bytes;
  }
}

}  // namespace
}  // namespace paretiny::cuda
