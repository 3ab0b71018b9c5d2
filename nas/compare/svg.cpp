#include "nas/compare/svg.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/one_line.h"
#include "nas/summary/format.h"

namespace paretiny::compare {
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

std::vector<double> log_ticks(double low, double high, int most) {
  std::vector<double> powers;
  std::vector<double> all;
  for (double power = std::pow(10.0, std::floor(std::log10(low))); power <= high; power *= 10) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double tick = factor * power;
      if (tick < low || tick > high) continue;
      all.push_back(tick);
      if (factor == 1) powers.push_back(tick);
    }
  }
  return static_cast<int>(all.size()) > most && powers.size() > 1 ? powers : all;
}

double Frame::share(double value, const std::pair<double, double>& range, bool log) {
  if (!log) return (value - range.first) / (range.second - range.first);
  return std::log(value / range.first) / std::log(range.second / range.first);
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
  const auto ticks = [](const std::pair<double, double>& range, bool log, int wanted) {
    return log ? log_ticks(range.first, range.second, 2 * wanted)
               : round_ticks(range.first, range.second, wanted);
  };
  // What decimals a label needs: of equal steps all the same, else its own.
  const auto step = [](const std::vector<double>& all, bool log, double tick) {
    return log ? tick : all.size() > 1 ? all[1] - all[0] : 1;
  };
  const std::vector<double> across = ticks(f.x, f.log_x, x_ticks);
  for (const double tick : across) {
    const double x = f.px(tick);
    path("edge", x, bottom, x, bottom + 4);
    if (grid) path("grid", x, f.top, x, bottom);
    text(x, bottom + 16, tick_label(tick, step(across, f.log_x, tick)), "label", "middle");
  }
  const std::vector<double> up = ticks(f.y, f.log_y, y_ticks);
  for (const double tick : up) {
    const double y = f.py(tick);
    path("edge", f.left - 4, y, f.left, y);
    if (grid) path("grid", f.left, y, right, y);
    text(f.left - 7, y + 4, tick_label(tick, step(up, f.log_y, tick)), "label", "end");
  }
  text(f.left + f.width / 2, bottom + 33, x_label, "name", "middle");
  if (y_label.empty()) return;
  body_ += fmt::format(
      "<text class=\"name\" text-anchor=\"middle\" transform=\"translate({:.1f} {:.1f}) "
      "rotate(-90)\">{}</text>\n",
      f.left - 48, f.top + f.height / 2, summary::escape_html(one_line(y_label)));
}

void Svg::text(double x, double y, const std::string& text, const std::string& kind,
               const std::string& anchor) {
  body_ +=
      fmt::format("<text class=\"{}\" text-anchor=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
                  kind, anchor, x, y, summary::escape_html(one_line(text)));
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

}  // namespace paretiny::compare
