// Plain SVG pictures, readable on a light and on a dark ground.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace paretiny::compare {

/// The colour of series number `index`: ten that stand out on both grounds, then again from the
/// first.
std::string series_colour(std::size_t index);

/// About `wanted` round numbers (1, 2 or 5 times a power of ten apart) within [low, high].
std::vector<double> round_ticks(double low, double high, int wanted);

/// The numbers 1, 2 and 5 times a power of ten within [low, high]; powers of ten alone where those
/// would be more than `most`.
std::vector<double> log_ticks(double low, double high, int most);

/// `value` as a label beside ticks `step` apart.
std::string tick_label(double value, double step);

/// A rectangle of a picture (in pixels, y downwards) and the ranges that it shows (y upwards).
struct Frame {
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
  std::pair<double, double> x;
  std::pair<double, double> y;
  bool log_x = false;  ///< values and ranges are above 0
  bool log_y = false;

  double px(double value) const { return left + share(value, x, log_x) * width; }
  double py(double value) const { return top + height - share(value, y, log_y) * height; }

 private:
  static double share(double value, const std::pair<double, double>& range, bool log);
};

class Svg {
 public:
  Svg(double width, double height);

  /// Border, ticks and their labels, a grid when asked for, and what the axes show.
  void axes(const Frame& frame, const std::string& x_label, const std::string& y_label, int x_ticks,
            int y_ticks, bool grid);
  /// `kind`: "title", "label" (small) or "name"; `anchor`: start, middle or end.
  void text(double x, double y, const std::string& text, const std::string& kind,
            const std::string& anchor = "start");
  void line(const std::vector<std::pair<double, double>>& points, const std::string& colour);
  void area(const std::vector<std::pair<double, double>>& corners, const std::string& colour);
  void dot(double x, double y, double radius, const std::string& colour, double opacity);
  void square(double x, double y, double width, double height, const std::string& colour,
              double opacity);

  /// What is drawn between the two can be drawn again, moved by (x, y).
  void begin_group(const std::string& name);
  void end_group();
  void repeat_group(const std::string& name, double x, double y);

  /// The whole file.
  std::string end() const { return body_ + "</svg>\n"; }

 private:
  std::string body_;
};

}  // namespace paretiny::compare
