#include "kernels/nn/training/channel_gather.h"

#include "tests/support/kernels.h"

namespace paretiny::test {
namespace {

TEST(ChannelGather, CopiesTheChosenChannels) {
  const auto stream = test_stream();
  struct Block {
    std::size_t outer, channels, inner;
  };
  for (const auto& [outer, channels, inner] :
       {Block{1, 7, 1}, Block{1, 9, 45}, Block{27, 5, 1}, Block{3, 4, 5}, Block{3, 6, 8}}) {
    for (const std::vector<double>& index :
         {std::vector<double>{0, 3}, {3, 2, 0}, {1, 1, 3, 0, 2, 2}, {2}, {2, -1, 0, -1}}) {
      const Shape shape{1, static_cast<std::int64_t>(outer), static_cast<std::int64_t>(channels),
                        static_cast<std::int64_t>(inner)};
      const auto kept = static_cast<std::int64_t>(index.size());
      const Tensor in = Tensor::random(*stream, DType::f32, shape, 1);
      const Tensor chosen(*stream, DType::i32, {1, 1, 1, kept}, index);
      const Tensor out(*stream, DType::f32, {1, shape.h, kept, shape.c});
      nn::channel_gather(*stream, in, chosen, out);
      const auto from = in.values();
      std::vector<double> expected;
      for (std::size_t i = 0; i < outer; ++i) {
        for (const double channel : index) {
          for (std::size_t j = 0; j < inner; ++j) {
            const auto row = i * channels + static_cast<std::size_t>(std::max(channel, 0.0));
            expected.push_back(channel < 0 ? 0 : from[row * inner + j]);
          }
        }
      }
      EXPECT_EQ(out.values(), expected);
    }
  }
}

TEST(ChannelGather, ReadsWhatIsNotAligned) {
  const auto stream = test_stream();
  const Tensor in = Tensor::random(*stream, DType::f32, {1, 1, 1, 41}, 1);
  const Tensor chosen(*stream, DType::i32, {1, 1, 1, 2}, {4, 1});
  const Tensor out(*stream, DType::f32, {1, 1, 2, 8});
  nn::channel_gather(*stream, view(in.view().as<float>() + 1, DType::f32, {1, 1, 5, 8}), chosen,
                     out);
  const auto from = in.values();
  std::vector<double> expected(from.begin() + 33, from.begin() + 41);
  expected.insert(expected.end(), from.begin() + 9, from.begin() + 17);
  EXPECT_EQ(out.values(), expected);
}

TEST(ChannelGather, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const Tensor in(*stream, DType::f32, {1, 2, 4, 3});
  const Tensor index(*stream, DType::i32, {1, 1, 1, 2}, {0, 3});
  const Tensor out(*stream, DType::f32, {1, 2, 2, 3});
  EXPECT_NO_THROW(nn::channel_gather(*stream, in, index, out));
  EXPECT_THROW(nn::channel_gather(*stream, in, index, in), UsageError);
  EXPECT_THROW(nn::channel_gather(*stream, in, out, out), UsageError);
  EXPECT_THROW(nn::channel_gather(*stream, in, index, View{}), UsageError);
  const Tensor four(*stream, DType::f32, {2, 2, 4, 3});
  EXPECT_THROW(nn::channel_gather(*stream, four, index, out), UsageError);
  const Tensor all(*stream, DType::i32, {1, 1, 1, 4}, {0, 1, 2, 3});
  EXPECT_THROW(nn::channel_gather(*stream, in, all, in), UsageError);
}

}  // namespace
}  // namespace paretiny::test
