#include "engine/deploy/code/c_code.h"

#include <fmt/core.h>

#include "engine/deploy/code/c_code_parts.h"
#include "engine/deploy/code/c_text.h"
#include "engine/deploy/code/runtime_files.h"
#include "kernels/core/host_device.h"

namespace paretiny::deploy {
namespace {

/// The steps of a network as declarations of constants and as calls.
class CStepWriter {
 public:
  CStepWriter(const compress::Int8Network& network, const ActivationPlan& plan, Kernels kernels,
              const ExportNames& names)
      : network_(network), plan_(plan), kernels_(kernels), names_(names) {}

  void write(int index) {
    step_ = &network_.steps[static_cast<std::size_t>(index)];
    scratch_ = plan_.scratch[static_cast<std::size_t>(index)];
    by_cmsis_nn_ = kernels_ == Kernels::cmsis_nn && cmsis_nn_computes(network_, *step_);
    name_ = fmt::format("{}", index);
    calls += fmt::format("  STEP({}); /* {} */\n", position_++, comment_text(step_->name));
    std::visit([this](const auto& operation) { (*this)(operation); }, step_->operation);
  }

  std::string constants;     ///< of NAME.c
  std::string declarations;  ///< of NAME_weights.h
  std::string arrays;        ///< of NAME_weights.c
  std::string calls;
  std::string checks;  ///< of NAME_init

  void operator()(const compress::Int8Conv& op) { layer(op, "conv"); }
  void operator()(const compress::Int8Depthwise& op) { layer(op, "depthwise"); }
  void operator()(const compress::Int8FullyConnected& op) {
    if (by_cmsis_nn_) {
      layer(op, "conv");
      return;
    }
    layer_constants(op);
    call(fmt::format("pt_fully_connected({}, {}, &layer_{}, {}, {})", in().shape.elements(),
                     out().shape.c, name_, at(step_->inputs[0]), at(step_->output)));
  }

  void operator()(const compress::Int8Add& op) {
    const int8::Int8AddParameters& p = op.parameters;
    constants +=
        fmt::format("static const pt_add_constants add_{} = {{{}, {}, {}, {}, {}, {}, {}, {}}};\n",
                    name_, multiplier(p.input1), multiplier(p.input2), multiplier(p.output),
                    p.zero_point1, p.zero_point2, p.output_zero_point, p.range.low, p.range.high);
    call(fmt::format("{}add(&add_{}, {}, {}, {}, {})", prefix(), name_, out().shape.elements(),
                     at(step_->inputs[0]), at(step_->inputs[1]), at(step_->output)));
  }

  void operator()(const compress::Int8Mul& op) {
    const int8::Int8MulParameters& p = op.parameters;
    constants += fmt::format("static const pt_mul_constants mul_{} = {{{}, {}, {}, {}, {}, {}}};\n",
                             name_, multiplier(p.output), p.zero_point1, p.zero_point2,
                             p.output_zero_point, p.range.low, p.range.high);
    call(fmt::format("pt_scale(&mul_{}, {}, {}, {}, {}, {})", name_, out().shape.h * out().shape.w,
                     out().shape.c, at(step_->inputs[0]), at(step_->inputs[1]), at(step_->output)));
  }

  void operator()(const compress::Int8Lookup& op) {
    array("int8_t", "table", op.table);
    call(fmt::format("pt_lookup(table_{}, {}, {}, {})", name_, out().shape.elements(),
                     at(step_->inputs[0]), at(step_->output)));
  }

  void operator()(const compress::Int8MaxPool& op) {
    window(op.window, in().shape, out().shape);
    call(fmt::format("{}max_pool(&window_{}, {}, {})", prefix(), name_, at(step_->inputs[0]),
                     at(step_->output)));
  }
  void operator()(const compress::Int8AveragePool& op) {
    window(op.window, in().shape, out().shape);
    call(fmt::format("{}average_pool(&window_{}, {}, {}{})", prefix(), name_, at(step_->inputs[0]),
                     at(step_->output), scratch("average_pool")));
  }

  void operator()(const compress::Int8Mean& op) {
    const int8::Int8MeanParameters& p = op.parameters;
    constants +=
        fmt::format("static const pt_multiplier mean_{} = {};\n", name_, multiplier(p.output));
    call(fmt::format("pt_mean(&mean_{}, {}, {}, {}, {}, {}, {})", name_, p.input_zero_point,
                     p.output_zero_point, in().shape.h * in().shape.w, in().shape.c,
                     at(step_->inputs[0]), at(step_->output)));
  }

 private:
  const compress::Int8Tensor& in() const {
    return network_.tensors[static_cast<std::size_t>(step_->inputs.front())];
  }
  const compress::Int8Tensor& out() const {
    return network_.tensors[static_cast<std::size_t>(step_->output)];
  }
  std::string at(int tensor) const {
    return fmt::format("AT({})", plan_.offsets[static_cast<std::size_t>(tensor)]);
  }
  static std::string multiplier(const int8::QuantizedMultiplier& m) {
    return fmt::format("{{{}, {}}}", m.multiplier, m.shift);
  }

  /// What CMSIS-NN refuses ends the run.
  void call(const std::string& expression) {
    calls +=
        by_cmsis_nn_ ? fmt::format("  TRY({});\n", expression) : fmt::format("  {};\n", expression);
  }

  template <class Values>
  void array(const char* type, const char* kind, const Values& values) {
    declarations +=
        fmt::format("#define {1}_{2} {0}_{1}_{2}_{3}\n", names_.prefix, kind, name_, names_.tag);
    declarations += fmt::format("extern const {} {}_{}[{}];\n", type, kind, name_, values.size());
    arrays += fmt::format("\nconst {} {}_{}[{}] = {{\n", type, kind, name_, values.size());
    append_numbers(arrays, values);
    arrays += "};\n";
  }

  const char* prefix() const { return by_cmsis_nn_ ? "pt_cmsis_nn_" : "pt_"; }

  /// The last argument of a step that CMSIS-NN computes; model_init asks whether it is enough.
  std::string scratch(const char* kernel) {
    if (!by_cmsis_nn_) return "";
    checks += fmt::format("  if (pt_cmsis_nn_{}_scratch(&window_{}) > {}) return 0;\n", kernel,
                          name_, scratch_.bytes);
    return fmt::format(", SCRATCH({}, {})", scratch_.offset, scratch_.bytes);
  }

  void window(const nn::Window& w, const Shape& input, const Shape& output) {
    constants += fmt::format(
        "static const pt_window window_{} = {{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}};\n",
        name_, input.h, input.w, input.c, output.h, output.w, output.c, w.kernel_h, w.kernel_w,
        w.stride_h, w.stride_w, w.top, w.left);
  }

  void layer_constants(const compress::Int8Layer& op) {
    const int8::Int8LayerParameters& p = op.parameters;
    const bool folds =
        !by_cmsis_nn_ && !std::holds_alternative<compress::Int8Depthwise>(step_->operation);
    array("int8_t", "weights", op.weights);
    array("int32_t", "bias", folds ? folded_bias(op) : op.bias);
    array("int32_t", "multipliers", op.multipliers);
    array(by_cmsis_nn_ ? "int32_t" : "int8_t", "shifts", op.shifts);
    constants += fmt::format(
        "static const {5}layer layer_{0} = {{weights_{0}, bias_{0}, multipliers_{0}, shifts_{0}, "
        "{1}, {2}, {3}, {4}}};\n",
        name_, p.input_zero_point, p.output_zero_point, p.range.low, p.range.high, prefix());
  }

  void layer(const compress::Int8Layer& op, const char* kernel) {
    // A fully connected layer is a convolution of one pixel with all of its input.
    const bool flat = std::holds_alternative<compress::Int8FullyConnected>(step_->operation);
    window(op.window, flat ? Shape{1, 1, 1, in().shape.elements()} : in().shape, out().shape);
    layer_constants(op);
    call(fmt::format("{}{}(&window_{}, &layer_{}, {}, {}{})", prefix(), kernel, name_, name_,
                     at(step_->inputs[0]), at(step_->output), scratch(kernel)));
  }

  const compress::Int8Network& network_;
  const ActivationPlan& plan_;
  const Kernels kernels_;
  const ExportNames& names_;
  const compress::Int8Step* step_ = nullptr;
  ScratchPlace scratch_;
  bool by_cmsis_nn_ = false;
  std::string name_;
  int position_ = 0;
};

/// Where the input lies, unless CMSIS-NN wants more than it was given.
std::string init_body(const CStepWriter& steps, std::size_t input) {
  if (steps.checks.empty()) return fmt::format("{{ return AT({}); }}", input);
  return fmt::format("{{\n{}  return AT({});\n}}", steps.checks, input);
}

const char* const kCmsisNnMacros =
    "#define SCRATCH(offset, bytes) ((pt_cmsis_nn_scratch){AT(offset), bytes})\n"
    "#define TRY(call)                     \\\n"
    "  do {                                \\\n"
    "    const int32_t status = (call);    \\\n"
    "    if (status != 0) return status;   \\\n"
    "  } while (0)\n";

std::string model_source(const DeployedModel& model, const ActivationPlan& plan,
                         const CStepWriter& steps, Kernels kernels, const ExportNames& names) {
  const compress::Int8Network& network = model.network;
  const bool cmsis_nn = kernels == Kernels::cmsis_nn;
  return fmt::format(
      "/* {name}. Generated by Paretiny. */\n"
      "#include \"{p}.h\"\n\n"
      "#include \"paretiny_{kernels}.h\"\n"
      "#include \"{p}_weights.h\"\n\n"
      "#ifndef PT_RUNTIME_{version}\n"
      "#error \"the files paretiny_* are those of another version: take this export's own\"\n"
      "#endif\n\n"
      "/* For whoever measures: defines {p}_step, which is told the position of each step before "
      "it\n"
      " * runs, and {m}_STEPS after the last. */\n"
      "#ifdef {m}_STEP_HOOK\nvoid {p}_step(uint32_t position);\n"
      "#define STEP(position) {p}_step(position)\n"
      "#else\n#define STEP(position)\n#endif\n\n"
      "/* Every activation lies here, where the memory plan put it. */\n"
      "static int32_t arena[{words}];\n"
      "#define AT(offset) ((int8_t *)arena + (offset))\n{macros}\n"
      "{constants}\n"
      "int8_t *{p}_init_{tag}(void) {init}\n\n"
      "int32_t {p}_run_{tag}(void) {{\n{calls}  STEP({count});\n  return 0;\n}}\n\n"
      "const int8_t *{p}_output_{tag}(void) {{ return AT({output}); }}\n",
      fmt::arg("name", comment_text(model.name)), fmt::arg("p", names.prefix),
      fmt::arg("m", names.macros), fmt::arg("tag", names.tag),
      fmt::arg("kernels", cmsis_nn ? "cmsis_nn" : "kernels"),
      fmt::arg("version", runtime_version()), fmt::arg("words", ceil_div(plan.bytes, 4)),
      fmt::arg("macros", cmsis_nn ? kCmsisNnMacros : ""), fmt::arg("constants", steps.constants),
      fmt::arg("init", init_body(steps, plan.offsets.front())), fmt::arg("calls", steps.calls),
      fmt::arg("count", network.steps.size()),
      fmt::arg("output", plan.offsets[static_cast<std::size_t>(network.steps.back().output)]));
}

}  // namespace

Files c_code(const DeployedModel& model, const ActivationPlan& plan,
             const std::vector<RecordedRun>& runs, Kernels kernels, const std::string& name) {
  const ExportNames names = export_names(name, model, plan, kernels);
  CStepWriter steps(model.network, plan, kernels, names);
  for (const int step : plan.order) steps.write(step);
  Files files;
  for (const auto& [file, text] : versioned_runtime()) {
    const bool needed = kernels == Kernels::cmsis_nn || !file.starts_with("paretiny_cmsis_nn");
    if (needed) files[file] = text;
  }
  files[name + ".h"] = model_header(model, plan, kernels, names);
  files[name + ".c"] = model_source(model, plan, steps, kernels, names);
  files[name + "_weights.h"] = fmt::format(
      "/* Constants of the layers, by step. */\n#ifndef {0}_{1}_WEIGHTS_H\n"
      "#define {0}_{1}_WEIGHTS_H\n\n#include <stdint.h>\n\n{2}\n#endif\n",
      names.macros, names.tag, steps.declarations);
  files[name + "_weights.c"] = fmt::format("#include \"{}_weights.h\"\n{}", name, steps.arrays);
  files["test/runs.h"] = recorded_runs(runs, names);
  files["test/host_test.c"] = host_test(names);
  files["CMakeLists.txt"] = export_cmake(kernels, names);
  return files;
}

}  // namespace paretiny::deploy
