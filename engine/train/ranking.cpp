#include "engine/train/ranking.h"

#include "base/error.h"
#include "engine/compress/prune.h"
#include "kernels/nn/elementwise.h"
#include "kernels/nn/training/channel_importance.h"

namespace paretiny {

void sum_gradients(Stream& stream, const Program& program, const ParameterLayout& layout,
                   float* parameters, float* gradients, std::int64_t batches, const LoadBatch& load,
                   float* sum) {
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
      add_forward(stream, Activation::none, flat(sum), flat(gradients), flat(sum));
    }
  } catch (const Interrupted&) {
    restore();  // training may go on from here
    throw;
  }
  restore();
}

void add_positive_shares(Stream& stream, const Program& program, const Graph& graph,
                         const ChannelGroups& groups, std::int64_t batches, const LoadBatch& load,
                         View scores) {
  for (std::int64_t i = 0; i < batches; ++i) {
    load(program, i);
    program.forward(stream);
    for (NodeId id = 0; id < graph.size(); ++id) {
      if (graph.node(id).op != OpKind::activation) continue;
      const ChannelGroup& group = groups.groups()[groups.of(id)];
      positive_share(stream, program.output_of(id), channels_of(scores, group, group.channels));
    }
  }
}

}  // namespace paretiny
