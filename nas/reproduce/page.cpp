#include "nas/reproduce/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>
#include <string_view>

#include "nas/compare/pictures.h"
#include "nas/report/page.h"
#include "nas/report/whole_file.h"
#include "nas/reproduce/comparison.h"
#include "nas/reproduce/fronts.h"
#include "nas/summary/format.h"

namespace paretiny::reproduce {

using compare::Standing;

namespace {

/// What need not be written as a number in a URL, beside letters and digits.
constexpr std::string_view kPlain = "-_.~ =:/;,()";
constexpr const char* kMarkTitle = "paper, 150 samples";

template <class... Args>
void append(std::string& out, fmt::format_string<Args...> text, Args&&... args) {
  fmt::format_to(std::back_inserter(out), text, std::forward<Args>(args)...);
}

double paper_value(const Recipe& recipe, const std::string& sampler) {
  const auto found = std::ranges::find(recipe.figures, sampler, &PaperFigure::sampler);
  return found == recipe.figures.end() ? std::nan("") : found->hypervolume;
}

std::string number_or(double value, const char* otherwise, const char* form = "{:.4f}") {
  return std::isnan(value) ? otherwise : fmt::format(fmt::runtime(form), value);
}

std::string curves_csv(const compare::Results& results) {
  std::string text = "sampler,trial,seeds,mean,standard_error,least,greatest\n";
  const std::vector<Standing> standings = results.standings();
  for (const compare::Progression& p : results.progressions()) {
    const auto standing = std::ranges::find(standings, p.label, &Standing::label);
    for (std::size_t t = 0; t < p.mean.size(); ++t) {
      append(text, "{},{},{},{},{},{},{}\n", p.label, t, standing->seeds,
             summary::shortest(p.mean[t]), summary::shortest(p.error[t]),
             summary::shortest(p.least[t]), summary::shortest(p.most[t]));
    }
  }
  return text;
}

/// The complete runs, the best mean first.
std::string final_table(const Comparison& comparison, const std::vector<Standing>& standings) {
  std::string text = comparison.recipe.title;
  if (standings.empty()) return text + ": no run is complete yet\n";
  append(text, ", hypervolume after {} trials\n{:<10} {:>5} {:>12} {:>9} {:>8} {:>8}\n",
         comparison.recipe.trials, "sampler", "seeds", "hypervolume", "+-", "p", "paper");
  for (const Standing& s : standings) {
    append(text, "{:<10} {:>5} {:>12.4f} {:>9} {:>8} {:>8}\n", s.label, s.seeds, s.mean,
           number_or(s.deviation, "-"), number_or(s.p, "best", "{:.3f}"),
           number_or(paper_value(comparison.recipe, s.label), "-", "{:.3f}"));
  }
  return text;
}

/// A picture that stands in the page with a style of its own.
void add_picture(std::string& out, const std::string& svg, const char* what) {
  append(out, "<div class=\"scroll\"><img alt=\"{}\" src=\"data:image/svg+xml,", what);
  for (const char c : svg) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = std::isalnum(byte) != 0 || kPlain.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      append(out, "%{:02X}", byte);
    }
  }
  out += "\"></div>\n";
}

void open_part(std::string& out, const char* title, const std::string& note) {
  append(out, "<section>\n<h2>{}</h2>\n<p class=\"note\">{}</p>\n", title,
         summary::escape_html(note));
}

void add_figure(std::string& out, const char* label, const std::string& figure,
                const std::string& detail) {
  append(out,
         "<div class=\"tile\"><h3>{}</h3><p class=\"figure\">{}</p><p "
         "class=\"detail\">{}</p></div>\n",
         label, summary::escape_html(figure), summary::escape_html(detail));
}

void add_row(std::string& out, const std::vector<std::string>& cells) {
  out += "<tr>";
  for (const std::string& cell : cells) append(out, "<td>{}</td>", summary::escape_html(cell));
  out += "</tr>\n";
}

void open_table(std::string& out, const std::vector<std::string>& heads) {
  out += "<div class=\"scroll\"><table class=\"front plain\"><thead><tr>";
  for (const std::string& head : heads) append(out, "<th>{}</th>", summary::escape_html(head));
  out += "</tr></thead><tbody>\n";
}

void add_tiles(std::string& out, const Comparison& comparison,
               const std::vector<Standing>& standings) {
  const auto complete = std::ranges::count_if(comparison.runs, &RunFindings::complete);
  double training = 0;
  for (const RunFindings& found : comparison.runs) training += found.training;
  out += "<section class=\"tiles\">\n";
  add_figure(out, "Best sampler so far", standings.empty() ? "–" : standings.front().label,
             standings.empty() ? "no run is complete yet"
                               : fmt::format("mean hypervolume {:.4f}", standings.front().mean));
  add_figure(
      out, "Complete runs", std::to_string(complete),
      fmt::format("of {} begun, {} trials each", comparison.runs.size(), comparison.recipe.trials));
  if (comparison.recipe.problem.empty()) {
    add_figure(out, "Trained trials", std::to_string(comparison.trained),
               fmt::format("by {} trainings: samplers share what they have in common",
                           comparison.trainings));
    add_figure(out, "Training time", summary::format_seconds(training),
               "of all trials, shared trainings counted in each");
  }
  out += "</section>\n";
}

/// What a rank-sum test of so many seeds can say at best.
std::string test_note(const std::vector<Standing>& standings) {
  std::string note =
      "Complete runs alone, the best mean first. p is of Wilcoxon's rank-sum test, two-sided, "
      "against the first.";
  std::size_t least = standings.empty() ? 0 : standings.front().seeds;
  for (const Standing& s : standings) least = std::min(least, s.seeds);
  if (least == 0 || least > 3) return note;
  return note + fmt::format(
                    " With {} seed{} a sampler p cannot be below {}, so no difference is "
                    "significant.",
                    least, least == 1 ? "" : "s",
                    least == 1   ? "1"
                    : least == 2 ? "0.33"
                                 : "0.1");
}

void add_standings(std::string& out, const Comparison& comparison,
                   const std::vector<Standing>& standings) {
  open_part(out, "After the last trial", test_note(standings));
  if (standings.empty()) {
    out += "<p class=\"empty\">No run is complete yet.</p>\n</section>\n";
    return;
  }
  open_table(out, {"sampler", "seeds", "hypervolume, mean", "standard deviation", "p",
                   "paper, after 150 samples"});
  for (const Standing& s : standings) {
    add_row(out, {s.label, std::to_string(s.seeds), summary::format_fixed(s.mean, 4),
                  number_or(s.deviation, "–"), number_or(s.p, "best", "{:.3f}"),
                  number_or(paper_value(comparison.recipe, s.label), "–", "{:.3f}")});
  }
  out += "</tbody></table></div>\n</section>\n";
}

void add_runs(std::string& out, const Comparison& comparison) {
  open_part(out, "Every run", "Each is a study; paretiny report shows it trial by trial.");
  open_table(out,
             {"sampler", "seed", "trials", "done", "infeasible", "failed", "front", "hypervolume"});
  for (const RunFindings& found : comparison.runs) {
    const auto count = [&](study::TrialState state) {
      return std::to_string(found.count[static_cast<std::size_t>(state)]);
    };
    add_row(out, {found.run.sampler, std::to_string(found.run.seed),
                  std::to_string(found.hypervolume.size()), count(study::TrialState::done),
                  count(study::TrialState::infeasible), count(study::TrialState::failed),
                  std::to_string(found.front.size()),
                  summary::format_fixed(found.hypervolume.back(), 4)});
  }
  out += "</tbody></table></div>\n</section>\n";
}

std::string page_of(const Comparison& comparison, const std::vector<Standing>& standings,
                    const std::string& curves, const std::string& fronts) {
  const Recipe& recipe = comparison.recipe;
  std::string out;
  append(out,
         "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
         "'unsafe-inline'; img-src data:\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n"
         "<link rel=\"icon\" href=\"data:,\">\n<title>{0} – Paretiny</title>\n<style>\n{1}"
         "table.plain th {{ padding: 6px 10px; color: var(--soft); }}\nimg {{ max-width: none; "
         "}}\n</style>\n</head>\n<body>\n<main>\n"
         "<header><p class=\"eyebrow\">Paretiny comparison</p><h1>{0}</h1><p class=\"lede\">"
         "samplers of Deutel, Kontes, Mutschler and Teich (arXiv 2305.14109) and ours, budget "
         "{2}</p></header>\n",
         summary::escape_html(recipe.title), report::kReportStyle, recipe.budget);
  add_tiles(out, comparison, standings);
  open_part(out, "Hypervolume over trials",
            "Of all trials up to that one, with objectives divided by their limits. Mean and "
            "standard error over a sampler's complete runs; where it has none, its longest run.");
  if (curves.empty()) {
    out += "<p class=\"empty\">No trial has ended yet.</p>\n";
  } else {
    add_picture(out, curves, "hypervolume over trials");
  }
  out += "</section>\n";
  add_standings(out, comparison, standings);
  open_part(out, "The front in every pair of objectives",
            "Lower left is better. The fronts of all of a sampler's runs, sizes on logarithmic "
            "axes.");
  if (fronts.empty()) {
    out += "<p class=\"empty\">No trial is inside the limits yet.</p>\n";
  } else {
    add_picture(out, fronts, "fronts in every pair of objectives");
  }
  out += "</section>\n";
  open_part(out, "What differs from the paper", "Read this before you compare figures.");
  out += "<ul>\n";
  for (const std::string& difference : recipe.differences) {
    append(out, "<li>{}</li>\n", summary::escape_html(difference));
  }
  out += "</ul>\n</section>\n";
  add_runs(out, comparison);
  open_part(
      out, "How it was made",
      fmt::format("paretiny reproduce {} --budget {}{}; runs begun by commit {} on {}.",
                  recipe.task, recipe.budget, recipe.data.empty() ? "" : ", data " + recipe.data,
                  fmt::join(comparison.commits, ", "), fmt::join(comparison.devices, ", ")));
  append(out, "<details><summary>Set over the experiment</summary><pre>{}</pre></details>\n",
         summary::escape_html(fmt::format("{}", fmt::join(recipe.set, "\n"))));
  out += "</section>\n</main>\n</body>\n</html>\n";
  return out;
}

}  // namespace

std::string write_comparison(const ComparisonFolder& folder) {
  const Comparison comparison = read_comparison(folder);
  const problems::Problem problem = named_problem(comparison);
  const compare::Results complete = complete_results(comparison, problem);
  const compare::Results drawn = drawn_results(comparison, problem);
  std::vector<compare::ReferenceMark> marks;
  for (const PaperFigure& figure : comparison.recipe.figures) {
    marks.push_back({figure.sampler, figure.hypervolume});
  }
  const std::vector<Standing> standings = complete.standings();
  const std::string curves =
      comparison.runs.empty() ? "" : compare::progress_picture(problem, drawn, marks, kMarkTitle);
  const std::string fronts = fronts_picture(comparison);
  report::write_whole(folder.path() / "curves.csv", curves_csv(drawn));
  report::write_whole(folder.path() / "runs.csv", drawn.csv());
  if (!curves.empty()) report::write_whole(folder.path() / "curves.svg", curves);
  if (!fronts.empty()) report::write_whole(folder.path() / "fronts.svg", fronts);
  report::write_whole(folder.path() / "report.html",
                      page_of(comparison, standings, curves, fronts));
  return final_table(comparison, standings);
}

}  // namespace paretiny::reproduce
