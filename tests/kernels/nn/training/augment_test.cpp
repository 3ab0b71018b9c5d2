#include "kernels/nn/training/augment.h"

#include "tests/support/threads.h"

namespace paretiny::test {
namespace {

constexpr std::int64_t kSamples = 11;

/// A small data set, a shuffled order and one batch.
struct Case {
  Case(Stream& the_stream, const Shape& sample, DType from, DType to, std::int64_t n,
       std::uint64_t seed)
      : stream(the_stream),
        samples(stream, from, {kSamples, sample.h, sample.w, sample.c},
                pixels(kSamples * sample.elements(), from, seed)),
        labels(stream, DType::i32, {1, 1, 1, kSamples}, numbers(kSamples, 7)),
        order(stream, DType::i32, {1, 1, 1, 13}, numbers(13, 5)),
        cursor(stream, DType::i32, {1, 1, 1, 2}, {3, 41}),
        scale(Tensor::random(stream, DType::f32, {1, 1, 1, sample.c}, seed + 1)),
        shift(Tensor::random(stream, DType::f32, {1, 1, 1, sample.c}, seed + 2)),
        x(stream, to, {n, sample.h, sample.w, sample.c}),
        labels_out(stream, DType::i32, {1, 1, 1, n}) {}

  static std::vector<double> pixels(std::int64_t count, DType dtype, std::uint64_t seed) {
    Random random(seed, "pixels");
    std::vector<double> values;
    for (std::int64_t i = 0; i < count; ++i) {
      values.push_back(dtype == DType::u8 ? static_cast<double>(random.below(256))
                                          : random.normal());
    }
    return values;
  }
  static std::vector<double> numbers(std::int64_t count, std::int64_t factor) {
    std::vector<double> values;
    for (std::int64_t i = 0; i < count; ++i) {
      values.push_back(static_cast<double>((i * factor + 2) % kSamples));
    }
    return values;
  }

  void run(const nn::AugmentSpec& spec) {
    nn::gather_batch(stream, spec,
                     {.samples = samples,
                      .labels = labels,
                      .order = order,
                      .cursor = cursor,
                      .scale = scale,
                      .shift = shift,
                      .x = x,
                      .labels_out = labels_out});
  }

  /// The batch by the header's words, in double precision.
  std::vector<double> judge(const nn::AugmentSpec& spec) const {
    const auto all = samples.values(), indices = order.values(), factor = scale.values(),
               offset = shift.values();
    const Shape& shape = x.shape();
    const std::uint64_t key = random_key(spec.seed, "augment");
    std::vector<double> result;
    for (std::int64_t i = 0; i < shape.n; ++i) {
      const auto j = static_cast<std::int64_t>(indices[static_cast<std::size_t>(3 + i)]);
      const auto word = [&](std::uint64_t block, int k) {
        return philox(key, static_cast<std::uint64_t>(j), (std::uint64_t{41} << 32) + block)
            .word[k];
      };
      const auto in_range = [](std::uint32_t bits, std::int64_t reach) {
        return static_cast<std::int64_t>(
                   std::floor(bits * 0x1p-32 * static_cast<double>(2 * reach + 1))) -
               reach;
      };
      const std::int64_t down = shape.h > 1 ? in_range(word(0, 0), spec.crop) : 0;
      const std::int64_t right = in_range(word(0, 1), spec.crop);
      const bool mirror = spec.flip && word(0, 2) >= 0x80000000u;
      const std::int64_t turn = in_range(word(0, 3), spec.shift);
      std::uint64_t e = 0;
      for (std::int64_t row = 0; row < shape.h; ++row) {
        for (std::int64_t column = 0; column < shape.w; ++column) {
          for (std::int64_t c = 0; c < shape.c; ++c, ++e) {
            const std::int64_t h = row + down;
            const std::int64_t u = (mirror ? shape.w - 1 - column : column) + right;
            const std::int64_t w = ((u + turn) % shape.w + shape.w) % shape.w;
            const bool inside = h >= 0 && h < shape.h && u >= 0 && u < shape.w;
            double value = 0;
            if (inside) {
              const auto at =
                  static_cast<std::size_t>(((j * shape.h + h) * shape.w + w) * shape.c + c);
              const auto channel = static_cast<std::size_t>(c);
              value = all[at] * factor[channel] + offset[channel];
            }
            if (spec.noise > 0) {
              const int pair = e % 4 < 2 ? 0 : 2;
              const double u1 = (word(1 + e / 4, pair) >> 8) * 0x1p-24;
              const double u2 = (word(1 + e / 4, pair + 1) >> 8) * 0x1p-24;
              const double angle = 2 * std::numbers::pi * u2;
              value += spec.noise * std::sqrt(-2 * std::log1p(-u1)) *
                       (e % 2 == 0 ? std::cos(angle) : std::sin(angle));
            }
            result.push_back(value);
          }
        }
      }
    }
    return result;
  }

  Stream& stream;
  Tensor samples, labels, order, cursor, scale, shift, x, labels_out;
};

std::vector<nn::AugmentSpec> specs() {
  return {{},
          {.crop = 2},
          {.flip = true},
          {.shift = 5},
          {.crop = 9},  // further than the sample is wide
          {.noise = 0.3f},
          {.crop = 1, .flip = true, .shift = 17, .noise = 0.1f, .seed = 7}};
}

TEST(GatherBatch, AgreesWithItsDefinition) {
  const auto stream = test_stream();
  for (const Shape& sample : {Shape{1, 8, 6, 3}, Shape{1, 1, 37, 5}, Shape{1, 5, 7, 1}}) {
    for (const nn::AugmentSpec& spec : specs()) {
      for (const DType from : {DType::u8, DType::f32}) {
        for (const DType to : {DType::f32, DType::bf16}) {
          Case batch(*stream, sample, from, to, 10, 1);
          batch.run(spec);
          const auto expected = batch.judge(spec);
          const double relative = to == DType::bf16 ? 0x1p-8 : 2e-6;
          expect_near(batch.x, expected, relative * max_abs(expected), "x");
          std::vector<double> labels;
          for (std::size_t i = 0; i < 10; ++i) {
            labels.push_back(
                batch.labels.values()[static_cast<std::size_t>(batch.order.values()[3 + i])]);
          }
          EXPECT_EQ(batch.labels_out.values(), labels);
        }
      }
    }
  }
}

TEST(GatherBatch, DrawsAnewEachEpochAndSeed) {
  const auto stream = test_stream();
  Case batch(*stream, {1, 9, 9, 3}, DType::u8, DType::f32, 8, 1);
  nn::AugmentSpec spec{.crop = 3, .flip = true};
  batch.run(spec);
  const auto first = batch.x.values();
  batch.run(spec);
  EXPECT_EQ(batch.x.values(), first);
  batch.cursor.set(1, 42);
  batch.run(spec);
  EXPECT_NE(batch.x.values(), first);
  batch.cursor.set(1, 41);
  spec.seed = 1;
  batch.run(spec);
  EXPECT_NE(batch.x.values(), first);
}

TEST(GatherBatch, DrawsAreUniform) {
  nn::AugmentSpec spec{.crop = 2, .flip = true, .shift = 1};
  constexpr int kDraws = 30000;
  int mirrored = 0;
  std::vector<int> down(5), right(5), turn(3);
  for (std::uint64_t sample = 0; sample < kDraws; ++sample) {
    const nn::AugmentDraw draw = nn::augment_draw(spec, random_key(3, "augment"), sample, 5, 32);
    mirrored += draw.mirror;
    ++down.at(static_cast<std::size_t>(draw.down + 2));
    ++right.at(static_cast<std::size_t>(draw.right + 2));
    ++turn.at(static_cast<std::size_t>(draw.turn + 1));
  }
  // Five standard deviations of a count.
  const auto expect_share = [](int count, double share) {
    EXPECT_NEAR(count, kDraws * share, 5 * std::sqrt(kDraws * share * (1 - share)));
  };
  expect_share(mirrored, 0.5);
  for (const int count : down) expect_share(count, 0.2);
  for (const int count : right) expect_share(count, 0.2);
  for (const int count : turn) expect_share(count, 1.0 / 3);
}

TEST(GatherBatch, NoiseIsNormal) {
  const auto stream = test_stream();
  Case batch(*stream, {1, 40, 50, 5}, DType::f32, DType::f32, 10, 1);
  batch.scale = Tensor(*stream, DType::f32, {1, 1, 1, 5}, {0, 0, 0, 0, 0});
  batch.shift = Tensor(*stream, DType::f32, {1, 1, 1, 5}, {0, 0, 0, 0, 0});
  batch.run({.noise = 2});
  double sum = 0, square = 0, fourth = 0;
  const auto values = batch.x.values();
  const auto n = static_cast<double>(values.size());
  for (const double value : values) {
    const double z = value / 2;
    sum += z / n;
    square += z * z / n;
    fourth += z * z * z * z / n;
  }
  EXPECT_NEAR(sum, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(square, 1, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(fourth, 3, 5 * std::sqrt(96 / n));
}

TEST(GatherBatch, IsTheSameForAnyNumberOfThreads) {
  const auto stream = test_stream();
  Case batch(*stream, {1, 32, 32, 3}, DType::u8, DType::bf16, 10, 1);
  expect_same_for_any_threads([&] { batch.run({.crop = 4, .flip = true, .noise = 0.1f}); },
                              {&batch.x, &batch.labels_out});
}

TEST(GatherBatch, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const auto fresh = [&] { return Case(*stream, {1, 4, 4, 3}, DType::u8, DType::f32, 8, 1); };
  Case batch = fresh();
  EXPECT_NO_THROW(batch.run({}));
  EXPECT_THROW(batch.run({.crop = -1}), UsageError);
  EXPECT_THROW(batch.run({.noise = -1}), UsageError);
  EXPECT_THROW(Case(*stream, {1, 4, 4, 3}, DType::u8, DType::f32, 14, 1).run({}), UsageError);
  EXPECT_THROW(Case(*stream, {1, 4, 4, 3}, DType::i8, DType::f32, 8, 1).run({}), UsageError);
  EXPECT_THROW(Case(*stream, {1, 4, 4, 3}, DType::u8, DType::u8, 8, 1).run({}), UsageError);
  batch.scale = Tensor(*stream, DType::f32, {1, 1, 1, 4});
  EXPECT_THROW(batch.run({}), UsageError);
  Case few_labels = fresh();
  few_labels.labels = Tensor(*stream, DType::i32, {1, 1, 1, 3});
  EXPECT_THROW(few_labels.run({}), UsageError);
  Case half_cursor = fresh();
  half_cursor.cursor = Tensor(*stream, DType::i32, {1, 1, 1, 1});
  EXPECT_THROW(half_cursor.run({}), UsageError);
}

}  // namespace
}  // namespace paretiny::test
