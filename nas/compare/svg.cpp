#include "nas/compare/svg.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/one_line.h"
#include "nas/summary/format.h"

namespace paretiny {
namespace {

std::string points_text(const std::vector<std::pair<double, double>>& points) {
  std::string text;
  for (const auto& [x, y] : points) text += fmt::format("{:.1f},{:.1f} ", x, y);
  if (!text.empty()) text.pop_back();
  return text;
}

}  // namespace

std::string series_colour(std::size_t index) {
  static constexpr std::array kColours{"#2f7ed8", "#d9730d", "#2e9e5b", "#c0399f", "#8f6ae0",
                                       "#d1453b", "#1b9aaa", "#9a8a00", "#7a8699", "#a5694f"};
  return kColours[index % kColours.size()];
}

std::vector<double> round_ticks(double low, double high, int wanted) {
  const double rough = (high - low) / wanted;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k) {
    ticks.push_back(k * step);
  }
  return ticks;
}

std::string tick_label(double value, double step) {
  const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  const std::string text = fmt::format("{:.{}f}", value == 0 ? 0 : value, decimals);
  return text.size() > 8 ? fmt::format("{:.3g}", value) : text;
}

Svg::Svg(double width, double height) {
  body_ = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\" font-family=\"system-ui, sans-serif\">\n"
      "<style>\n"
      "text {{ fill: #4b5563; font-size: 12px }}\n"
      ".title {{ fill: #17202e; font-size: 15px; font-weight: 600 }}\n"
      ".label {{ font-size: 11px }}\n"
      ".edge {{ stroke: #8c97a6; fill: none }}\n"
      ".grid {{ stroke: #8c97a6; stroke-opacity: 0.2; fill: none }}\n"
      "@media (prefers-color-scheme: dark) {{ text {{ fill: #a2aebd }} .title {{ fill: #e7ecf3 }} "
      "}}\n"
      "</style>\n",
      width, height);
}

void Svg::axes(const Frame& f, const std::string& x_label, const std::string& y_label, int x_ticks,
               int y_ticks, bool grid) {
  const double right = f.left + f.width;
  const double bottom = f.top + f.height;
  const auto path = [&](const char* kind, double x1, double y1, double x2, double y2) {
    body_ += fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>\n", kind, x1, y1,
                         x2, y2);
  };
  body_ += fmt::format(
      "<rect class=\"edge\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n",
      f.left, f.top, f.width, f.height);
  const std::vector<double> across = round_ticks(f.x.first, f.x.second, x_ticks);
  for (const double tick : across) {
    const double x = f.px(tick);
    path("edge", x, bottom, x, bottom + 4);
    if (grid) path("grid", x, f.top, x, bottom);
    const double step = across.size() > 1 ? across[1] - across[0] : 1;
    text(x, bottom + 16, tick_label(tick, step), "label", "middle");
  }
  const std::vector<double> up = round_ticks(f.y.first, f.y.second, y_ticks);
  for (const double tick : up) {
    const double y = f.py(tick);
    path("edge", f.left - 4, y, f.left, y);
    if (grid) path("grid", f.left, y, right, y);
    const double step = up.size() > 1 ? up[1] - up[0] : 1;
    text(f.left - 7, y + 4, tick_label(tick, step), "label", "end");
  }
  text(f.left + f.width / 2, bottom + 33, x_label, "name", "middle");
  if (y_label.empty()) return;
  body_ += fmt::format(
      "<text class=\"name\" text-anchor=\"middle\" transform=\"translate({:.1f} {:.1f}) "
      "rotate(-90)\">{}</text>\n",
      f.left - 48, f.top + f.height / 2, escape_html(one_line(y_label)));
}

void Svg::text(double x, double y, const std::string& text, const std::string& kind,
               const std::string& anchor) {
  body_ +=
      fmt::format("<text class=\"{}\" text-anchor=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
                  kind, anchor, x, y, escape_html(one_line(text)));
}

void Svg::line(const std::vector<std::pair<double, double>>& points, const std::string& colour) {
  body_ += fmt::format(
      "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-linejoin=\"round\" "
      "points=\"{}\"/>\n",
      colour, points_text(points));
}

void Svg::area(const std::vector<std::pair<double, double>>& corners, const std::string& colour) {
  body_ += fmt::format("<polygon fill=\"{}\" fill-opacity=\"0.16\" points=\"{}\"/>\n", colour,
                       points_text(corners));
}

void Svg::dot(double x, double y, double radius, const std::string& colour, double opacity) {
  body_ += fmt::format(
      "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\" fill-opacity=\"{:.2f}\"/>\n", x, y,
      radius, colour, opacity);
}

void Svg::square(double x, double y, double width, double height, const std::string& colour,
                 double opacity) {
  body_ += fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\" "
      "fill-opacity=\"{:.3f}\"/>\n",
      x, y, width, height, colour, opacity);
}

void Svg::begin_group(const std::string& name) {
  body_ += fmt::format("<g id=\"{}\">\n", name);
}

void Svg::end_group() {
  body_ += "</g>\n";
}

void Svg::repeat_group(const std::string& name, double x, double y) {
  body_ += fmt::format("<use href=\"#{}\" x=\"{:.1f}\" y=\"{:.1f}\"/>\n", name, x, y);
}

}  // namespace paretiny
