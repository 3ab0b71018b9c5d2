#include "nas/surrogate/leave_one_out.h"

namespace paretiny::surrogate {

LeaveOneOut leave_one_out(const Surrogates& surrogates, std::size_t set) {
  Stream& stream = surrogates.stream();
  const bayes::GpShape& shape = surrogates.shape();
  const auto s = static_cast<Eigen::Index>(set);
  const Eigen::VectorXd& y = surrogates.training(set).y;
  const Eigen::Index n = y.size();
  const RowMatrix weights = DeviceArray::download(stream, surrogates.state().weights, shape.sets);
  const RowMatrix roots =
      DeviceArray::download(stream, surrogates.state().inverse_root, shape.sets * shape.points);
  // The diagonal of the inverse covariance: squared columns of the inverse root.
  const Eigen::ArrayXd precision = roots.middleRows(s * shape.points, n)
                                       .leftCols(n)
                                       .triangularView<Eigen::Lower>()
                                       .toDenseMatrix()
                                       .colwise()
                                       .squaredNorm()
                                       .transpose();
  const Standard& standard = surrogates.standard(set);
  LeaveOneOut result;
  result.measured = standard.centre + standard.scale * y.array();
  result.predicted = result.measured.array() -
                     standard.scale * weights.row(s).head(n).transpose().array() / precision;
  result.deviation = standard.scale * precision.rsqrt();
  const double errors = (result.measured - result.predicted).squaredNorm();
  const double spread = (result.measured.array() - result.measured.mean()).square().sum();
  result.r2 = spread > 0 ? 1 - errors / spread : 0;
  return result;
}

Eigen::VectorXd lengthscales(const Surrogates& surrogates, std::size_t set) {
  const Eigen::Index d = surrogates.shape().dimensions;
  return surrogates.hyperparameters()
      .row(static_cast<Eigen::Index>(set))
      .segment(1, d)
      .transpose()
      .array()
      .exp();
}

}  // namespace paretiny::surrogate
