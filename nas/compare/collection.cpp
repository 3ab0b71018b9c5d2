#include "nas/compare/collection.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "nas/compare/rank_sum.h"
#include "nas/compare/svg.h"
#include "nas/summary/format.h"

namespace paretiny::compare {
namespace {

constexpr double kSignificant = 0.05;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// Labels whose runs have `trials` on every problem.
std::vector<std::string> common_labels(const std::vector<const Results*>& results,
                                       std::size_t trials) {
  std::vector<std::string> labels;
  if (results.empty()) return labels;
  for (const auto& [label, runs] : results[0]->runs()) {
    const auto whole = [&label = label, trials](const Results* each) {
      const auto found = each->runs().find(label);
      return found != each->runs().end() &&
             std::ranges::any_of(found->second, [trials](const auto& run) {
               return run.second.trials.size() >= trials;
             });
    };
    if (std::ranges::all_of(results, whole)) labels.push_back(label);
  }
  return labels;
}

/// Seeds that all of `labels` have `trials` of on one problem.
std::vector<std::uint64_t> common_seeds(const Results& results,
                                        const std::vector<std::string>& labels,
                                        std::size_t trials) {
  std::vector<std::uint64_t> seeds;
  for (const auto& [seed, run] : results.runs().at(labels[0])) {
    const auto there = [&, seed = seed](const std::string& label) {
      return results.has(label, seed, trials);
    };
    if (std::ranges::all_of(labels, there)) seeds.push_back(seed);
  }
  return seeds;
}

/// Hypervolumes of one problem: [labels][seeds].
std::vector<std::vector<double>> volumes_after(const Results& results,
                                               const std::vector<std::string>& labels,
                                               const std::vector<std::uint64_t>& seeds,
                                               std::size_t trials) {
  std::vector<std::vector<double>> volumes;
  for (const std::string& label : labels) {
    volumes.emplace_back();
    for (const std::uint64_t seed : seeds) {
      volumes.back().push_back(results.runs().at(label).at(seed).trials[trials - 1].hypervolume);
    }
  }
  return volumes;
}

double mean_of(const std::vector<double>& values) {
  double mean = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  return mean;
}

/// Mean rank of each label over the seeds, 1 for the largest volume: [labels].
std::vector<double> mean_ranks(const std::vector<std::vector<double>>& volumes) {
  std::vector<double> ranks;
  for (const std::vector<double>& mine : volumes) {
    std::vector<double> of_seeds;
    for (std::size_t s = 0; s < mine.size(); ++s) {
      double rank = 0.5;  // itself shares its place with itself
      for (const std::vector<double>& other : volumes) {
        rank += other[s] > mine[s] ? 1 : other[s] == mine[s] ? 0.5 : 0;
      }
      of_seeds.push_back(rank);
    }
    ranks.push_back(mean_of(of_seeds));
  }
  return ranks;
}

/// One problem of a comparison.
struct Block {
  const Results* results = nullptr;
  std::vector<std::uint64_t> seeds;
  std::vector<std::vector<double>> ranks;    ///< [checkpoints][labels]
  std::vector<std::vector<double>> volumes;  ///< after all trials: [labels][seeds]
};

/// Counts where labels are first and behind others, on one problem.
void count_places(const Block& block, std::vector<CollectionStanding>& standings) {
  std::vector<double> means;
  for (const std::vector<double>& each : block.volumes) means.push_back(mean_of(each));
  const auto best = static_cast<std::size_t>(std::ranges::max_element(means) - means.begin());
  for (std::size_t i = 0; i < standings.size(); ++i) {
    standings[i].first += means[i] == means[best] ? 1 : 0;
    const bool behind = std::ranges::any_of(block.volumes, [&](const auto& other) {
      return tends_larger(other, block.volumes[i]) &&
             rank_sum_p(other, block.volumes[i]) < kSignificant;
    });
    standings[i].behind += behind ? 1 : 0;
  }
}

/// Compares all labels with the one at `best`.
void compare_with_best(const std::vector<Block>& blocks, std::size_t best,
                       std::vector<CollectionStanding>& standings) {
  for (std::size_t i = 0; i < standings.size(); ++i) {
    standings[i].p = kUnknown;
    if (i == best) continue;
    std::vector<double> differences;
    for (const Block& block : blocks) {
      differences.push_back(block.ranks.back()[i] - block.ranks.back()[best]);
      if (rank_sum_p(block.volumes[i], block.volumes[best]) >= kSignificant) continue;
      const bool ahead = tends_larger(block.volumes[i], block.volumes[best]);
      ++(ahead ? standings[i].ahead : standings[i].lost);
    }
    standings[i].p = signed_rank_p(std::move(differences));
  }
}

std::string number_or(double value, const char* otherwise) {
  return std::isnan(value) ? std::string(otherwise) : fmt::format("{:.2g}", value);
}

std::vector<std::string> labels_of(const CollectionSummary& summary) {
  std::vector<std::string> labels;
  for (const CollectionStanding& standing : summary.standings) labels.push_back(standing.label);
  return labels;
}

}  // namespace

CollectionSummary summarise_collection(const std::vector<const Results*>& results,
                                       std::size_t trials) {
  const std::vector<std::string> labels = common_labels(results, trials);
  if (labels.empty()) {
    throw UsageError(fmt::format("no sampler has runs of {} trials on each of the {} problems",
                                 trials, results.size()));
  }
  CollectionSummary summary;
  for (const std::size_t share : {4, 2, 1}) {
    summary.checkpoints.push_back(std::max<std::size_t>(1, trials / share));
  }
  std::vector<CollectionStanding> standings(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    standings[i].label = labels[i];
    standings[i].rank.assign(summary.checkpoints.size(), 0);
  }
  std::vector<Block> blocks;
  std::vector<std::vector<double>> last_ranks;
  summary.seeds = std::numeric_limits<std::size_t>::max();
  for (const Results* each : results) {
    Block block{each, common_seeds(*each, labels, trials), {}, {}};
    if (block.seeds.empty()) {
      throw UsageError(
          fmt::format("the samplers have no seed in common on {}", each->problem().name));
    }
    summary.problems.push_back(each->problem().name);
    summary.seeds = std::min(summary.seeds, block.seeds.size());
    for (std::size_t c = 0; c < summary.checkpoints.size(); ++c) {
      block.volumes = volumes_after(*each, labels, block.seeds, summary.checkpoints[c]);
      block.ranks.push_back(mean_ranks(block.volumes));
      for (std::size_t i = 0; i < labels.size(); ++i) {
        standings[i].rank[c] += block.ranks[c][i] / static_cast<double>(results.size());
      }
    }
    count_places(block, standings);
    last_ranks.push_back(block.ranks.back());
    blocks.push_back(std::move(block));
  }
  const auto rank_of = [](const CollectionStanding& s) { return s.rank.back(); };
  const auto best = std::ranges::min_element(standings, {}, rank_of) - standings.begin();
  compare_with_best(blocks, static_cast<std::size_t>(best), standings);
  std::ranges::stable_sort(standings, {}, rank_of);
  summary.standings = std::move(standings);
  summary.friedman = friedman_p(last_ranks);
  return summary;
}

std::string collection_table(const CollectionSummary& summary) {
  std::string text = fmt::format(
      "{} problems, {} seeds; ranks among {} samplers, 1 is best (Friedman's test: p = {:.2g})\n\n",
      summary.problems.size(), summary.seeds, summary.standings.size(), summary.friedman);
  text += "| sampler |";
  std::string line = "|---|";
  for (const std::size_t trials : summary.checkpoints) {
    text += fmt::format(" rank after {} |", trials);
    line += "---|";
  }
  text += " first on | behind another on | against the first: better, worse | p |\n";
  text += line + "---|---|---|---|\n";
  for (const CollectionStanding& s : summary.standings) {
    text += fmt::format("| `{}` |", s.label);
    for (const double rank : s.rank) text += fmt::format(" {:.2f} |", rank);
    text += fmt::format(" {} | {} | {} | {} |\n", s.first, s.behind,
                        std::isnan(s.p) ? "" : fmt::format("{}, {}", s.ahead, s.lost),
                        number_or(s.p, ""));
  }
  return text;
}

std::string collection_csv(const CollectionSummary& summary,
                           const std::vector<const Results*>& results) {
  std::string text = "problem,sampler,trials,seeds,mean,standard_deviation,rank,p_against_best\n";
  const std::vector<std::string> labels = labels_of(summary);
  const std::size_t trials = summary.checkpoints.back();
  for (const Results* each : results) {
    const std::vector<std::uint64_t> seeds = common_seeds(*each, labels, trials);
    for (const std::size_t checkpoint : summary.checkpoints) {
      const auto volumes = volumes_after(*each, labels, seeds, checkpoint);
      const std::vector<double> ranks = mean_ranks(volumes);
      const auto best = std::ranges::max_element(volumes, {}, mean_of);
      for (std::size_t i = 0; i < labels.size(); ++i) {
        const double mean = mean_of(volumes[i]);
        double squares = 0;
        for (const double v : volumes[i]) squares += (v - mean) * (v - mean);
        const auto n = static_cast<double>(seeds.size());
        text += fmt::format("\"{}\",{},{},{},{},{},{},{}\n", each->problem().name, labels[i],
                            checkpoint, seeds.size(), summary::shortest(mean),
                            summary::shortest(n > 1 ? std::sqrt(squares / (n - 1)) : kUnknown),
                            summary::shortest(ranks[i]),
                            summary::shortest(rank_sum_p(*best, volumes[i])));
      }
    }
  }
  return text;
}

std::string profile_picture(const CollectionSummary& summary,
                            const std::vector<const Results*>& results) {
  constexpr double kLeast = 1e-4;
  constexpr int kSteps = 120;
  const std::vector<std::string> labels = labels_of(summary);
  const std::size_t trials = summary.checkpoints.back();
  std::vector<std::vector<double>> missing(labels.size());
  for (const Results* each : results) {
    const auto volumes = volumes_after(*each, labels, common_seeds(*each, labels, trials), trials);
    double most = each->problem().max_hypervolume.value_or(0);
    for (const auto& of_label : volumes) most = std::max(most, std::ranges::max(of_label));
    for (std::size_t i = 0; i < labels.size(); ++i) {
      for (const double v : volumes[i]) missing[i].push_back(most > 0 ? 1 - v / most : 0);
    }
  }
  Frame frame{72, 44, 560, 340, {kLeast, 1}, {0, 1}};
  frame.log_x = true;
  const double legend = frame.left + frame.width + 18;
  std::size_t widest = 0;
  for (const std::string& label : labels) widest = std::max(widest, label.size());
  Svg svg(legend + 40 + 7 * static_cast<double>(widest), 436);
  svg.text(frame.left, 24, fmt::format("{} problems, {} trials", results.size(), trials), "title");
  svg.text(frame.left + frame.width, 24, "share of all runs", "label", "end");
  svg.axes(frame, "share of the largest hypervolume that is missing", "share of runs", 5, 5, true);
  std::vector<std::string> by_name = labels;
  std::ranges::sort(by_name);
  double y = frame.top + 10;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto place = std::ranges::find(by_name, labels[i]) - by_name.begin();
    const std::string colour = series_colour(static_cast<std::size_t>(place));
    std::vector<std::pair<double, double>> line;
    for (int step = 0; step <= kSteps; ++step) {
      const double tau = std::pow(kLeast, 1 - static_cast<double>(step) / kSteps);
      const auto near = std::ranges::count_if(missing[i], [tau](double m) { return m <= tau; });
      line.emplace_back(frame.px(tau), frame.py(static_cast<double>(near) /
                                                static_cast<double>(missing[i].size())));
    }
    svg.line(line, colour);
    svg.line({{legend, y}, {legend + 18, y}}, colour);
    svg.text(legend + 24, y + 4, labels[i], "name");
    y += 20;
  }
  return svg.end();
}

}  // namespace paretiny::compare
