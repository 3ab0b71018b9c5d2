// Hypervolume and contributions in three objectives, O(n log n): a plane swept along the last
// objective, which meets the points one after the other. In the plane the points that are not
// dominated make a staircase, kept in a balanced tree (Beume, Fonseca, Lopez-Ibanez, Paquete,
// Vahrenhold, "On the complexity of computing the hypervolume indicator", 2009). A stair knows the
// strips of the plane that it alone covers; each is closed once, as a box (Guerreiro, Fonseca,
// "Computing and updating hypervolume contributions in up to four dimensions", 2018). All terms
// are positive, so that nothing cancels.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <vector>

#include "nas/pareto/hypervolume.h"

namespace paretiny::pareto {

/// What one stair alone covers of the plane: strips from left to right with ceilings that fall.
class OwnStrips {
 public:
  explicit OwnStrips(double bottom) : bottom_(bottom) {}

  /// Adds a strip, from the plane's height `z` on, to the right of those there. Returns its area.
  double append(double left, double right, double ceiling, double z);
  /// From the height `z` on the quadrant right of x and above y belongs to another point too.
  void cover(double x, double y, double z);
  /// Closes all strips at the height `z` and returns the volume of all that were ever closed.
  double close(double z);

 private:
  struct Strip {
    double ceiling;
    double since;  ///< height of the plane
  };
  using Strips = std::map<double, Strip>;  ///< by their left ends

  void close(Strips::const_iterator strip, double z);

  double bottom_;
  double right_ = 0;
  double volume_ = 0;
  Strips strips_;
};

class StairSweep {
 public:
  using Point = std::array<double, 3>;

  /// Contributions are kept of `points` points.
  StairSweep(const Point& reference, Dominated dominated, std::size_t points);

  /// Meets point number `index`, which lies strictly below the reference. Points must come
  /// sorted by the last objective, then the second, then the first.
  void add(const Point& point, std::size_t index);
  /// Meets the reference. Nothing may be added any more.
  void finish();

  double volume() const { return volume_; }
  /// Of every point, once finished.
  const std::vector<double>& contributions() const { return contributions_; }

 private:
  struct Stair {
    double y, z;
    std::size_t index;
    OwnStrips own;
  };

  Point reference_;
  Dominated dominated_;
  std::map<double, Stair> stairs_;  ///< by x; y falls
  double volume_ = 0;
  std::vector<double> contributions_;
};

}  // namespace paretiny::pareto
