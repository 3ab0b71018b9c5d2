// The order in which the runtime's kernels read and write, recorded access by access, against the
// order that the memory plan counts on.
#include "engine/deploy/plan/kernel_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "engine/deploy/plan/memory_problem.h"
#include "kernels/core/random.h"
#include "tests/engine/deploy/recorded_code.h"
#include "tests/support/temp_folder.h"

extern "C" {
#include "engine/deploy/runtime/paretiny_kernels.h"
}

namespace paretiny::deploy {
namespace {

using namespace test;

/// Windows tried a kernel: PARETINY_FUZZ for more.
std::int64_t trials() {
  const char* wanted = std::getenv("PARETINY_FUZZ");
  return wanted == nullptr ? 600 : std::strtoll(wanted, nullptr, 10);
}

/// Bytes of the input that are read, or of the output that are written.
struct Event {
  bool writes;
  Extent bytes;
};

/// A step of a network on its own.
struct Case {
  compress::Int8Operation operation;
  nn::Window window;
  Shape in, out;

  std::size_t lead() const {
    const compress::Int8Network network{{{"in", in, {}}, {"out", out, {}}},
                                        {{"step", operation, {0}, 1}}};
    return memory_problem(network).steps[0].leads[0];
  }
  pt_window described() const {
    pt_window w = {};
    const auto narrow = [](auto& field, std::int64_t value) {
      field = static_cast<std::remove_reference_t<decltype(field)>>(value);
    };
    narrow(w.in_h, in.h), narrow(w.in_w, in.w), narrow(w.in_c, in.c);
    narrow(w.out_h, out.h), narrow(w.out_w, out.w), narrow(w.out_c, out.c);
    narrow(w.kernel_h, window.kernel_h), narrow(w.kernel_w, window.kernel_w);
    narrow(w.stride_h, window.stride_h), narrow(w.stride_w, window.stride_w);
    narrow(w.top, window.top), narrow(w.left, window.left);
    return w;
  }
};

/// Any window that meets its input everywhere: even and odd, wider than its input, with strides
/// beyond it and padding on one side alone.
template <class Operation>
Case random_case(Random& random, bool same_channels) {
  const auto draw = [&](std::int64_t low, std::int64_t high) {
    return low +
           static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(high - low + 1)));
  };
  for (;;) {
    Case drawn;
    drawn.in = {1, random.below(3) == 0 ? 1 : draw(1, 7), draw(1, random.below(2) ? 3 : 12),
                draw(1, random.below(2) ? 5 : 30)};
    const std::int64_t kernel_h = draw(1, 5), kernel_w = draw(1, 5);
    drawn.window = random.below(2) == 0 ? nn::Window::same(drawn.in.h, drawn.in.w, kernel_h,
                                                           kernel_w, draw(1, 3), draw(1, 3))
                                        : nn::Window{kernel_h,
                                                     kernel_w,
                                                     draw(1, 6),
                                                     draw(1, 6),
                                                     draw(0, kernel_h - 1),
                                                     draw(0, kernel_w - 1),
                                                     draw(0, kernel_h - 1),
                                                     draw(0, kernel_w - 1)};
    if (!drawn.window.valid(drawn.in.h, drawn.in.w)) continue;
    const std::int64_t channels = same_channels ? drawn.in.c : draw(1, 2 * drawn.in.c + 2);
    drawn.out = {1, drawn.window.out_h(drawn.in.h), drawn.window.out_w(drawn.in.w), channels};
    Operation operation;
    operation.window = drawn.window;
    drawn.operation = operation;
    return drawn;
  }
}

std::vector<std::int8_t> random_bytes(Random& random, std::int64_t count) {
  std::vector<std::int8_t> bytes(static_cast<std::size_t>(count));
  for (auto& byte : bytes) byte = static_cast<std::int8_t>(random.below(256));
  return bytes;
}

/// A layer's constants, whose outputs seldom meet their bounds.
struct Constants {
  Constants(Random& random, std::int64_t outputs, std::int64_t weights_of_all)
      : weights(random_bytes(random, weights_of_all)),
        bias(static_cast<std::size_t>(outputs), 77),
        multipliers(static_cast<std::size_t>(outputs), 1 << 30),
        shifts(static_cast<std::size_t>(outputs), -8) {}

  pt_layer layer() const {
    return {weights.data(), bias.data(), multipliers.data(), shifts.data(), 3, -5, -128, 127};
  }

  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias, multipliers;
  std::vector<std::int8_t> shifts;
};

/// The runtime for cores without and with the DSP extension.
class KernelOrder : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    compile_recorded("-DPT_DSP=" + std::string(GetParam()) + " " + runtime_sources(),
                     folder_.path());
    code_ = std::make_unique<RecordedCode>("*.o", folder_.path());
  }

  using Call = std::function<void(const std::int8_t* in, std::int8_t* out)>;

  std::vector<Event> record(const Call& call, const std::vector<std::int8_t>& in,
                            std::vector<std::int8_t>& out) const {
    std::vector<Event> events;
    const auto take = [&](const Access& access, const std::vector<std::int8_t>& buffer) {
      const std::ptrdiff_t begin = access.at - buffer.data();
      const auto size = static_cast<std::ptrdiff_t>(buffer.size());
      if (begin < 0 || begin >= size) return;
      EXPECT_EQ(access.writes, &buffer == &out);
      EXPECT_LE(begin + access.bytes, size);
      events.push_back({access.writes, {begin, begin + access.bytes}});
    };
    code_->record([&] { call(in.data(), out.data()); },
                  [&](const Access& access) {
                    take(access, in);
                    take(access, out);
                  });
    return events;
  }

  /// Every access belongs to the stage that is on, or to the next, which is on from then.
  static void expect_stages(const std::vector<Event>& events, const std::vector<Stage>& stages) {
    std::size_t now = 0;
    const auto belongs = [&](const Event& event) {
      const Extent& bytes = event.writes ? stages[now].writes : stages[now].reads;
      return event.bytes.begin >= bytes.begin && event.bytes.end <= bytes.end;
    };
    for (const Event& event : events) {
      while (now < stages.size() && !belongs(event)) ++now;
      ASSERT_LT(now, stages.size()) << "an access that no stage has left";
    }
  }

  /// The distance of the output below the input at which no write meets a byte that is read later.
  static std::int64_t recorded_lead(const std::vector<Event>& events) {
    std::int64_t lead = 0, needed = std::numeric_limits<std::int64_t>::max();
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
      if (event->writes) {
        lead = std::max(lead, event->bytes.end - needed);
      } else {
        needed = std::min(needed, event->bytes.begin);
      }
    }
    return lead;
  }

  /// The kernel keeps to the stages, and to the planned lead: recorded, and with the output so far
  /// below the input.
  void check(const Case& drawn, const std::vector<Stage>& stages, const Call& call,
             Random& random) const {
    const std::vector<std::int8_t> in = random_bytes(random, drawn.in.elements());
    std::vector<std::int8_t> out(static_cast<std::size_t>(drawn.out.elements()));
    const std::vector<Event> events = record(call, in, out);
    expect_stages(events, stages);
    const auto lead = static_cast<std::int64_t>(drawn.lead());
    EXPECT_GE(lead, recorded_lead(events));
    // Not far more than that: a stage is taken as a whole.
    std::int64_t most = 0;
    for (const Stage& stage : stages) {
      most = std::max(most, stage.writes.end - stage.writes.begin);
    }
    EXPECT_LE(lead, recorded_lead(events) + most);

    std::vector<std::int8_t> arena(static_cast<std::size_t>(lead) +
                                   std::max(in.size(), out.size()));
    std::copy(in.begin(), in.end(), arena.begin() + lead);
    call(arena.data() + lead, arena.data());
    EXPECT_TRUE(std::equal(out.begin(), out.end(), arena.begin()));
  }

  template <class Operation, class MakeCall>
  void check_all(const char* name, bool same_channels,
                 std::vector<Stage> (*stages)(const Shape&, const Shape&, const nn::Window&),
                 MakeCall make_call) const {
    for (std::int64_t trial = 0; trial < trials() && !HasFailure(); ++trial) {
      Random random(static_cast<std::uint64_t>(trial), name);
      const Case drawn = random_case<Operation>(random, same_channels);
      const nn::Window& w = drawn.window;
      SCOPED_TRACE(testing::Message() << name << " " << trial << ": " << to_string(drawn.in)
                                      << " to " << to_string(drawn.out) << ", kernel " << w.kernel_h
                                      << "x" << w.kernel_w << ", stride " << w.stride_h << "x"
                                      << w.stride_w << ", top " << w.top << ", left " << w.left);
      check(drawn, stages(drawn.in, drawn.out, w), make_call(drawn, random), random);
    }
  }

  template <class Operation, class Function>
  void check_layer(const char* name, bool depthwise, Function* function,
                   std::vector<Stage> (*stages)(const Shape&, const Shape&,
                                                const nn::Window&)) const {
    check_all<Operation>(name, depthwise, stages, [&](const Case& drawn, Random& random) -> Call {
      const std::int64_t taps = drawn.window.kernel_h * drawn.window.kernel_w;
      const auto constants = std::make_shared<Constants>(
          random, drawn.out.c, taps * drawn.out.c * (depthwise ? 1 : drawn.in.c));
      return [=](const std::int8_t* in, std::int8_t* out) {
        const pt_window window = drawn.described();
        const pt_layer layer = constants->layer();
        function(&window, &layer, in, out);
      };
    });
  }

  /// Exports have the runtime's version in place of VERSION.
  template <class Function>
  Function* kernel(const char* name) const {
    return code_->function<Function>((std::string(name) + "_VERSION").c_str());
  }

  template <class Operation>
  void check_pool(const char* name) const {
    auto* function = kernel<decltype(pt_max_pool)>(name);
    check_all<Operation>(name, true, pixel_stages, [&](const Case& drawn, Random&) -> Call {
      return [=](const std::int8_t* in, std::int8_t* out) {
        const pt_window window = drawn.described();
        function(&window, in, out);
      };
    });
  }

  const TempFolder folder_;
  std::unique_ptr<RecordedCode> code_;
};

TEST_P(KernelOrder, Convolution) {
  check_layer<compress::Int8Conv>("pt_conv", false, kernel<decltype(pt_conv)>("pt_conv"),
                                  conv_stages);
}

TEST_P(KernelOrder, DepthwiseConvolution) {
  check_layer<compress::Int8Depthwise>(
      "pt_depthwise", true, kernel<decltype(pt_depthwise)>("pt_depthwise"), pixel_stages);
}

TEST_P(KernelOrder, Pools) {
  check_pool<compress::Int8MaxPool>("pt_max_pool");
  check_pool<compress::Int8AveragePool>("pt_average_pool");
}

TEST_P(KernelOrder, ElementwiseStepsReadAnElementBeforeTheyWriteIt) {
  auto* add = kernel<decltype(pt_add)>("pt_add");
  auto* scale = kernel<decltype(pt_scale)>("pt_scale");
  auto* lookup = kernel<decltype(pt_lookup)>("pt_lookup");
  Random random(1, "elements");
  const std::vector<std::int8_t> in = random_bytes(random, 91), other = random_bytes(random, 91);
  const std::vector<std::int8_t> table = random_bytes(random, 256);
  std::vector<std::int8_t> out(91);
  const pt_multiplier half = {1 << 30, 0};
  const pt_add_constants sum = {half, half, {1 << 30, -18}, 1, 2, 3, -128, 127};
  const pt_mul_constants product = {{1 << 30, -6}, 1, 2, 3, -128, 127};
  const std::vector<Call> calls = {
      [&](const std::int8_t* from, std::int8_t* to) { add(&sum, 91, from, other.data(), to); },
      [&](const std::int8_t* from, std::int8_t* to) { add(&sum, 91, other.data(), from, to); },
      [&](const std::int8_t* from, std::int8_t* to) { add(&sum, 91, from, from, to); },
      [&](const std::int8_t* from, std::int8_t* to) {
        scale(&product, 13, 7, from, other.data(), to);
      },
      [&](const std::int8_t* from, std::int8_t* to) { lookup(table.data(), 91, from, to); }};
  for (const Call& call : calls) {
    const std::vector<Event> events = record(call, in, out);
    EXPECT_GT(events.size(), 2u * 90);
    EXPECT_EQ(recorded_lead(events), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Cores, KernelOrder, testing::Values("0", "1"), [](const auto& each) {
  return std::string(*each.param == '0' ? "plain" : "dsp");
});

TEST(LeastLead, ALeftPaddedColumnIsDoneAlone) {
  // Pairs begin behind it: (1, 2), (3, 4) and so on. 24 channels become 8.
  const Shape in{1, 6, 6, 24}, out{1, 6, 6, 8};
  const nn::Window window = nn::Window::same(6, 6, 3, 3, 1, 1);
  std::vector<std::int64_t> ends;
  for (const Stage& stage : conv_stages(in, out, window)) ends.push_back(stage.writes.end / 8);
  ends.resize(5);
  EXPECT_EQ(ends, (std::vector<std::int64_t>{1, 3, 5, 6, 7}));
}

TEST(LeastLead, IsTheLeast) {
  // The second stage writes up to byte 5 while it reads from byte 2 on.
  EXPECT_EQ(least_lead({{{0, 4}, {0, 2}}, {{2, 6}, {2, 5}}, {{4, 8}, {5, 6}}}), 3u);
  // What lies in padding alone reads nothing.
  EXPECT_EQ(least_lead({{{0, 0}, {0, 9}}, {{8, 12}, {9, 10}}}), 2u);
  EXPECT_EQ(least_lead({{{0, 4}, {0, 4}}, {{0, 0}, {4, 50}}}), 4u);
}

}  // namespace
}  // namespace paretiny::deploy
