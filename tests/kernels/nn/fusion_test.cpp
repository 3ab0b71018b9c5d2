#include "kernels/nn/fusion.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace paretiny::test {

using nn::Epilogue;
using nn::Prologue;

namespace {

// The checks look at shapes and types, never at the memory.
std::uint64_t memory = 0;

View some(DType dtype, const Shape& shape) {
  return view(static_cast<void*>(&memory), dtype, shape);
}

constexpr Shape kInput{3, 8, 6, 5};
constexpr Shape kChannels{1, 1, 1, 5};
constexpr Shape kMore{1, 1, 1, 6};

void expect_taken(const Prologue& prologue) {
  EXPECT_NO_THROW(nn::check_fusion("op", prologue, kInput, DType::bf16));
}
void expect_taken(const Epilogue& epilogue) {
  EXPECT_NO_THROW(nn::check_fusion("op", epilogue, kInput, DType::bf16));
}

/// The error names the op and the argument.
template <class Fusion>
void expect_refused(const Fusion& fusion, const std::string& argument) {
  try {
    nn::check_fusion("the_op", fusion, kInput, DType::bf16);
    ADD_FAILURE() << argument << " was taken";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("the_op: " + argument), std::string::npos)
        << error.what();
  }
}

TEST(Fusion, TakesWhatFits) {
  const View channels = some(DType::f32, kChannels);
  expect_taken(Prologue{});
  expect_taken(Prologue{channels, channels});
  expect_taken(Prologue{.activation = nn::Activation::hard_swish});
  expect_taken(Prologue{channels, channels, nn::Activation::relu, some(DType::bf16, {3, 1, 1, 5})});
  expect_taken(Epilogue{});
  expect_taken(Epilogue{.residual = some(DType::bf16, kInput)});
  expect_taken(Epilogue{channels, channels, some(DType::bf16, kInput), nn::Activation::relu6,
                        channels, channels});
}

TEST(Fusion, KnowsWhenThereIsNothingToDo) {
  const View channels = some(DType::f32, kChannels);
  EXPECT_TRUE(Prologue{}.empty());
  EXPECT_FALSE((Prologue{channels, channels}.empty()));
  EXPECT_FALSE((Prologue{.activation = nn::Activation::relu}.empty()));
  EXPECT_FALSE((Prologue{.gate = channels}.empty()));
  EXPECT_TRUE(Epilogue{}.empty());
  EXPECT_FALSE((Epilogue{channels, channels}.empty()));
  EXPECT_FALSE((Epilogue{.residual = channels}.empty()));
  EXPECT_FALSE((Epilogue{.activation = nn::Activation::relu}.empty()));
  EXPECT_FALSE((Epilogue{.mean = channels, .variance = channels}.empty()));
}

TEST(Fusion, RefusesAScaleWithoutAShift) {
  const View channels = some(DType::f32, kChannels);
  expect_refused(Prologue{.scale = channels}, "shift is null");
  expect_refused(Prologue{.shift = channels}, "scale is null");
  expect_refused(Epilogue{.scale = channels}, "shift is null");
  expect_refused(Epilogue{.shift = channels}, "scale is null");
}

TEST(Fusion, RefusesOtherShapesAndTypes) {
  const View channels = some(DType::f32, kChannels), more = some(DType::f32, kMore);
  const View half = some(DType::bf16, kChannels);
  expect_refused(Prologue{more, channels}, "scale has shape");
  expect_refused(Prologue{channels, more}, "shift has shape");
  expect_refused(Prologue{half, channels}, "scale has type");
  expect_refused(Prologue{.gate = half}, "gate has shape");
  expect_refused(Prologue{.gate = some(DType::f32, {3, 1, 1, 5})}, "gate has type");
  expect_refused(Prologue{.gate = some(DType::bf16, kInput)}, "gate has shape");
  expect_refused(Epilogue{more, more}, "scale has shape");
  expect_refused(Epilogue{channels, half}, "shift has type");
  expect_refused(Epilogue{.residual = some(DType::bf16, {3, 8, 6, 6})}, "residual has shape");
  expect_refused(Epilogue{.residual = some(DType::f32, kInput)}, "residual has type");
}

TEST(Fusion, RefusesHalfOfTheStatistics) {
  const View channels = some(DType::f32, kChannels);
  expect_refused(Epilogue{.mean = channels}, "variance is null");
  expect_refused(Epilogue{.variance = channels}, "mean is null");
  expect_refused(Epilogue{.mean = some(DType::f32, kMore), .variance = channels}, "mean has shape");
  expect_refused(Epilogue{.mean = channels, .variance = some(DType::bf16, kChannels)},
                 "variance has type");
}

}  // namespace
}  // namespace paretiny::test
