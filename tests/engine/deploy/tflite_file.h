// A TensorFlow Lite file read back: its tables by the positions of the schema, checked offset by
// offset.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <string>
#include <vector>

#include "engine/deploy/formats/tflite_schema.h"

namespace paretiny::test {

namespace fb = flatbuffers;
namespace tflite = deploy::tflite;
using tflite::Slot;

class FileTable : public fb::Table {
 public:
  template <class T>
  T value(Slot slot, T none = {}) const {
    return GetField<T>(fb::FieldIndexToOffset(slot), none);
  }
  template <class T>
  const fb::Vector<T>* vector(Slot slot) const {
    return GetPointer<const fb::Vector<T>*>(fb::FieldIndexToOffset(slot));
  }
  template <class T>
  std::vector<T> values(Slot slot) const {
    const auto* found = vector<T>(slot);
    return found == nullptr ? std::vector<T>{} : std::vector<T>(found->begin(), found->end());
  }
  template <class T>
  const T* table(Slot slot) const {
    return GetPointer<const T*>(fb::FieldIndexToOffset(slot));
  }
  std::string text(Slot slot) const {
    const auto* found = GetPointer<const fb::String*>(fb::FieldIndexToOffset(slot));
    return found == nullptr ? "" : found->str();
  }

 protected:
  template <class T>
  bool has_vector(fb::Verifier& v, Slot slot) const {
    return VerifyOffset(v, fb::FieldIndexToOffset(slot)) && v.VerifyVector(vector<T>(slot));
  }
  template <class T>
  bool has_tables(fb::Verifier& v, Slot slot) const {
    const auto* found = vector<fb::Offset<T>>(slot);
    return VerifyOffset(v, fb::FieldIndexToOffset(slot)) && v.VerifyVector(found) &&
           v.VerifyVectorOfTables(found);
  }
  template <class T>
  bool has_scalar(fb::Verifier& v, Slot slot) const {
    return VerifyField<T>(v, fb::FieldIndexToOffset(slot), sizeof(T));
  }
  bool has_text(fb::Verifier& v, Slot slot) const {
    return VerifyOffset(v, fb::FieldIndexToOffset(slot)) &&
           v.VerifyString(GetPointer<const fb::String*>(fb::FieldIndexToOffset(slot)));
  }
};

struct FileBuffer : FileTable {
  bool Verify(fb::Verifier& v) const {  // NOLINT: the name that FlatBuffers calls
    return VerifyTableStart(v) && has_vector<std::uint8_t>(v, tflite::buffer::data) && v.EndTable();
  }
};

struct FileQuantization : FileTable {
  bool Verify(fb::Verifier& v) const {  // NOLINT: the name that FlatBuffers calls
    using namespace tflite::quantization_parameters;
    return VerifyTableStart(v) && has_vector<float>(v, scale) &&
           has_vector<std::int64_t>(v, zero_point) &&
           has_scalar<std::int32_t>(v, quantized_dimension) && v.EndTable();
  }
};

struct FileTensor : FileTable {
  const FileQuantization* parameters() const {
    return table<FileQuantization>(tflite::tensor::quantization);
  }
  bool Verify(fb::Verifier& v) const {  // NOLINT: the name that FlatBuffers calls
    using namespace tflite::tensor;
    return VerifyTableStart(v) && has_vector<std::int32_t>(v, shape) &&
           has_scalar<std::int8_t>(v, type) && has_scalar<std::uint32_t>(v, buffer) &&
           has_text(v, name) && VerifyOffset(v, fb::FieldIndexToOffset(quantization)) &&
           v.VerifyTable(parameters()) && v.EndTable();
  }
};

struct FileOperation : FileTable {
  const FileTable* options() const { return table<FileTable>(tflite::operation::builtin_options); }
  bool Verify(fb::Verifier& v) const {  // NOLINT: the name that FlatBuffers calls
    using namespace tflite::operation;
    return VerifyTableStart(v) && has_scalar<std::uint32_t>(v, opcode_index) &&
           has_vector<std::int32_t>(v, inputs) && has_vector<std::int32_t>(v, outputs) &&
           has_scalar<std::uint8_t>(v, builtin_options_type) &&
           VerifyOffset(v, fb::FieldIndexToOffset(builtin_options)) && v.EndTable();
  }
};

struct FileCode : FileTable {
  bool Verify(fb::Verifier& v) const {  // NOLINT: the name that FlatBuffers calls
    using namespace tflite::operator_code;
    return VerifyTableStart(v) && has_scalar<std::int8_t>(v, deprecated_builtin_code) &&
           has_scalar<std::int32_t>(v, version) && has_scalar<std::int32_t>(v, builtin_code) &&
           v.EndTable();
  }
};

struct FileMetadata : FileTable {
  bool Verify(fb::Verifier& v) const {  // NOLINT: the name that FlatBuffers calls
    return VerifyTableStart(v) && has_text(v, tflite::metadata::name) &&
           has_scalar<std::uint32_t>(v, tflite::metadata::buffer) && v.EndTable();
  }
};

struct FileGraph : FileTable {
  bool Verify(fb::Verifier& v) const {  // NOLINT: the name that FlatBuffers calls
    using namespace tflite::sub_graph;
    return VerifyTableStart(v) && has_tables<FileTensor>(v, tensors) &&
           has_vector<std::int32_t>(v, inputs) && has_vector<std::int32_t>(v, outputs) &&
           has_tables<FileOperation>(v, operators) && has_text(v, name) && v.EndTable();
  }
};

struct FileModel : FileTable {
  bool Verify(fb::Verifier& v) const {  // NOLINT: the name that FlatBuffers calls
    using namespace tflite::model;
    return VerifyTableStart(v) && has_scalar<std::uint32_t>(v, version) &&
           has_tables<FileCode>(v, operator_codes) && has_tables<FileGraph>(v, subgraphs) &&
           has_text(v, description) && has_tables<FileBuffer>(v, buffers) &&
           has_tables<FileMetadata>(v, metadata) && v.EndTable();
  }
};

/// A whole file. Indices and positions are the caller's to check.
class TfliteFile {
 public:
  explicit TfliteFile(std::vector<std::uint8_t> bytes)
      : bytes_(std::move(bytes)), model_(fb::GetRoot<FileModel>(bytes_.data())) {}

  bool verified() const {
    return fb::Verifier(bytes_.data(), bytes_.size()).VerifyBuffer<FileModel>(tflite::kIdentifier);
  }
  const FileModel& model() const { return *model_; }
  const FileGraph& graph() const {
    return *model_->vector<fb::Offset<FileGraph>>(tflite::model::subgraphs)->Get(0);
  }
  const fb::Vector<fb::Offset<FileTensor>>& tensors() const {
    return *graph().vector<fb::Offset<FileTensor>>(tflite::sub_graph::tensors);
  }
  const fb::Vector<fb::Offset<FileOperation>>& operations() const {
    return *graph().vector<fb::Offset<FileOperation>>(tflite::sub_graph::operators);
  }
  const FileTensor& tensor(std::int32_t index) const {
    return *tensors().Get(static_cast<fb::uoffset_t>(index));
  }
  tflite::BuiltinOperator code(const FileOperation& operation) const {
    const auto* codes = model_->vector<fb::Offset<FileCode>>(tflite::model::operator_codes);
    const auto index = operation.value<std::uint32_t>(tflite::operation::opcode_index);
    return static_cast<tflite::BuiltinOperator>(
        codes->Get(index)->value<std::int32_t>(tflite::operator_code::builtin_code));
  }
  std::vector<std::int32_t> inputs(const FileOperation& operation) const {
    return operation.values<std::int32_t>(tflite::operation::inputs);
  }
  std::int32_t output(const FileOperation& operation) const {
    return operation.values<std::int32_t>(tflite::operation::outputs).at(0);
  }
  /// A constant's data, null for a tensor that is computed.
  const fb::Vector<std::uint8_t>* data(const FileTensor& tensor) const {
    const auto index = tensor.value<std::uint32_t>(tflite::tensor::buffer);
    const auto* buffers = model_->vector<fb::Offset<FileBuffer>>(tflite::model::buffers);
    return buffers->Get(index)->vector<std::uint8_t>(tflite::buffer::data);
  }
  std::ptrdiff_t offset_of(const void* inside) const {
    return static_cast<const std::uint8_t*>(inside) - bytes_.data();
  }

 private:
  const std::vector<std::uint8_t> bytes_;
  const FileModel* model_;
};

}  // namespace paretiny::test
