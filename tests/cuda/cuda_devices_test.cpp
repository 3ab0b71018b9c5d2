// Which GPUs there are and what may be wrong with one, on a double of CUDA's runtime.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "kernels/core/buffer.h"
#include "kernels/core/cuda/launch.h"
#include "kernels/core/cuda/libraries.h"
#include "tests/cuda/cudart_double.h"

namespace paretiny::cuda {

std::string library_versions() {
  return "no libraries";
}

namespace {

using cuda_double::runtime;

constexpr Device kSecond{DeviceKind::cuda, 1};
constexpr const char* kVisible = "CUDA_VISIBLE_DEVICES";

void kernel(int) {}  // never run: the double launches nothing

/// What `work` says when it throws an Error; "nothing" where it does not.
template <class Error, class F>
std::string said(F work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

class CudaDevicesTest : public testing::Test {
 protected:
  CudaDevicesTest() {
    runtime() = {};
    unsetenv(kVisible);
  }
  ~CudaDevicesTest() override { unsetenv(kVisible); }
};

TEST_F(CudaDevicesTest, AGpuThatTheBuildHasNoCodeForIsNamed) {
  for (const cudaError_t code : {cudaErrorNoKernelImageForDevice, cudaErrorInvalidDeviceFunction}) {
    runtime().code[1] = code;
    EXPECT_EQ(said<DeviceError>([] { Stream::create(kSecond); }),
              "double has compute capability 9.0, which this build has no code for; configure with "
              "-DCMAKE_CUDA_ARCHITECTURES=90, or use --device cpu");
    EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess) << "the next call does not end with it";
  }
  EXPECT_NO_THROW(Stream::create({DeviceKind::cuda, 0})) << "each is asked for itself";
  runtime().code[1] = cudaErrorUnknown;
  EXPECT_EQ(said<DeviceError>([] { Stream::create(kSecond); }),
            "looking for the device's code: a reason (name)");
  runtime().code[1] = cudaSuccess;
  EXPECT_NO_THROW(Stream::create(kSecond));
}

TEST_F(CudaDevicesTest, WhatOtherJobsHoldIsNotFree) {
  const auto stream = Stream::create(kSecond);
  runtime().free[1] = 1'500'000;
  EXPECT_EQ(backend(DeviceKind::cuda).available(1), 1'500'000u);
  EXPECT_EQ(backend(DeviceKind::cuda).available(0), cuda_double::kMemory);
  EXPECT_EQ(said<OutOfMemory>([] { Buffer(kSecond, 20'000'000); }),
            "cannot allocate 0.02 GB on cuda:1: 0.00 GB are free");
  EXPECT_NO_THROW(Buffer({DeviceKind::cuda, 0}, 20'000'000));
  const Buffer small(kSecond, 1000);
  EXPECT_NO_THROW(stream->zero(small.data(), small.bytes())) << "the device goes on";
}

TEST_F(CudaDevicesTest, AGpuThatAnotherProcessHasForItselfIsNotLost) {
  runtime().choose = cudaErrorDevicesUnavailable;
  EXPECT_EQ(said<DeviceError>([] { Stream::create(kSecond); }),
            "choosing the device: a reason (name); another process has the GPU for itself "
            "(nvidia-smi names it)");
}

TEST_F(CudaDevicesTest, ADriverThatDiesEndsEveryCallAlike) {
  const auto stream = Stream::create(kSecond);
  const Buffer buffer(kSecond, 64);
  const auto recording = stream->record([&] {
    launch(*stream, "step", kernel, {dim3(1), dim3(32)}, 1);
  });
  for (int i = 0; i < 2; ++i) recording->run();
  runtime().lost = true;
  char host[64];
  void* const data = buffer.data();
  const std::function<void()> calls[] = {[&] { stream->upload(data, host, 64); },
                                         [&] { stream->download(host, data, 64); },
                                         [&] { stream->copy(data, data, 64); },
                                         [&] { stream->zero(data, 64); },
                                         [&] { stream->synchronize(); },
                                         [&] { recording->run(); },
                                         [&] { Buffer(kSecond, 64); },
                                         [&] { backend(DeviceKind::cuda).available(1); },
                                         [&] { Stream::create(kSecond); }};
  for (const auto& call : calls) {
    EXPECT_NE(said<DeviceLost>(call).find("can do no more for this process, start it again"),
              std::string::npos)
        << &call - calls;
  }
}  // and what is left is destroyed without a word

TEST_F(CudaDevicesTest, WhatHidesGpusIsNamed) {
  runtime().devices = 0;
  const std::string none = "there is no NVIDIA GPU that CUDA can see";
  EXPECT_EQ(why_no_gpu(), none);
  for (const std::string set : {"", "odd", "-1", "GPU-0"}) {
    setenv(kVisible, set.c_str(), 1);
    const std::string why = none + " (CUDA_VISIBLE_DEVICES is '" + set + "')";
    EXPECT_EQ(why_no_gpu(), why);
    for (const char* device : {"cuda", "cuda:0", "cuda:all"}) {
      EXPECT_EQ(said<DeviceError>([&] { parse_devices(device); }),
                "device cuda:0 is not there: " + why + "; use --device cpu");
    }
    EXPECT_EQ(parse_device("auto"), Device{}) << "the CPU";
  }
  setenv(kVisible, "1", 1);
  runtime().devices = 1;
  EXPECT_EQ(why_no_gpu(), "");
  EXPECT_EQ(parse_device("cuda"), (Device{DeviceKind::cuda, 0}));
  for (const char* device : {"cuda:1", "cuda:0,1"}) {
    EXPECT_EQ(said<DeviceError>([&] { parse_devices(device); }),
              "device cuda:1 is not there: this machine has 1 of that kind, counted from 0 "
              "(CUDA_VISIBLE_DEVICES is '1')");
  }
}

TEST_F(CudaDevicesTest, ASecondGpuHasWhatIsGivenToItInTurnWithTheFirst) {
  ASSERT_EQ(parse_device("cuda:1"), kSecond);
  EXPECT_EQ(to_string(parse_devices("cuda:all")), "cuda:0,1");
  const auto first = Stream::create({DeviceKind::cuda, 0});
  const auto second = Stream::create(kSecond);
  const Buffer here(first->device(), 64), there(kSecond, 64);
  const auto step = [](Stream& stream, const Buffer& buffer) {
    return stream.record([&] {
      stream.zero(buffer.data(), 64);
      launch(stream, "step", kernel, {dim3(1), dim3(32)}, 1);
    });
  };
  const auto on_first = step(*first, here), on_second = step(*second, there);
  for (int i = 0; i < 4; ++i) {
    EXPECT_NO_THROW(on_first->run());
    EXPECT_NO_THROW(on_second->run());
    EXPECT_NO_THROW(first->zero(here.data(), 64));
    EXPECT_NO_THROW(second->zero(there.data(), 64));
  }
  EXPECT_EQ(runtime().replays, 6);
}

}  // namespace
}  // namespace paretiny::cuda
