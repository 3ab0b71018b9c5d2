// Every read and write of exported code, recorded: a step reads what its inputs' steps wrote, byte
// for byte, and writes its output and its scratch memory alone.
#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/deploy/code/c_code.h"
#include "engine/deploy/code/runtime_files.h"
#include "engine/deploy/plan/memory_problem.h"
#include "tests/engine/deploy/exported_folder.h"
#include "tests/engine/deploy/odd_network.h"
#include "tests/engine/deploy/recorded_code.h"

namespace paretiny::deploy {
namespace {

namespace fs = std::filesystem;
using namespace test;

const fs::path kDouble = fs::path(PARETINY_SOURCE) / "tests/engine/deploy/cmsis_nn_double";

/// Networks tried a set of kernels: PARETINY_FUZZ for more.
std::uint64_t trials() {
  const char* wanted = std::getenv("PARETINY_FUZZ");
  return wanted == nullptr ? 16 : std::strtoull(wanted, nullptr, 10);
}

/// What lies in each byte of the arena while an exported network runs.
class Arena {
 public:
  Arena(const compress::Int8Network& network, const ActivationPlan& plan, const std::int8_t* begin)
      : network_(network), plan_(plan), begin_(begin), owners_(plan.bytes) {
    for (std::size_t i = 0; i < bytes_of(0); ++i) owners_[plan_.offsets[0] + i] = {0, i};
  }

  void begin_step(std::int64_t position) {
    step_ = nullptr;
    if (position == static_cast<std::int64_t>(plan_.order.size())) return;
    const auto index = static_cast<std::size_t>(plan_.order[static_cast<std::size_t>(position)]);
    step_ = &network_.steps[index];
    scratch_ = plan_.scratch[index];
    for (Owner& owner : owners_) {
      if (owner.tensor == kScratch) owner = {};
    }
  }

  /// Ends the test where it may not be; memory outside the arena is not ours to judge.
  void access(const Access& access) {
    for (int i = 0; i < access.bytes; ++i) {
      const std::ptrdiff_t at = access.at + i - begin_;
      if (at < 0 || at >= static_cast<std::ptrdiff_t>(owners_.size())) continue;
      const auto place = static_cast<std::size_t>(at);
      ASSERT_NE(step_, nullptr) << "between steps";
      if (access.writes) {
        write(place);
      } else {
        read(place);
      }
    }
  }

  void expect_output() const {
    const int output = network_.steps.back().output;
    const std::size_t offset = plan_.offsets[static_cast<std::size_t>(output)];
    for (std::size_t i = 0; i < bytes_of(output); ++i) {
      ASSERT_TRUE((owners_[offset + i] == Owner{output, i})) << "byte " << i << " of the output";
    }
  }

 private:
  static constexpr int kNobody = -1;
  static constexpr int kScratch = -2;

  struct Owner {
    int tensor = kNobody;
    std::size_t byte = 0;
    bool operator==(const Owner&) const = default;
  };

  std::size_t bytes_of(int tensor) const {
    return static_cast<std::size_t>(
        network_.tensors[static_cast<std::size_t>(tensor)].shape.elements());
  }
  bool lies_in(int tensor, std::size_t place) const {
    const std::size_t offset = plan_.offsets[static_cast<std::size_t>(tensor)];
    return place >= offset && place < offset + bytes_of(tensor);
  }
  Owner byte_of(int tensor, std::size_t place) const {
    return {tensor, place - plan_.offsets[static_cast<std::size_t>(tensor)]};
  }

  void write(std::size_t place) {
    if (lies_in(step_->output, place)) {
      owners_[place] = byte_of(step_->output, place);
      return;
    }
    ASSERT_TRUE(place >= scratch_.offset && place < scratch_.offset + scratch_.bytes)
        << step_->name << " writes at " << place;
    owners_[place] = {kScratch, 0};
  }

  void read(std::size_t place) const {
    const Owner& owner = owners_[place];
    if (owner.tensor == kScratch) return;
    const auto holds = [&](int tensor) {
      return lies_in(tensor, place) && owner == byte_of(tensor, place);
    };
    ASSERT_TRUE(std::any_of(step_->inputs.begin(), step_->inputs.end(), holds))
        << step_->name << " reads at " << place << ", where byte " << owner.byte << " of tensor "
        << owner.tensor << " lies";
  }

  const compress::Int8Network& network_;
  const ActivationPlan& plan_;
  const std::int8_t* const begin_;
  std::vector<Owner> owners_;
  const compress::Int8Step* step_ = nullptr;
  ScratchPlace scratch_;
};

class MemoryAccess : public ExportedFolder {
 protected:
  /// Compiles what every network of these kernels shares, and `more` sources.
  void prepare(Kernels kernels, const std::string& options, const std::string& more = "") {
    kernels_ = kernels;
    options_ = options + " -I" + kDouble.string();
    for (const auto& [name, text] : versioned_runtime()) {
      const bool by_library = name.starts_with("paretiny_cmsis_nn");
      if (kernels == Kernels::cmsis_nn || !by_library) runtime_.write(name, text);
    }
    compile_recorded(options_ + " *.c " + more, runtime_.path());
  }

  void check(const compress::Int8Network& network, const ActivationPlan& plan) {
    const std::vector<RecordedRun> runs = record_runs(network, 2, 1);
    put(c_code(deployed(network, "recorded"), plan, {}, kernels_));
    // The functions of the header as symbols.
    temporary_.write("entry.c",
                     "#include \"model.h\"\nint8_t *entry_init(void) { return model_init(); }\n"
                     "int32_t entry_run(void) { return model_run(); }\n"
                     "const int8_t *entry_output(void) { return model_output(); }\n");
    compile_recorded(options_ + " model.c model_weights.c entry.c", folder_);
    const RecordedCode code("*.o " + runtime_.string() + "/*.o", folder_);
    auto* init = code.function<std::int8_t*()>("entry_init");
    auto* run = code.function<std::int32_t()>("entry_run");
    auto* output = code.function<const std::int8_t*()>("entry_output");
    for (const RecordedRun& each : runs) {
      std::int8_t* input = init();
      std::copy(each.input.begin(), each.input.end(), input);
      Arena arena(network, plan, input - plan.offsets[0]);
      code.record([&] { EXPECT_EQ(run(), 0); },
                  [&](const Access& access) {
                    if (!HasFailure()) arena.access(access);
                  },
                  [&](std::int64_t position) { arena.begin_step(position); });
      arena.expect_output();
      EXPECT_TRUE(std::equal(each.output.begin(), each.output.end(), output()));
    }
  }

  template <class Plan>
  void check_networks(Plan plan_of) {
    for (std::uint64_t seed = 0; seed < trials() && !HasFailure(); ++seed) {
      SCOPED_TRACE(testing::Message() << "seed " << seed);
      const graph::Graph graph = seed % 4 == 3   ? random_graph(seed)
                                 : seed % 4 == 2 ? tangled_graph(seed)
                                                 : odd_graph(seed);
      const compress::Int8Network network = random_network(graph, seed);
      check(network, plan_of(network));
    }
  }

  const TempFolder runtime_;
  Kernels kernels_ = Kernels::own;
  std::string options_;
};

ActivationPlan own_plan(const compress::Int8Network& network) {
  return plan_activations(memory_problem(network));
}

TEST_F(MemoryAccess, OwnKernels) {
  prepare(Kernels::own, "-DPT_DSP=0");
  check_networks(own_plan);
}

TEST_F(MemoryAccess, OwnKernelsOnCoresWithDsp) {
  prepare(Kernels::own, "-DPT_DSP=1");
  check_networks(own_plan);
}

TEST_F(MemoryAccess, CmsisNn) {
  for (const bool helium : {false, true}) {
    prepare(Kernels::cmsis_nn,
            std::string("-Dmemset=recorder_memset") + (helium ? " -DDOUBLE_HELIUM" : ""),
            (kDouble / "cmsis_nn_double.c").string());
    check_networks([&](const compress::Int8Network& network) {
      return plan_activations(cmsis_nn_memory_problem(network, helium));
    });
  }
}

}  // namespace
}  // namespace paretiny::deploy
