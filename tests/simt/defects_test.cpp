// Kernels with planted defects: the SIMT twin must show each of them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include "kernels/core/cuda/async_copy.h"
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/launch.h"
#include "kernels/core/cuda/mma.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/cuda/vector.h"
#include "tests/support/kernels.h"

namespace paretiny::cuda {
namespace {

using test::Tensor;

constexpr int kThreads = 64;

std::unique_ptr<Stream> simt_stream() {
  return Stream::create({DeviceKind::cuda, 0});
}

/// kThreads results of a kernel; `where` as its last argument.
std::vector<double> results(void (*kernel)(float*, int), int where = 0) {
  const auto stream = simt_stream();
  const Tensor y(*stream, DType::f32, {1, 1, 1, kThreads});
  launch(*stream, "kernel", kernel, {1, kThreads, kThreads * sizeof(float)}, y.view().as<float>(),
         where);
  return y.values();
}

/// On a machine of its own, whose threads run in the order given.
std::vector<double> results_in_order(const char* order, void (*kernel)(float*, int)) {
  const char* before = std::getenv("PARETINY_SIMT_ORDER");
  const std::string kept = before == nullptr ? "forward" : before;
  setenv("PARETINY_SIMT_ORDER", order, 1);
  std::vector<double> values;
  std::thread([&] { values = results(kernel); }).join();
  setenv("PARETINY_SIMT_ORDER", kept.c_str(), 1);
  return values;
}

/// The DeviceError of a launch, which must name the kernel; the machine works again afterwards.
std::string failure(void (*kernel)(float*, int), int where = 0) {
  std::string text;
  try {
    results(kernel, where);
    ADD_FAILURE() << "no error";
  } catch (const DeviceError& error) {
    text = error.what();
  }
  EXPECT_TRUE(text.starts_with("kernel")) << text;
  return text;
}

/// The DeviceError of a step that is run three times, as training does.
std::string failure_of_step(const std::function<void(Stream&, const Tensor&)>& step) {
  const auto stream = simt_stream();
  const Tensor y(*stream, DType::f32, {1, 1, 1, kThreads});
  const auto recording = stream->record([&] { step(*stream, y); });
  try {
    for (int run = 0; run < 3; ++run) recording->run();
  } catch (const DeviceError& error) {
    return error.what();
  }
  return "no error";
}

float* shared_floats() {
  return &shared_memory<float>();
}

template <bool kBarrier>
__global__ void rotate(float* y, int) {
  float* shared = shared_floats();
  const int i = static_cast<int>(threadIdx.x);
  shared[i] = static_cast<float>(i);
  if (kBarrier) __syncthreads();
  y[i] = shared[(i + 1) % kThreads];
}

/// The values of round 0 rotated; a missing second barrier lets round 1 overwrite them.
template <bool kBarrier>
__global__ void rotate_twice(float* y, int) {
  float* shared = shared_floats();
  const int i = static_cast<int>(threadIdx.x);
  for (int round = 0; round < 2; ++round) {
    shared[i] = static_cast<float>(i + round * kThreads);
    __syncthreads();
    if (round == 0) y[i] = shared[(i + 1) % kThreads];
    if (kBarrier) __syncthreads();
  }
}

/// In how many of the orders the results differ from those that a right kernel gives.
int orders_that_show(void (*wrong)(float*, int), void (*right)(float*, int)) {
  std::vector<double> expected;
  for (int i = 0; i < kThreads; ++i) expected.push_back((i + 1) % kThreads);
  int shown = 0;
  for (const char* order : {"forward", "reverse", "random"}) {
    EXPECT_EQ(results_in_order(order, right), expected) << order;
    if (results_in_order(order, wrong) != expected) ++shown;
  }
  return shown;
}

__global__ void write_where(float* y, int where) {
  y[threadIdx.x] = static_cast<float>(where);
}

void launch_with(Stream& stream, const Tensor& y, const char* name, int where) {
  launch(stream, name, write_where, {1, kThreads, 0}, y.view().as<float>(), where);
}

TEST(Recordings, AStepThatStaysTheSameIsReplayed) {
  EXPECT_EQ(failure_of_step([](Stream& stream, const Tensor& y) {
              launch_with(stream, y, "first", 1);
              stream.zero(y.view().data, 64);
            }),
            "no error");
}

TEST(Recordings, AnArgumentThatChangesIsAnErrorSinceAGraphKeepsThatOfThen) {
  int run = 0;
  EXPECT_EQ(failure_of_step([&](Stream& stream, const Tensor& y) {
              launch_with(stream, y, "first", 1);
              launch_with(stream, y, "second", run++);
            }),
            "a replayed step has other arguments of second than were recorded");
}

TEST(Recordings, LaunchesThatComeGoOrChangePlacesAreErrors) {
  int run = 0;
  EXPECT_EQ(failure_of_step([&](Stream& stream, const Tensor& y) {
              launch_with(stream, y, "first", 1);
              if (run++ > 1) launch_with(stream, y, "second", 1);
            }),
            "a replayed step goes on with second, which was not recorded");
  run = 0;
  EXPECT_EQ(failure_of_step([&](Stream& stream, const Tensor& y) {
              launch_with(stream, y, "first", 1);
              if (run++ < 2) launch_with(stream, y, "second", 1);
            }),
            "a replayed step ends before second, which was recorded");
  run = 0;
  EXPECT_EQ(failure_of_step([&](Stream& stream, const Tensor& y) {
              launch_with(stream, y, run++ < 2 ? "first" : "second", 1);
            }),
            "a replayed step has second where first was recorded");
}

TEST(Recordings, NothingWaitsForTheDeviceOrMovesItsMemory) {
  std::vector<float> host(kThreads);
  const std::string end = " while a step is recorded, which CUDA forbids";
  EXPECT_EQ(failure_of_step([&](Stream& stream, const Tensor& y) {
              stream.upload(y.view().data, host.data(), 64);
            }),
            "upload" + end);
  EXPECT_EQ(failure_of_step([&](Stream& stream, const Tensor& y) {
              stream.download(host.data(), y.view().data, 64);
            }),
            "download" + end);
  EXPECT_EQ(failure_of_step([](Stream& stream, const Tensor&) { stream.synchronize(); }),
            "synchronize" + end);
  EXPECT_EQ(failure_of_step([](Stream& stream, const Tensor&) { Buffer(stream.device(), 64); }),
            "allocation" + end);
}

TEST(Defects, AMissingBarrierShowsInSomeOrder) {
  EXPECT_GE(orders_that_show(rotate<false>, rotate<true>), 1);
  EXPECT_GE(orders_that_show(rotate_twice<false>, rotate_twice<true>), 1);
}

TEST(Defects, AnOrderMustBeKnown) {
  EXPECT_DEATH(results_in_order("sideways", rotate<true>), "use forward, reverse or random");
}

__global__ void read_shared(float* y, int where) {
  shared_floats()[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = shared_floats()[where];
}

__global__ void read_global(float* y, int where) {
  if (threadIdx.x == 0) y[0] = y[where];
}

__global__ void read_pack(float* y, int where) {
  if (threadIdx.x == 0) y[0] = load_pack(y + where).value[0];
}

TEST(Defects, AddressesOutOfBoundsAreSeen) {
  EXPECT_EQ(results(read_shared, kThreads - 1)[0], 1);
  EXPECT_DEATH(results(read_shared, kThreads), "heap-buffer-overflow");
  EXPECT_DEATH(results(read_shared, -1), "heap-buffer-overflow");
  results(read_global, kThreads - 1);
  EXPECT_DEATH(results(read_global, kThreads), "use-after-poison");
  EXPECT_DEATH(results(read_global, -1), "use-after-poison");
  results(read_pack, kThreads - 4);
  EXPECT_DEATH(results(read_pack, kThreads - 3), "misaligned address");
}

TEST(Defects, MemoryIsOfExactSize) {
  const Buffer buffer(Device{DeviceKind::cuda, 0}, 17);
  const auto* bytes = static_cast<const volatile unsigned char*>(buffer.data());
  EXPECT_EQ(bytes[16], 0xFF);
  EXPECT_DEATH(bytes[17], "heap-buffer-overflow");
}

__global__ void leave_the_last(float* y, int) {
  if (threadIdx.x + 1 < blockDim.x) y[threadIdx.x] = 1;
}

__global__ void sum_of_unwritten(float* y, int) {
  y[threadIdx.x] = shared_floats()[threadIdx.x] + 1;
}

TEST(Defects, WhatNobodyWroteIsNaN) {
  EXPECT_TRUE(std::isnan(results(leave_the_last).back()));
  for (const double value : results(sum_of_unwritten)) EXPECT_TRUE(std::isnan(value));
  const auto stream = simt_stream();
  const Buffer buffer(stream->device(), 4);
  float value = 0;
  stream->download(&value, buffer.data(), 4);
  EXPECT_TRUE(std::isnan(value));
}

__global__ void barriers_apart(float*, int) {
  if (threadIdx.x < 40) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

__global__ void barrier_and_shuffle(float* y, int) {
  if (threadIdx.x == 3) {
    __syncthreads();
  } else {
    y[threadIdx.x] = __shfl_xor_sync(kAllLanes, 1.0f, 1);
  }
  __syncthreads();
}

__global__ void ended_lane(float* y, int lane) {
  if (static_cast<int>(threadIdx.x) == lane) return;
  y[threadIdx.x] = warp_sum(1.0f);
}

__global__ void masks_differ(float* y, int) {
  const unsigned mask = threadIdx.x % 2 == 0 ? kAllLanes : 0xFFFFFFFEu;
  y[threadIdx.x] = __shfl_xor_sync(mask, 1.0f, 2);
}

__global__ void outside_the_mask(float* y, int) {
  y[threadIdx.x] = __shfl_xor_sync(0x0000FFFFu, 1.0f, 2);
}

__global__ void from_outside_the_mask(float* y, int) {
  if (threadIdx.x < 16) y[threadIdx.x] = __shfl_xor_sync(0x0000FFFFu, 1.0f, 16);
}

TEST(Defects, ThreadsThatNeverMeetAreNamed) {
  EXPECT_NE(failure(barriers_apart).find("different barriers"), std::string::npos);
  const std::string apart = failure(barrier_and_shuffle);
  EXPECT_NE(apart.find("thread (3, 0, 0) in __syncthreads at defects_test.cpp"), std::string::npos)
      << apart;
  EXPECT_NE(apart.find("__shfl_xor_sync"), std::string::npos) << apart;
  for (const int lane : {0, 5, 31, 63}) {
    const std::string ended = failure(ended_lane, lane);
    EXPECT_NE(ended.find("has ended"), std::string::npos) << ended;
  }
  EXPECT_NE(failure(masks_differ).find("__shfl_xor_sync"), std::string::npos);
  EXPECT_NE(failure(outside_the_mask).find("outside its mask"), std::string::npos);
  EXPECT_NE(failure(from_outside_the_mask).find("not in the mask"), std::string::npos);
  EXPECT_EQ(results(rotate<true>)[0], 1);
}

__global__ void ended_thread(float* y, int) {
  if (threadIdx.x == 0) return;
  __syncthreads();
  y[threadIdx.x] = 1;
}

TEST(Defects, ABarrierWaitsForThreadsThatLiveOnly) {
  const auto y = results(ended_thread);
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[1], 1);
}

/// Each of the 16 first threads copies four floats; kWait: and waits before the others read them.
template <bool kWait>
__global__ void copy_rotated(float* y, int) {
  float* shared = shared_floats();
  const int i = static_cast<int>(threadIdx.x);
  y[i] = static_cast<float>(i);
  shared[i] = -1;
  __syncthreads();
  if (i < kThreads / 4) copy_async_16(shared + 4 * i, y + 4 * i);
  commit_copies();
  if (kWait) wait_for_copies<0>();
  __syncthreads();
  y[i] = shared[(i + 1) % kThreads];
}

TEST(Defects, CopiesArriveWhenTheyAreWaitedFor) {
  EXPECT_EQ(results(copy_rotated<true>)[0], 1);
  for (const double value : results(copy_rotated<false>)) EXPECT_TRUE(std::isnan(value));
}

__global__ void copy_to(float* y, int where) {
  if (threadIdx.x == 0) copy_async_16(shared_floats() + where, y);
}

__global__ void copy_from(float* y, int where) {
  if (threadIdx.x == 0) copy_async_16(shared_floats(), y + where);
}

__global__ void tiles_from(float*, int where) {
  std::uint32_t tiles[4];
  load_tiles(tiles, shared_floats() + 4 * (threadIdx.x % 8) + where);
}

TEST(Defects, WideAccessesToSharedMemoryAreChecked) {
  EXPECT_NE(failure(copy_to, 1).find("aligned"), std::string::npos);
  EXPECT_NE(failure(copy_to, kThreads).find("shared memory"), std::string::npos);
  EXPECT_NE(failure(copy_from, 2).find("aligned"), std::string::npos);
  EXPECT_NE(failure(tiles_from, 2).find("aligned"), std::string::npos);
  EXPECT_NE(failure(tiles_from, kThreads - 4).find("shared memory"), std::string::npos);
}

TEST(Defects, LaunchesThatNoDeviceTakesAreRefused) {
  const auto stream = simt_stream();
  const Tensor y(*stream, DType::f32, {1, 1, 1, kThreads});
  float* data = y.view().as<float>();
  const auto with = [&](const LaunchShape& shape, float* to) {
    launch(*stream, "rotate", rotate<true>, shape, to, 0);
  };
  const std::size_t bytes = kThreads * sizeof(float);
  with({1, kThreads, bytes}, data);
  EXPECT_THROW(with({0, kThreads, bytes}, data), DeviceError);
  EXPECT_THROW(with({dim3(1, 70000), kThreads, bytes}, data), DeviceError);
  EXPECT_THROW(with({1, 0, bytes}, data), DeviceError);
  EXPECT_THROW(with({1, 1025, bytes}, data), DeviceError);
  EXPECT_THROW(with({1, kThreads, 300000}, data), DeviceError);
  EXPECT_THROW(with({1, kThreads, 0}, data), DeviceError);
  float host[kThreads];
  EXPECT_THROW(with({1, kThreads, bytes}, host), DeviceError);
  EXPECT_THROW(stream->upload(host, host, 4), DeviceError);
  EXPECT_THROW(stream->zero(data, 10 * bytes), DeviceError);
  EXPECT_THROW(Buffer(stream->device(), std::size_t{1} << 40), OutOfMemory);
}

/// Threads from `last` on end before they have waited.
__global__ void wait_too_few(GridDependency earlier, float* y, int last) {
  if (static_cast<int>(threadIdx.x) >= last) return;
  earlier.wait();
  y[threadIdx.x] = 1;
}

TEST(Defects, AThreadThatDoesNotWaitForEarlierKernelsShows) {
  const auto stream = simt_stream();
  const Tensor y(*stream, DType::f32, {1, 1, 1, kThreads});
  const auto with = [&](int last) {
    launch_dependent(*stream, "hasty", wait_too_few, {2, kThreads}, y.view().as<float>(), last);
  };
  EXPECT_NO_THROW(with(kThreads));
  try {
    with(kThreads - 1);
    FAIL() << "two threads did not wait";
  } catch (const DeviceError& error) {
    EXPECT_STREQ(error.what(), "hasty: 126 of 128 threads waited for earlier kernels");
  }
}

}  // namespace
}  // namespace paretiny::cuda
