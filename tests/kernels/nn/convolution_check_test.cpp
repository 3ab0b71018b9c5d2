// The check takes what is right and nothing that is wrong by a single element.
#include "kernels/nn/cpu/convolution/convolution_check.h"

#include <gtest/gtest.h>

#include "kernels/core/random.h"
#include "kernels/nn/cpu/convolution/convolution_loops.h"

namespace paretiny::cpu {
namespace {

using Run = std::function<void(const ConvolutionData&)>;

std::vector<Convolution> shapes() {
  std::vector<Convolution> all;
  for (const DType dtype : {DType::f32, DType::bf16}) {
    all.push_back({{3, 7, 1, 2}, 8, nn::Window::same(7, 1, 3, 3, 2, 2), dtype});
    all.push_back({{2, 8, 8, 5}, 13, nn::Window::same(8, 8, 1, 1, 2, 2), dtype});
    all.push_back({{1, 5, 6, 3}, 4, {3, 2, 1, 1, 0, 2, 1, 0}, dtype});
    all.push_back({{1, 1, 40, 90}, 30, nn::Window::same(1, 40, 1, 9, 1, 1), dtype});
    all.push_back({{1, 1, 1, 1}, 1, nn::Window::same(1, 1, 5, 5, 3, 3), dtype});
  }
  return all;
}

struct Result {
  void* data;
  std::int64_t count;
  DType dtype;
};

Result result_of(const Convolution& c, Direction direction, const ConvolutionData& data) {
  switch (direction) {
    case Direction::forward:
      return {data.y, c.output().elements(), c.activations};
    case Direction::backward_data:
      return {data.x, c.input.elements(), c.activations};
    case Direction::backward_weights:
      break;
  }
  return {data.w, c.out_channels * c.taps() * c.input.c, DType::f32};
}

void add(const Result& result, std::int64_t at, float addend) {
  if (result.dtype == DType::bf16) {
    bf16& element = static_cast<bf16*>(result.data)[at];
    element = to_bf16(to_float(element) + addend);
  } else {
    static_cast<float*>(result.data)[at] += addend;
  }
}

/// f(convolution, direction, bias) for every shape and way.
template <class F>
void for_ways(F f) {
  for (const Convolution& c : shapes()) {
    for (const Direction direction :
         {Direction::forward, Direction::backward_data, Direction::backward_weights}) {
      for (const bool bias : {false, true}) {
        if (bias && direction == Direction::backward_data) continue;
        SCOPED_TRACE(testing::Message() << to_string(c.input) << " to " << c.out_channels << ", "
                                        << name_of(c.activations) << ", direction "
                                        << static_cast<int>(direction) << ", bias " << bias);
        f(c, direction, bias);
      }
    }
  }
}

TEST(ConvolutionCheck, TakesWhatIsRight) {
  for_ways([](const Convolution& c, Direction direction, bool bias) {
    EXPECT_TRUE(computes_right(c, direction, bias, [&](const ConvolutionData& data) {
      convolution_loops(c, direction, data);
    }));
  });
}

TEST(ConvolutionCheck, FindsAnyElementOffByOne) {
  Random random(1, "elements");
  for_ways([&](const Convolution& c, Direction direction, bool bias) {
    for (const float off : {1.0f, -1.0f, 1e14f, 0.5f, std::numeric_limits<float>::quiet_NaN()}) {
      EXPECT_FALSE(computes_right(c, direction, bias, [&](const ConvolutionData& data) {
        convolution_loops(c, direction, data);
        const Result result = result_of(c, direction, data);
        add(result,
            static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(result.count))), off);
      })) << off;
    }
  });
}

TEST(ConvolutionCheck, FindsAWrongBias) {
  for_ways([](const Convolution& c, Direction direction, bool bias) {
    if (!bias) return;
    EXPECT_FALSE(computes_right(c, direction, bias, [&](const ConvolutionData& data) {
      ConvolutionData given = data;
      std::vector<float> none(static_cast<std::size_t>(c.out_channels));
      if (direction == Direction::forward) given.b = none.data();
      convolution_loops(c, direction, given);
      if (direction == Direction::backward_weights) static_cast<float*>(data.b)[0] += 1;
    }));
  });
}

TEST(ConvolutionCheck, FindsWritesBeyondTheResult) {
  for_ways([](const Convolution& c, Direction direction, bool bias) {
    for (const bool before : {false, true}) {
      EXPECT_FALSE(computes_right(c, direction, bias, [&](const ConvolutionData& data) {
        convolution_loops(c, direction, data);
        const Result result = result_of(c, direction, data);
        const auto size = static_cast<std::int64_t>(size_of(result.dtype));
        static_cast<char*>(result.data)[before ? -1 : result.count * size] = 0;
      }));
    }
  });
}

/// A window moved by one pixel, as if the padding were on the other side.
TEST(ConvolutionCheck, FindsAShiftedWindow) {
  for_ways([](const Convolution& c, Direction direction, bool bias) {
    if (c.window.left == c.window.right) return;
    Convolution shifted = c;
    std::swap(shifted.window.left, shifted.window.right);
    EXPECT_FALSE(computes_right(c, direction, bias, [&](const ConvolutionData& data) {
      convolution_loops(shifted, direction, data);
    }));
  });
}

}  // namespace
}  // namespace paretiny::cpu
