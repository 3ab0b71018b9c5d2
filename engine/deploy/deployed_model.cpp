#include "engine/deploy/deployed_model.h"

#include "kernels/random.h"

namespace paretiny {

std::vector<RecordedRun> record_runs(const Int8Network& network, std::int64_t count,
                                     std::uint64_t seed, std::int64_t first) {
  const auto stream = Stream::create({DeviceKind::cpu, 0});
  const Int8Program program(*stream, network, count);
  const Quantization& q = network.input().quantization;
  const auto inputs = static_cast<std::size_t>(network.input().shape.elements());
  const auto outputs = static_cast<std::size_t>(network.output().shape.elements());
  std::vector<RecordedRun> runs(static_cast<std::size_t>(count));
  std::vector<float> values;
  for (RecordedRun& run : runs) {
    Random random(seed, "recorded runs", static_cast<std::uint64_t>(first++));
    for (std::size_t i = 0; i < inputs; ++i) {
      run.input.push_back(static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128));
      values.push_back(static_cast<float>(run.input.back() - q.zero_point) * q.scale);
    }
  }
  stream->upload(program.input().data, values.data(), values.size() * sizeof(float));
  program.run(*stream);
  std::vector<std::int8_t> all(static_cast<std::size_t>(count) * outputs);
  stream->download(all.data(), program.output().data, all.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto begin = all.cbegin() + static_cast<std::ptrdiff_t>(i * outputs);
    runs[i].output.assign(begin, begin + static_cast<std::ptrdiff_t>(outputs));
  }
  return runs;
}

}  // namespace paretiny
