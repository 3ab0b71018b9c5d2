#include "bench/cuda/operands.h"

#include <fmt/core.h>

namespace paretiny::bench {
namespace {

template <class T, class F>
void upload(Stream& stream, const View& to, F value_of) {
  std::vector<T> values(static_cast<std::size_t>(to.elements()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(value_of(i));
  stream.upload(to.data, values.data(), to.bytes());
}

}  // namespace

Fill constant(float value) {
  return [=](Stream& stream, View to) {
    const auto same = [=](std::size_t) { return value; };
    if (to.dtype == DType::i32) {
      upload<std::int32_t>(stream, to, same);
    } else {
      upload<float>(stream, to, same);
    }
  };
}

Fill counted(std::int64_t period) {
  return [=](Stream& stream, View to) {
    upload<std::int32_t>(stream, to,
                         [=](std::size_t i) { return static_cast<std::int64_t>(i) % period; });
  };
}

void add_op(const std::string& op, DType dtype, const std::string& shape,
            const std::vector<Operand>& operands,
            const std::function<void(Stream&, const Views&)>& run, double operations) {
  double bytes = 0;
  for (const Operand& operand : operands) {
    bytes += operand.passes * static_cast<double>(operand.shape.elements()) *
             static_cast<double>(size_of(operand.dtype));
  }
  const auto prepare = [=](Stream& stream, std::size_t sets) -> Call {
    std::vector<SharedTensors> memory;
    for (const Operand& operand : operands) {
      memory.push_back(tensors(stream, sets, operand.dtype, operand.shape));
      if (!operand.fill) continue;
      for (std::size_t set = 0; set < sets; ++set) operand.fill(stream, (*memory.back())[set]);
    }
    return [=](Stream& s, std::size_t set) {
      Views views;
      for (const SharedTensors& each : memory) views.push_back((*each)[set]);
      run(s, views);
    };
  };
  add({fmt::format("{}/{}/{}/paretiny", op, name_of(dtype), shape),
       {bytes, operations, dtype},
       prepare});
}

}  // namespace paretiny::bench
