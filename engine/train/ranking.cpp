#include "engine/train/ranking.h"

#include "kernels/channel_importance.h"

namespace paretiny {

Buffer mean_gradients(Stream& stream, const Program& program, const ParameterLayout& layout,
                      float* parameters, const float* gradients, std::int64_t batches,
                      const LoadBatch& load) {
  std::vector<float> sum(static_cast<std::size_t>(layout.trainable_end()));
  std::vector<float> one(sum.size());
  const std::size_t bytes = sum.size() * sizeof(float);
  const std::size_t parameter_bytes = static_cast<std::size_t>(layout.total()) * sizeof(float);
  Buffer before(stream.device(), parameter_bytes);
  stream.copy(before.data(), parameters, parameter_bytes);
  for (std::int64_t i = 0; i < batches; ++i) {
    load(program, i);
    program.forward(stream);
    program.backward(stream);
    stream.download(one.data(), gradients, bytes);
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += one[k] / static_cast<float>(batches);
  }
  stream.copy(parameters, before.data(), parameter_bytes);
  stream.zero(program.totals().data, program.totals().bytes());
  Buffer mean(stream.device(), bytes);
  stream.upload(mean.data(), sum.data(), bytes);
  return mean;
}

std::vector<std::vector<float>> positive_shares(Stream& stream, const Program& program,
                                                const Graph& graph, std::int64_t batches,
                                                const LoadBatch& load) {
  std::vector<std::vector<float>> shares(static_cast<std::size_t>(graph.size()));
  for (std::int64_t i = 0; i < batches; ++i) {
    load(program, i);
    program.forward(stream);
    for (NodeId id = 0; id < graph.size(); ++id) {
      if (graph.node(id).op != OpKind::activation) continue;
      const View output = program.output_of(id);
      Arena::Scope scratch(stream.scratch());
      const View counts = scratch.take(DType::f32, {1, 1, 1, output.shape.c});
      stream.zero(counts.data, counts.bytes());
      positive_share(stream, output, counts);
      std::vector<float> host(static_cast<std::size_t>(output.shape.c));
      stream.download(host.data(), counts.data, counts.bytes());
      std::vector<float>& share = shares[static_cast<std::size_t>(id)];
      share.resize(host.size());
      for (std::size_t c = 0; c < host.size(); ++c) {
        share[c] += host[c] / static_cast<float>(batches);
      }
    }
  }
  return shares;
}

}  // namespace paretiny
