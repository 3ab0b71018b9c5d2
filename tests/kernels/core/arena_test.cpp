#include "kernels/core/arena.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>

#include "base/error.h"

namespace paretiny {
namespace {

std::uintptr_t address(const void* data) {
  return reinterpret_cast<std::uintptr_t>(data);
}

TEST(Arena, TakesAlignedMemoryThatDoesNotOverlap) {
  Arena arena(Device{});
  Arena::Scope scope(arena);
  std::vector<std::pair<unsigned char*, std::size_t>> taken;
  for (const std::size_t bytes : {1u, 64u, 100u, 0u, 5000u, 63u}) {
    auto* data = static_cast<unsigned char*>(scope.take(bytes));
    EXPECT_EQ(address(data) % 64, 0u);
    std::memset(data, static_cast<int>(taken.size()), bytes);
    taken.emplace_back(data, bytes);
  }
  for (std::size_t i = 0; i < taken.size(); ++i) {
    for (std::size_t k = 0; k < taken[i].second; ++k) ASSERT_EQ(taken[i].first[k], i);
  }
}

TEST(Arena, GivesBackWhatAScopeTook) {
  Arena arena(Device{});
  arena.reserve(1024);
  const Arena::Scope outer_scope(arena);
  Arena::Scope outer(arena);
  const void* first = outer.take(256);
  const void* second = nullptr;
  {
    Arena::Scope inner(arena);
    second = inner.take(256);
    inner.take(128);
  }
  EXPECT_EQ(outer.take(256), second);
  EXPECT_NE(first, second);
  EXPECT_EQ(arena.capacity(), 1024u);
  EXPECT_EQ(arena.peak(), 768u);
}

#if !defined(__SANITIZE_ADDRESS__)  // whose own memory is not to be limited
TEST(Arena, AScopeEndsEvenWhereMemoryIsShort) {
  constexpr std::size_t kChunk = std::size_t{64} << 20;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  Arena arena(Device{});
  {
    Arena::Scope scope(arena);
    scope.take(kChunk);
    scope.take(kChunk);
    // Less than is in use now: the two chunks can be given back, but not become one.
    rlimit less = before;
    less.rlim_cur = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + kChunk;
    ASSERT_EQ(setrlimit(RLIMIT_AS, &less), 0);
  }
  EXPECT_EQ(arena.capacity(), 0u);
  {
    Arena::Scope scope(arena);
    EXPECT_THROW(scope.take(2 * kChunk), OutOfMemory);
  }
  ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
  Arena::Scope scope(arena);
  EXPECT_NE(scope.take(2 * kChunk), nullptr);
}
#endif

TEST(Arena, GrowsWithoutMovingAndSettlesInOneChunk) {
  Arena arena(Device{});
  arena.reserve(128);
  {
    Arena::Scope scope(arena);
    auto* first = static_cast<int*>(scope.take(100));
    *first = 42;
    scope.take(100000);
    scope.take(64);
    EXPECT_EQ(*first, 42);
  }
  const std::size_t settled = arena.capacity();
  EXPECT_GE(settled, arena.peak());
  for (int step = 0; step < 3; ++step) {
    Arena::Scope scope(arena);
    const void* first = scope.take(100);
    const void* large = scope.take(100000);
    EXPECT_EQ(address(large) - address(first), 256u) << "not one chunk";
    EXPECT_EQ(arena.capacity(), settled);
  }
}

TEST(Arena, SkipsWhatIsLeftOfAChunk) {
  Arena arena(Device{});
  arena.reserve(256);
  Arena::Scope scope(arena);
  scope.take(64);
  void* beyond = nullptr;
  {
    Arena::Scope inner(arena);
    beyond = inner.take(1024);
  }
  // The first chunk has 192 bytes left, the second holds what they cannot.
  EXPECT_EQ(scope.take(512), beyond);
  std::memset(scope.take(2048), 1, 2048);
}

TEST(Arena, TakesTensors) {
  Arena arena(Device{});
  Arena::Scope scope(arena);
  const View tensor = scope.take(DType::bf16, {2, 3, 4, 5});
  EXPECT_EQ(tensor.bytes(), 240u);
  EXPECT_TRUE(tensor);
}

TEST(Arena, ReservesOnlyWhileEmpty) {
  Arena arena(Device{});
  arena.reserve(1000);
  EXPECT_EQ(arena.capacity(), 1024u);
  arena.reserve(10);
  EXPECT_EQ(arena.capacity(), 1024u);
  Arena::Scope scope(arena);
  scope.take(1);
  EXPECT_THROW(arena.reserve(4096), Error);
}

TEST(Arena, SaysThatMemoryIsShort) {
  Arena arena(Device{});
  EXPECT_THROW(arena.reserve(std::numeric_limits<std::size_t>::max() / 4), OutOfMemory);
  EXPECT_EQ(arena.capacity(), 0u);
  Arena::Scope scope(arena);
  EXPECT_THROW(scope.take(std::numeric_limits<std::size_t>::max() / 4), OutOfMemory);
  EXPECT_NE(scope.take(64), nullptr);
}

TEST(Buffer, MovesItsMemory) {
  Buffer a(Device{}, 100);
  void* data = a.data();
  Buffer b(std::move(a));
  EXPECT_EQ(b.data(), data);
  Buffer c;
  c = std::move(b);
  EXPECT_EQ(c.data(), data);
  EXPECT_EQ(c.bytes(), 100u);
  EXPECT_EQ(address(c.data()) % 64, 0u);
  EXPECT_EQ(c.at(64, DType::u8, {1, 1, 1, 3}).data, static_cast<std::byte*>(data) + 64);
}

}  // namespace
}  // namespace paretiny
