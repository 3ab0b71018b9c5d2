#include "engine/data/resident.h"

#include <numeric>
#include <span>
#include <vector>

#include "engine/data/fingerprint.h"

namespace paretiny::data {
namespace {

Buffer resident(Stream& stream, const void* values, std::size_t bytes) {
  Buffer buffer(stream.device(), bytes);
  stream.upload(buffer.data(), values, bytes);
  return buffer;
}

Buffer resident(Stream& stream, const std::vector<float>& values) {
  return resident(stream, values.data(), values.size() * sizeof(float));
}

ResidentSplit resident(Stream& stream, const Samples& samples) {
  return {resident(stream, samples.values.data(), samples.values.size()),
          resident(stream, samples.labels.data(), samples.labels.size() * sizeof(std::int32_t)),
          samples.dtype, samples.sample, samples.size()};
}

std::uint64_t checksum_of(const Dataset& dataset) {
  std::vector<std::uint64_t> parts;
  const auto add = [&](const auto& values) {
    parts.push_back(hash_bytes(std::as_bytes(std::span(values))));
  };
  for (const Samples* split : {&dataset.train, &dataset.validation}) {
    add(split->values);
    add(split->labels);
  }
  add(dataset.scale);
  add(dataset.shift);
  return hash_bytes(std::as_bytes(std::span(parts)));
}

}  // namespace

ResidentDataset::ResidentDataset(Stream& stream, const Dataset& dataset)
    : train(resident(stream, dataset.train)),
      validation(resident(stream, dataset.validation)),
      test(resident(stream, dataset.test)),
      scale(resident(stream, dataset.scale)),
      shift(resident(stream, dataset.shift)),
      classes(static_cast<std::int64_t>(dataset.classes.size())),
      checksum(checksum_of(dataset)) {
  stream.synchronize();
}

std::size_t ResidentDataset::bytes() const {
  std::size_t sum = scale.bytes() + shift.bytes();
  for (const ResidentSplit* split : {&train, &validation, &test}) {
    sum += split->samples.bytes() + split->labels.bytes();
  }
  return sum;
}

BatchSource::BatchSource(Stream& stream, const ResidentDataset& data, const ResidentSplit& split)
    : data_(data),
      split_(split),
      order_(stream.device(), static_cast<std::size_t>(split.size) * sizeof(std::int32_t)),
      cursor_(stream.device(), 2 * sizeof(std::int32_t)) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(split.size));
  std::iota(order.begin(), order.end(), 0);
  set_order(stream, order);
}

void BatchSource::set_order(Stream& stream, const std::vector<std::int32_t>& order) {
  stream.upload(order_.data(), order.data(), order_.bytes());
}

void BatchSource::load(Stream& stream, const nn::AugmentSpec& augment, ConstView cursor, View x,
                       View labels) const {
  const Shape list{1, 1, 1, split_.size};
  const Shape channels{1, 1, 1, split_.sample.c};
  const Shape samples{split_.size, split_.sample.h, split_.sample.w, split_.sample.c};
  nn::gather_batch(stream, augment,
                   {.samples = split_.samples.at(0, split_.dtype, samples),
                    .labels = split_.labels.at(0, DType::i32, list),
                    .order = order_.at(0, DType::i32, list),
                    .cursor = cursor,
                    .scale = data_.scale.at(0, DType::f32, channels),
                    .shift = data_.shift.at(0, DType::f32, channels),
                    .x = x,
                    .labels_out = labels});
}

void BatchSource::load(Stream& stream, const nn::AugmentSpec& augment, std::int64_t first,
                       std::int64_t epoch, View x, View labels) {
  const std::int32_t at[2] = {static_cast<std::int32_t>(first), static_cast<std::int32_t>(epoch)};
  stream.upload(cursor_.data(), at, sizeof(at));
  load(stream, augment, cursor_.at(0, DType::i32, {1, 1, 1, 2}), x, labels);
}

}  // namespace paretiny::data
