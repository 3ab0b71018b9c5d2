#include "kernels/nn/training/channel_importance.h"

#include "kernels/core/check.h"

namespace paretiny::nn {

namespace twins {
constinit Op<decltype(nn::filter_score)> filter_score("filter_score");
constinit Op<decltype(nn::positive_share)> positive_share("positive_share");
}  // namespace twins

void filter_score(Stream& stream, FilterScore score, ConstView w, ConstView g, View scores) {
  const char* op = "filter_score";
  const std::int64_t filters = scores.shape.c;
  check_tensor(op, "w", w, w.shape, {DType::f32});
  if (score == FilterScore::taylor) check_tensor(op, "g", g, w.shape, {DType::f32});
  check_tensor(op, "scores", scores, {1, 1, 1, filters}, {DType::f32});
  check(w.shape.n == filters || (w.shape.n == 1 && w.shape.c == filters), op,
        std::to_string(filters) + " scores do not fit the filters of w " + to_string(w.shape));
  twins::filter_score(stream, score, w, g, scores);
}

void positive_share(Stream& stream, ConstView x, View scores) {
  const char* op = "positive_share";
  check(x.elements() > 0, op, "x " + to_string(x.shape) + " has no elements");
  check_tensor(op, "x", x, x.shape, {DType::f32, DType::bf16});
  check_tensor(op, "scores", scores, {1, 1, 1, x.shape.c}, {DType::f32});
  twins::positive_share(stream, x, scores);
}

}  // namespace paretiny::nn
