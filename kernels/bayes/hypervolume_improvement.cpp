#include "kernels/bayes/hypervolume_improvement.h"

#include "kernels/core/check.h"

namespace paretiny::bayes {

namespace twins {
constinit Op<decltype(bayes::hypervolume_improvement)> hypervolume_improvement(
    "hypervolume_improvement");
constinit Op<decltype(bayes::add_log_hypervolume_improvement)> add_log_hypervolume_improvement(
    "add_log_hypervolume_improvement");
}  // namespace twins

namespace {

void check_arguments(const char* op, const BoxCover& cover, const Beliefs& beliefs,
                     const char* result_name, View result) {
  const ConstView& mean = beliefs.mean;
  const std::int64_t objectives = cover.levels.shape.w, points = mean.shape.c;
  check(cover.levels.elements() > 0, op,
        "levels " + to_string(cover.levels.shape) + " has no elements");
  check_tensor(op, "levels", cover.levels, {1, 1, objectives, cover.levels.shape.c}, {DType::f64});
  check(cover.boxes.shape.n > 0, op, "there are no boxes");
  check_tensor(op, "boxes", cover.boxes, {cover.boxes.shape.n, 1, 2, objectives}, {DType::i32});
  check(mean.shape.w >= objectives, op,
        "mean " + to_string(mean.shape) + " has fewer rows than there are objectives, " +
            std::to_string(objectives));
  check(points > 0, op, "mean " + to_string(mean.shape) + " has no points");
  check_tensor(op, "mean", mean, {1, 1, mean.shape.w, points}, {DType::f64});
  check_tensor(op, "variance", beliefs.variance, mean.shape, {DType::f64});
  check_tensor(op, result_name, result, {1, 1, 1, points}, {DType::f64});
}

}  // namespace

void hypervolume_improvement(Stream& stream, const BoxCover& cover, const Beliefs& beliefs,
                             View improvement) {
  check_arguments("hypervolume_improvement", cover, beliefs, "improvement", improvement);
  twins::hypervolume_improvement(stream, cover, beliefs, improvement);
}

void add_log_hypervolume_improvement(Stream& stream, const BoxCover& cover, const Beliefs& beliefs,
                                     View reward) {
  check_arguments("add_log_hypervolume_improvement", cover, beliefs, "reward", reward);
  twins::add_log_hypervolume_improvement(stream, cover, beliefs, reward);
}

}  // namespace paretiny::bayes
