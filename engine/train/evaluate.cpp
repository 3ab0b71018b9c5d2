#include <algorithm>

#include "engine/program/program.h"
#include "engine/train/trainer.h"

namespace paretiny {

DType activation_type(Precision precision, Device device) {
  if (precision == Precision::f32) return DType::f32;
  if (precision == Precision::bf16) return DType::bf16;
  for (const DeviceInfo& info : devices()) {
    if (info.device == device && info.fast_bf16) return DType::bf16;
  }
  return DType::f32;
}

Evaluation evaluate(Stream& stream, const Network& network, const ResidentDataset& data,
                    const ResidentSplit& split, DType dtype) {
  if (split.size == 0) throw UsageError("nothing to evaluate on: the split holds no samples");
  const ParameterLayout layout(network.graph);
  Buffer parameters(stream.device(), network.parameters.size() * sizeof(float));
  stream.upload(parameters.data(), network.parameters.data(), parameters.bytes());
  BatchSource source(stream, data, split);

  double loss = 0;
  double correct = 0;
  const auto run = [&](std::int64_t begin, std::int64_t end, std::int64_t batch) {
    Program program(network.graph, layout,
                    {ProgramKind::inference, batch, dtype, 0, fuses_layers(stream.device())});
    program.bind(stream, static_cast<float*>(parameters.data()), nullptr);
    for (std::int64_t first = begin; first < end; first += batch) {
      source.load(stream, AugmentSpec{}, first, 0, program.input(), program.labels());
      program.forward(stream);
    }
    float totals[2];
    stream.download(totals, program.totals().data, sizeof(totals));
    loss += totals[0];
    correct += totals[1];
  };
  const std::int64_t batch = std::min<std::int64_t>(split.size, 250);
  const std::int64_t whole = split.size / batch * batch;
  run(0, whole, batch);
  if (whole < split.size) run(whole, split.size, split.size - whole);
  const auto count = static_cast<double>(split.size);
  return {loss / count, correct / count};
}

}  // namespace paretiny
