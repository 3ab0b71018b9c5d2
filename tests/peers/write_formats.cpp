// write_formats FOLDER [RUNS [GRAPHS]]: models trained for a moment and random graphs in every
// format another runtime reads, with random inputs and the int8 network's outputs, for
// check_formats.py.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/error.h"
#include "engine/deploy/formats/onnx.h"
#include "engine/deploy/formats/tflite.h"
#include "tests/engine/compress/trained_networks.h"
#include "tests/engine/deploy/random_network.h"

namespace paretiny {
namespace {

namespace fs = std::filesystem;

template <class Bytes>
void write(const fs::path& path, const Bytes& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw DataError("cannot write " + path.string());
}

void write_network(const fs::path& folder, const std::string& name, compress::Int8Network network,
                   std::uint64_t seed, std::int64_t runs) {
  const deploy::DeployedModel model = test::deployed(std::move(network), name);
  std::vector<std::int8_t> inputs;
  std::vector<std::int8_t> outputs;
  for (const deploy::RecordedRun& run : deploy::record_runs(model.network, runs, seed)) {
    inputs.insert(inputs.end(), run.input.begin(), run.input.end());
    outputs.insert(outputs.end(), run.output.begin(), run.output.end());
  }
  write(folder / (name + ".inputs"), inputs);
  write(folder / (name + ".outputs"), outputs);
  write(folder / (name + ".onnx"), deploy::onnx_model(model));
  write(folder / (name + ".tflite"), deploy::tflite_model(model));
}

void write_all(const fs::path& folder, std::int64_t runs, std::uint64_t graphs) {
  fs::create_directories(folder);
  const auto write_trained = [&](const char* name, const char* model, const Shape& sample) {
    const test::Trained t(model, sample, 1);
    write_network(folder, name, compress::quantize(*t.stream, t.network, t.data, {}, 1), 1, runs);
  };
  for (const char* model : {"resnet8", "ds_cnn", "mobilenet_v3"}) {
    write_trained(model, model, {1, 32, 32, 3});
  }
  write_trained("mobilenet_v3_series", "mobilenet_v3", {1, 1, 128, 6});
  for (std::uint64_t seed = 0; seed < graphs; ++seed) {
    write_network(folder, "random" + std::to_string(seed),
                  test::random_network(test::random_graph(seed), seed), seed, runs);
  }
}

}  // namespace
}  // namespace paretiny

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: write_formats FOLDER [RUNS [GRAPHS]]\n";
    return 2;
  }
  try {
    paretiny::write_all(argv[1], argc > 2 ? std::stoll(argv[2]) : 50,
                        argc > 3 ? std::stoull(argv[3]) : 30);
  } catch (const std::exception& error) {
    std::cerr << "write_formats: " << error.what() << '\n';
    return 1;
  }
}
