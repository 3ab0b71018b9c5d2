#include "nas/compare/rank_sum.h"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <limits>
#include <numbers>

namespace paretiny::compare {
namespace {

/// Up to so many values a side the distribution is counted; beyond, the normal one is near enough.
constexpr std::size_t kExact = 25;

/// Share of all orders of n + m values in which at most `u` pairs are the other way round, twice:
/// counted with the coefficients of the Gaussian binomial, multiplied up factor by factor.
double exact(std::size_t u, std::size_t n, std::size_t m) {
  const std::size_t most = n * m;
  std::vector<double> ways(most + 1, 0.0);
  ways[0] = 1;
  for (std::size_t i = 1; i <= n; ++i) {
    for (std::size_t k = most; k >= m + i; --k) ways[k] -= ways[k - m - i];
    for (std::size_t k = i; k <= most; ++k) ways[k] += ways[k - i];
  }
  double tail = 0;
  double all = 0;
  for (std::size_t k = 0; k <= most; ++k) {
    all += ways[k];
    if (k <= u) tail += ways[k];
  }
  return std::min(1.0, 2 * tail / all);
}

/// Pairs in which a is the larger, ties by half.
double pairs_won(const std::vector<double>& a, const std::vector<double>& b) {
  double won = 0;
  for (const double x : a) {
    for (const double y : b) won += x > y ? 1 : x == y ? 0.5 : 0;
  }
  return won;
}

}  // namespace

bool tends_larger(const std::vector<double>& a, const std::vector<double>& b) {
  return pairs_won(a, b) > pairs_won(b, a);
}

double rank_sum_p(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.empty() || b.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double u = pairs_won(a, b);
  std::vector<double> all = a;
  all.insert(all.end(), b.begin(), b.end());
  std::sort(all.begin(), all.end());
  double ties = 0;
  for (std::size_t begin = 0, end = 0; begin < all.size(); begin = end) {
    while (end < all.size() && all[end] == all[begin]) ++end;
    const auto group = static_cast<double>(end - begin);
    ties += group * group * group - group;
  }
  const double pairs = static_cast<double>(a.size()) * static_cast<double>(b.size());
  if (ties == 0 && std::max(a.size(), b.size()) <= kExact) {
    return exact(static_cast<std::size_t>(std::min(u, pairs - u)), a.size(), b.size());
  }
  const auto n = static_cast<double>(all.size());
  const double variance = pairs / 12 * (n + 1 - ties / (n * (n - 1)));
  if (!(variance > 0)) return 1;
  const double z = std::max(0.0, std::abs(u - pairs / 2) - 0.5) / std::sqrt(variance);
  return std::erfc(z / std::numbers::sqrt2);
}

double signed_rank_p(std::vector<double> differences) {
  std::erase(differences, 0.0);
  if (differences.empty()) return 1;
  std::sort(differences.begin(), differences.end(),
            [](double a, double b) { return std::abs(a) < std::abs(b); });
  const auto n = static_cast<double>(differences.size());
  double positive = 0;
  double ties = 0;
  for (std::size_t begin = 0, end = 0; begin < differences.size(); begin = end) {
    const double size = std::abs(differences[begin]);
    while (end < differences.size() && std::abs(differences[end]) == size) ++end;
    const double rank = static_cast<double>(begin + end + 1) / 2;
    for (std::size_t i = begin; i < end; ++i) positive += differences[i] > 0 ? rank : 0;
    const auto group = static_cast<double>(end - begin);
    ties += group * group * group - group;
  }
  const double variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
  const double away = std::abs(positive - n * (n + 1) / 4) - 0.5;
  return std::erfc(std::max(0.0, away) / std::sqrt(variance) / std::numbers::sqrt2);
}

double friedman_p(const std::vector<std::vector<double>>& ranks) {
  const std::size_t columns = ranks.empty() ? 0 : ranks[0].size();
  if (ranks.size() < 2 || columns < 2) return std::numeric_limits<double>::quiet_NaN();
  const auto k = static_cast<double>(columns);
  const auto n = static_cast<double>(ranks.size());
  double between = 0;
  double within = 0;
  for (std::size_t c = 0; c < columns; ++c) {
    double mean = 0;
    for (const std::vector<double>& block : ranks) {
      mean += block[c] / n;
      within += (block[c] - (k + 1) / 2) * (block[c] - (k + 1) / 2) / (n * (k - 1));
    }
    between += n * (mean - (k + 1) / 2) * (mean - (k + 1) / 2);
  }
  if (within == 0) return 1;
  return cdf(complement(boost::math::chi_squared(k - 1), between / within));
}

}  // namespace paretiny::compare
