#include "nas/samplers/proposal/trust_region.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nas/surrogate/posterior_paths.h"

namespace paretiny::samplers {

void TrustRegion::count(bool success) {
  successes_ = success ? successes_ + 1 : 0;
  failures_ = success ? 0 : failures_ + 1;
  if (successes_ == rules_.successes) {
    length_ = std::min(2 * length_, rules_.longest);
    successes_ = 0;
  } else if (failures_ == rules_.failures) {
    length_ /= 2;
    failures_ = 0;
  }
}

surrogate::RowMatrix perturbed(const space::Space& space, const surrogate::RowMatrix& bases,
                               const Eigen::RowVectorXd& low, const Eigen::RowVectorXd& high,
                               std::size_t count, double probability, Random& random) {
  const auto d = static_cast<Eigen::Index>(space.dimensions());
  const space::SobolSequence sobol(space.dimensions(), random.key());
  surrogate::RowMatrix candidates(static_cast<Eigen::Index>(count), d);
  std::vector<double> u(space.dimensions());
  for (Eigen::Index i = 0; i < candidates.rows(); ++i) {
    sobol.point(static_cast<std::uint64_t>(i), u.data());
    std::vector<double> x(bases.row(i % bases.rows()).begin(), bases.row(i % bases.rows()).end());
    const auto forced = static_cast<Eigen::Index>(random.below(static_cast<std::uint64_t>(d)));
    bool any = false;
    std::vector<bool> chosen(space.dimensions());
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      chosen[k] = random.uniform() < probability;
      any = any || chosen[k];
    }
    if (!any) chosen[static_cast<std::size_t>(forced)] = true;
    for (Eigen::Index k = 0; k < d; ++k) {
      const auto at = static_cast<std::size_t>(k);
      if (chosen[at]) x[at] = low(k) + (high(k) - low(k)) * u[at];
    }
    x = space.snap(x);
    candidates.row(i) = Eigen::Map<const Eigen::RowVectorXd>(x.data(), d);
  }
  return candidates;
}

ThompsonDraw thompson_draw(const std::vector<Quantity>& quantities,
                           const surrogate::Surrogates& surrogates,
                           const surrogate::RowMatrix& candidates, std::uint64_t key) {
  const Eigen::Index c = candidates.rows();
  const surrogate::RowMatrix standardised =
      surrogate::PosteriorPaths(surrogates, 1, key).values(candidates);
  ThompsonDraw draw{surrogate::RowMatrix(static_cast<Eigen::Index>(quantities.size()), c),
                    Eigen::VectorXd::Zero(c)};
  for (std::size_t s = 0; s < quantities.size(); ++s) {
    const auto row = static_cast<Eigen::Index>(s);
    const surrogate::Standard& standard = surrogates.standard(s);
    const Eigen::VectorXd values = standardised.middleRows(row * c, c).col(0);
    draw.values.row(row) = (standard.centre + standard.scale * values.array()).matrix().transpose();
    if (!std::isfinite(quantities[s].limit)) continue;
    draw.violation.array() += (values.array() - standard.of(quantities[s].limit)).max(0.0);
  }
  return draw;
}

std::vector<std::vector<double>> by_score(const surrogate::RowMatrix& candidates,
                                          const Eigen::VectorXd& violation,
                                          const Eigen::VectorXd& score) {
  std::vector<Eigen::Index> order(static_cast<std::size_t>(candidates.rows()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) {
    if (violation(a) != violation(b)) return violation(a) < violation(b);
    return score(a) > score(b);
  });
  std::vector<std::vector<double>> list;
  for (const Eigen::Index i : order) {
    list.emplace_back(candidates.row(i).begin(), candidates.row(i).end());
  }
  return list;
}

}  // namespace paretiny::samplers
