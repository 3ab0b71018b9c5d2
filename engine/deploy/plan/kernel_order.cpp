#include "engine/deploy/plan/kernel_order.h"

#include <algorithm>
#include <limits>

#include "engine/deploy/runtime/paretiny_order.h"

namespace paretiny::deploy {
namespace {

/// Extents of a network that can be built fit the runtime's 32 bits.
std::int32_t narrow(std::int64_t extent) {
  return static_cast<std::int32_t>(extent);
}

/// Of `extent` elements of the input, those that windows from `first` to before `end` meet.
Extent inside(std::int64_t first, std::int64_t end, std::int64_t extent) {
  return {std::max<std::int64_t>(first, 0), std::min(end, extent)};
}

template <class Pixels>
std::vector<Stage> stages_of(const Shape& in, const Shape& out, const nn::Window& w,
                             Pixels pixels_at) {
  std::vector<Stage> stages;
  for (std::int64_t y = 0; y < out.h; ++y) {
    const std::int64_t top = y * w.stride_h - w.top;
    const Extent rows = inside(top, top + w.kernel_h, in.h);
    for (std::int64_t x = 0, pixels; x < out.w; x += pixels) {
      pixels = pixels_at(x);
      const std::int64_t left = x * w.stride_w - w.left;
      const Extent columns = inside(left, left + (pixels - 1) * w.stride_w + w.kernel_w, in.w);
      Stage stage;
      if (!rows.empty() && !columns.empty()) {
        stage.reads = {(rows.begin * in.w + columns.begin) * in.c,
                       ((rows.end - 1) * in.w + columns.end) * in.c};
      }
      stage.writes = {(y * out.w + x) * out.c, (y * out.w + x + pixels) * out.c};
      stages.push_back(stage);
    }
  }
  return stages;
}

}  // namespace

bool conv_gathers(const Shape& input, const nn::Window& window) {
  return pt_conv_gathers(narrow(window.kernel_h * window.kernel_w), narrow(input.c)) != 0;
}

std::int64_t conv_pixels(const Shape& input, const Shape& output, const nn::Window& window,
                         std::int64_t x) {
  return pt_conv_pixels(conv_gathers(input, window), narrow(output.w - x),
                        narrow(x * window.stride_w - window.left), narrow(window.kernel_w),
                        narrow(window.stride_w), narrow(input.w));
}

std::vector<Stage> conv_stages(const Shape& input, const Shape& output, const nn::Window& window) {
  return stages_of(input, output, window,
                   [&](std::int64_t x) { return conv_pixels(input, output, window, x); });
}

std::vector<Stage> pixel_stages(const Shape& input, const Shape& output, const nn::Window& window) {
  return stages_of(input, output, window, [](std::int64_t) { return 1; });
}

std::size_t least_lead(const std::vector<Stage>& stages) {
  std::int64_t lead = 0;
  std::int64_t needed = std::numeric_limits<std::int64_t>::max();  // lowest byte still to be read
  for (auto stage = stages.rbegin(); stage != stages.rend(); ++stage) {
    if (!stage->reads.empty()) needed = std::min(needed, stage->reads.begin);
    lead = std::max(lead, stage->writes.end - needed);
  }
  return static_cast<std::size_t>(lead);
}

}  // namespace paretiny::deploy
