#include "kernels/core/device.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <vector>

#include "base/error.h"
#include "kernels/core/dispatch.h"
#include "kernels/core/module.h"
#include "kernels/core/stream.h"

namespace paretiny {
namespace {

/// CUDA's libraries take ten times as long as everything else that a program does when it starts.
/// The first test: others ask for them.
TEST(Device, AutoLeavesCudaAloneWhereThereIsNoDriver) {
  if (library_there("libcuda.so.1")) GTEST_SKIP() << "a driver is installed here";
  EXPECT_EQ(parse_device("auto"), Device{});
  std::ifstream maps("/proc/self/maps");
  const std::string mapped{std::istreambuf_iterator<char>(maps), {}};
  EXPECT_EQ(mapped.find("libparetiny_cuda"), std::string::npos);
  EXPECT_FALSE(library_there("libparetiny-has-no-such-library.so"));
  EXPECT_TRUE(library_there("libc.so.6"));
}

TEST(Device, NamesAndParses) {
  EXPECT_EQ(to_string(Device{}), "cpu");
  EXPECT_EQ(to_string(Device{DeviceKind::cuda, 1}), "cuda:1");
  EXPECT_EQ(parse_device("cpu"), Device{});
  EXPECT_EQ(parse_device("auto"), devices().front().device);
  for (const char* word : {"", "gpu", "cpu:0", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda1"}) {
    EXPECT_THROW(parse_device(word), UsageError) << word;
  }
  EXPECT_THROW(parse_device("cuda:1000"), DeviceError);
}

TEST(Device, SeveralAreOfOneKindAndEachOnce) {
  EXPECT_EQ(to_string(std::vector<Device>{{}}), "cpu");
  EXPECT_EQ(to_string(std::vector<Device>{{DeviceKind::cuda, 0}, {DeviceKind::cuda, 2}}),
            "cuda:0,2");
  EXPECT_EQ(parse_devices("cpu"), std::vector<Device>{Device{}});
  EXPECT_EQ(parse_devices("auto"), std::vector<Device>{devices().front().device});
  for (const char* word :
       {"", "all", "cpu,cpu", "cpu:all", "cuda:", "cuda:all,0", "cuda:0,all", "cuda:0,", "cuda:,0",
        "cuda:0,0", "cuda:0,x", "cuda:0,-1", "cuda:0, 1", "cuda:0,cuda:1"}) {
    EXPECT_THROW(parse_devices(word), UsageError) << word;
  }
  EXPECT_THROW(parse_devices("cuda:0,1000"), DeviceError);
}

TEST(Device, ListsTheCpuLast) {
  const auto all = devices();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back().device, Device{});
  EXPECT_GT(all.back().memory_bytes, 0u);
  EXPECT_FALSE(all.back().name.empty());
  EXPECT_FALSE(all.back().features.empty());
}

TEST(Stream, CopiesAndClears) {
  const auto stream = Stream::create({});
  const std::vector<int> from{1, 2, 3};
  std::vector<int> on_device(3), copy(3), back(3);
  stream->upload(on_device.data(), from.data(), 12);
  stream->copy(copy.data(), on_device.data(), 12);
  stream->download(back.data(), copy.data(), 12);
  stream->synchronize();
  EXPECT_EQ(back, from);
  stream->zero(copy.data(), 12);
  EXPECT_EQ(copy, std::vector<int>(3, 0));
}

int twice(Stream&, int x) {
  return 2 * x;
}

TEST(Dispatch, CallsTheTwinOfTheStreamsDevice) {
  const auto stream = Stream::create({});
  Op<decltype(twice)> op("twice");
  EXPECT_THROW(op(*stream, 4), DeviceError);
  const Twin cuda(op, DeviceKind::cuda, twice);
  EXPECT_THROW(op(*stream, 4), DeviceError);
  const Twin cpu(op, DeviceKind::cpu, twice);
  EXPECT_EQ(op(*stream, 4), 8);
}

}  // namespace
}  // namespace paretiny
