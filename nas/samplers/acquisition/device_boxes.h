// The boxes that a front leaves undominated, where kernels can read them.
#pragma once

#include "kernels/bayes/hypervolume_improvement.h"
#include "nas/pareto/boxes.h"
#include "nas/surrogate/device_array.h"

namespace paretiny::samplers {

class DeviceBoxes {
 public:
  DeviceBoxes() = default;
  DeviceBoxes(Stream& stream, const pareto::Boxes& boxes)
      : levels_(stream, DType::f64,
                {1, 1, static_cast<std::int64_t>(boxes.objectives),
                 static_cast<std::int64_t>(boxes.level_count())},
                boxes.levels.data()),
        corners_(stream, DType::i32,
                 {static_cast<std::int64_t>(boxes.count()), 1, 2,
                  static_cast<std::int64_t>(boxes.objectives)},
                 boxes.corners.data()) {}

  operator bayes::BoxCover() const { return {levels_, corners_}; }

 private:
  surrogate::DeviceArray levels_, corners_;
};

}  // namespace paretiny::samplers
