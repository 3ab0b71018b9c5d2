// Ridge regression for few rows: what it cannot learn, it leaves out.
#pragma once

#include <cstddef>
#include <vector>

namespace paretiny::stopping {

/// A row an example, all of one length; NaN where not known.
using Features = std::vector<std::vector<double>>;

/// Predicts a target from features by a linear function (Hoerl and Kennard, "Ridge regression",
/// 1970). Columns that are not finite in every row, or do not vary, are left out. The penalty, how
/// many leading columns are used at all, and whether there is more to be told than the mean are
/// chosen by the smallest mean absolute error over examples left out one at a time; of equals the
/// simplest. Beyond what the rows had of a column it counts as their nearest value: a loss that
/// shoots up a hundredfold once says nothing of a hundredfold error.
class Ridge {
 public:
  /// At least 2 rows and as many finite targets. `leading`: how many columns come first that are
  /// tried without the others.
  Ridge(const Features& rows, const std::vector<double>& targets, std::size_t leading);

  /// NaN when a column that counts is not finite.
  double predict(const std::vector<double>& row) const;
  /// Root mean square of the errors on examples left out, > 0.
  double deviation() const { return deviation_; }

 private:
  struct Column {
    std::size_t index;
    double centre, scale;
    double low, high;   ///< of the rows
    double weight = 0;  ///< of the standardised column
  };
  void fit(const Features& rows, const std::vector<double>& targets, std::size_t columns,
           double penalty);

  std::vector<Column> columns_;
  double mean_ = 0;
  double deviation_ = 0;
  double error_;  ///< mean absolute, on examples left out
};

}  // namespace paretiny::stopping
