#include "engine/train/ranking.h"

#include "base/error.h"
#include "engine/compress/prune.h"
#include "kernels/nn/elementwise.h"
#include "kernels/nn/training/channel_importance.h"

namespace paretiny::train {

void sum_gradients(Stream& stream, const program::Program& program,
                   const graph::ParameterLayout& layout, float* parameters, float* gradients,
                   std::int64_t batches, const LoadBatch& load, float* sum) {
  const std::int64_t end = layout.trainable_end();
  const auto flat = [&](float* data) {
    return view(static_cast<void*>(data), DType::f32, {1, 1, 1, end});
  };
  // Nothing but the running statistics changes; they are kept behind the sum.
  const auto statistics = static_cast<std::size_t>(layout.total() - end) * sizeof(float);
  stream.copy(sum + end, parameters + end, statistics);
  stream.zero(sum, flat(sum).bytes());
  const auto restore = [&] { stream.copy(parameters + end, sum + end, statistics); };
  try {
    for (std::int64_t i = 0; i < batches; ++i) {
      load(program, i);
      program.forward(stream);
      program.backward(stream);
      nn::add_forward(stream, nn::Activation::none, flat(sum), flat(gradients), flat(sum));
    }
  } catch (const Interrupted&) {
    restore();  // training may go on from here
    throw;
  }
  restore();
}

void add_positive_shares(Stream& stream, const program::Program& program, const graph::Graph& graph,
                         const compress::ChannelGroups& groups, std::int64_t batches,
                         const LoadBatch& load, View scores) {
  for (std::int64_t i = 0; i < batches; ++i) {
    load(program, i);
    program.forward(stream);
    for (graph::NodeId id = 0; id < graph.size(); ++id) {
      if (graph.node(id).op != graph::OpKind::activation) continue;
      const compress::ChannelGroup& group = groups.groups()[groups.of(id)];
      nn::positive_share(stream, program.output_of(id),
                         compress::channels_of(scores, group, group.channels));
    }
  }
}

}  // namespace paretiny::train
