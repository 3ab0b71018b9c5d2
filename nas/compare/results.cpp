#include "nas/compare/results.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>

#include "base/error.h"
#include "nas/compare/rank_sum.h"
#include "nas/summary/format.h"

namespace paretiny::compare {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
/// A gap to the known optimum below this share of it is rounding.
constexpr double kReached = 1e-9;

std::string heading(const problems::Problem& problem) {
  std::string text = "problem,sampler,seed,trial,hypervolume,log10_difference,seconds";
  for (std::size_t i = 1; i <= problem.inputs(); ++i) text += fmt::format(",x{}", i);
  return text;
}

/// A name with commas stands in quotes.
std::string quoted(const std::string& name) {
  return name.find(',') == std::string::npos ? name : '"' + name + '"';
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells(1);
  bool inside = false;
  for (const char c : line) {
    if (c == '"') {
      inside = !inside;
    } else if (c == ',' && !inside) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

template <class Number>
bool parse(const std::string& cell, Number& number) {
  const char* last = cell.data() + cell.size();
  const auto [stop, error] = std::from_chars(cell.data(), last, number);
  return error == std::errc{} && stop == last && !cell.empty();
}

struct Moments {
  double mean = 0;
  double deviation = 0;  ///< NaN for one value
};

Moments moments(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  double sum = 0;
  for (const double v : values) sum += v;
  const double mean = sum / n;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, values.size() > 1 ? std::sqrt(squares / (n - 1)) : kNan};
}

}  // namespace

void Results::read(const std::filesystem::path& path) {
  std::ifstream file(path);
  const auto wrong = [&](std::size_t line, const std::string& what) -> DataError {
    return DataError(
        fmt::format("{} line {}: {}; name another folder: --out", path.string(), line, what));
  };
  std::string line;
  if (!std::getline(file, line) || line != heading(problem_)) {
    throw wrong(1, "these are no results of " + problem_.name);
  }
  for (std::size_t number = 2; std::getline(file, line); ++number) {
    const std::vector<std::string> cells = cells_of(line);
    std::uint64_t seed = 0;
    std::size_t trial = 0;
    RunTrial row;
    row.x.resize(problem_.inputs());
    bool good = cells.size() == 7 + row.x.size() && cells[0] == problem_.name &&
                parse(cells[2], seed) && parse(cells[3], trial) &&
                parse(cells[4], row.hypervolume) && parse(cells[6], row.seconds);
    for (std::size_t i = 0; good && i < row.x.size(); ++i) good = parse(cells[7 + i], row.x[i]);
    if (!good) throw wrong(number, "this is no row of results of " + problem_.name);
    SamplerRun& run = runs_[cells[1]][seed];
    if (trial != run.trials.size())
      throw wrong(number, fmt::format("trial {} is out of turn", trial));
    run.label = cells[1];
    run.seed = seed;
    run.trials.push_back(std::move(row));
  }
}

bool Results::has(const std::string& label, std::uint64_t seed, std::size_t trials) const {
  const auto found = runs_.find(label);
  if (found == runs_.end()) return false;
  const auto run = found->second.find(seed);
  return run != found->second.end() && run->second.trials.size() >= trials;
}

void Results::set(SamplerRun run) {
  SamplerRun& place = runs_[run.label][run.seed];
  place = std::move(run);
}

std::string Results::csv() const {
  std::string text = heading(problem_) + "\n";
  for (const auto& [label, seeds] : runs_) {
    for (const auto& [seed, run] : seeds) {
      for (std::size_t t = 0; t < run.trials.size(); ++t) {
        const RunTrial& row = run.trials[t];
        text += fmt::format("{},{},{},{},{},{},{}", quoted(problem_.name), label, seed, t,
                            summary::shortest(row.hypervolume),
                            summary::shortest(log_difference(row.hypervolume)),
                            summary::shortest(row.seconds));
        for (const double x : row.x) text += ',' + summary::shortest(x);
        text += '\n';
      }
    }
  }
  return text;
}

double Results::log_difference(double hypervolume) const {
  if (!problem_.max_hypervolume) return kNan;
  const double most = *problem_.max_hypervolume;
  return std::log10(std::max(most - hypervolume, kReached * most));
}

std::size_t Results::trials() const {
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const auto& [label, seeds] : runs_) {
    for (const auto& [seed, run] : seeds) least = std::min(least, run.trials.size());
  }
  return runs_.empty() ? 0 : least;
}

std::vector<Standing> Results::standings() const {
  const std::size_t count = trials();
  if (count == 0) return {};
  std::vector<Standing> standings;
  std::map<std::string, std::vector<double>> reached;
  for (const auto& [label, seeds] : runs_) {
    double seconds = 0;
    for (const auto& [seed, run] : seeds) {
      reached[label].push_back(run.trials[count - 1].hypervolume);
      for (std::size_t t = 0; t < count; ++t) seconds += run.trials[t].seconds;
    }
    const auto [mean, deviation] = moments(reached[label]);
    standings.push_back({label, seeds.size(), mean, deviation,
                         seconds / static_cast<double>(count * seeds.size()), kNan});
  }
  std::stable_sort(standings.begin(), standings.end(),
                   [](const Standing& a, const Standing& b) { return a.mean > b.mean; });
  for (std::size_t i = 1; i < standings.size(); ++i) {
    standings[i].p = rank_sum_p(reached[standings[0].label], reached[standings[i].label]);
  }
  return standings;
}

std::vector<Progression> Results::progressions() const {
  std::vector<Progression> progressions;
  for (const auto& [label, seeds] : runs_) {
    std::size_t count = seeds.begin()->second.trials.size();
    for (const auto& [seed, run] : seeds) count = std::min(count, run.trials.size());
    Progression progression{label, {}, {}, {}, {}};
    for (std::size_t t = 0; t < count; ++t) {
      std::vector<double> values;
      for (const auto& [seed, run] : seeds) {
        const double volume = run.trials[t].hypervolume;
        values.push_back(problem_.max_hypervolume ? log_difference(volume) : volume);
      }
      const auto [mean, deviation] = moments(values);
      progression.mean.push_back(mean);
      progression.error.push_back(
          values.size() > 1 ? deviation / std::sqrt(static_cast<double>(values.size())) : 0);
      const auto [least, most] = std::minmax_element(values.begin(), values.end());
      progression.least.push_back(*least);
      progression.most.push_back(*most);
    }
    progressions.push_back(std::move(progression));
  }
  return progressions;
}

std::vector<const SamplerRun*> Results::first_runs() const {
  std::vector<const SamplerRun*> runs;
  for (const auto& [label, seeds] : runs_) runs.push_back(&seeds.begin()->second);
  return runs;
}

}  // namespace paretiny::compare
