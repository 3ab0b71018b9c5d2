// The operators that move bytes, over the shapes of the models' graphs: batch norm, activations,
// additions, pools, the classifier, loss, optimisers, batches and what pruning needs. Their floor
// is a copy of the bytes they cannot avoid.
#include <fmt/core.h>

#include "bench/cuda/model_layers.h"
#include "bench/cuda/operands.h"
#include "kernels/nn/elementwise.h"
#include "kernels/nn/pool.h"
#include "kernels/nn/training/augment.h"
#include "kernels/nn/training/channel_gather.h"
#include "kernels/nn/training/channel_importance.h"
#include "kernels/nn/training/loss.h"
#include "kernels/nn/training/optimizer.h"

namespace paretiny::bench {
namespace {

void add_batch_norm(const nn::BatchNormShape& shape, DType dtype) {
  const std::string text = label(shape);
  const Operand once{dtype, shape.input}, twice{dtype, shape.input, 2};
  const Operand c{DType::f32, shape.channels()};
  const Operand variance{DType::f32, shape.channels(), 1, constant(1)};
  // The statistics need all of x before the first result: x is read twice, as is dy.
  add_op("batch_norm/forward", dtype, text, {twice, c, c, c, c, c, c, once},
         [=](Stream& s, const Views& v) {
           nn::batchnorm_forward(s, shape,
                                 {.x = v[0],
                                  .gamma = v[1],
                                  .beta = v[2],
                                  .running_mean = v[3],
                                  .running_var = v[4],
                                  .saved_mean = v[5],
                                  .saved_var = v[6],
                                  .y = v[7]});
         });
  add_op("batch_norm/backward", dtype, text, {twice, twice, c, c, c, variance, once, c, c},
         [=](Stream& s, const Views& v) {
           nn::batchnorm_backward(s, shape,
                                  {.x = v[0],
                                   .dy = v[1],
                                   .gamma = v[2],
                                   .beta = v[3],
                                   .mean = v[4],
                                   .var = v[5],
                                   .dx = v[6],
                                   .dgamma = v[7],
                                   .dbeta = v[8]});
         });
  add_op("batch_norm/inference", dtype, text, {once, c, c, c, variance, once},
         [=](Stream& s, const Views& v) {
           nn::batchnorm_inference_forward(
               s, shape,
               {.x = v[0], .gamma = v[1], .beta = v[2], .mean = v[3], .var = v[4], .y = v[5]});
         });
}

void add_activation(const Shape& shape, nn::Activation activation, DType dtype) {
  const std::string text = fmt::format("{}_{}", to_string(shape), name_of(activation));
  const Operand x{dtype, shape};
  add_op("activation/forward", dtype, text, {x, x},
         [=](Stream& s, const Views& v) { nn::activation_forward(s, activation, v[0], v[1]); });
  add_op("activation/backward", dtype, text, {x, x, x}, [=](Stream& s, const Views& v) {
    nn::activation_backward(s, activation, v[0], v[1], v[2]);
  });
}

void add_addition(const Shape& shape, DType dtype) {
  const Operand x{dtype, shape};
  add_op("add/forward", dtype, to_string(shape), {x, x, x}, [](Stream& s, const Views& v) {
    nn::add_forward(s, nn::Activation::relu, v[0], v[1], v[2]);
  });
  add_op("add/backward", dtype, to_string(shape), {x, x, x}, [](Stream& s, const Views& v) {
    nn::add_backward(s, nn::Activation::relu, v[0], v[1], v[2]);
  });
}

/// A batch norm with the addition and the relu behind it, which are apart above.
void add_batch_norm_addition(const nn::BatchNormShape& shape, DType dtype) {
  const std::string text = label(shape);
  const Operand once{dtype, shape.input}, twice{dtype, shape.input, 2};
  const Operand c{DType::f32, shape.channels()};
  const Operand variance{DType::f32, shape.channels(), 1, constant(1)};
  add_op("batch_norm_add/forward", dtype, text, {twice, once, c, c, c, c, c, c, once},
         [=](Stream& s, const Views& v) {
           nn::batchnorm_forward(s, shape,
                                 {.x = v[0],
                                  .gamma = v[2],
                                  .beta = v[3],
                                  .addend = v[1],
                                  .running_mean = v[4],
                                  .running_var = v[5],
                                  .saved_mean = v[6],
                                  .saved_var = v[7],
                                  .y = v[8]});
         });
  add_op("batch_norm_add/backward", dtype, text,
         {twice, once, once, twice, c, c, c, variance, once, c, c}, [=](Stream& s, const Views& v) {
           nn::batchnorm_backward(s, shape,
                                  {.x = v[0],
                                   .dy = v[1],
                                   .gamma = v[4],
                                   .beta = v[5],
                                   .mean = v[6],
                                   .var = v[7],
                                   .y = v[2],
                                   .daddend = v[3],
                                   .dx = v[8],
                                   .dgamma = v[9],
                                   .dbeta = v[10]});
         });
}

void add_channel_scale(const Shape& shape, DType dtype) {
  const Operand x{dtype, shape}, gate{dtype, {shape.n, 1, 1, shape.c}};
  add_op("channel_scale/forward", dtype, to_string(shape), {x, gate, x},
         [](Stream& s, const Views& v) { nn::channel_scale_forward(s, v[0], v[1], v[2]); });
  add_op("channel_scale/backward", dtype, to_string(shape), {x, gate, x, x, gate},
         [](Stream& s, const Views& v) {
           nn::channel_scale_backward(s,
                                      {.x = v[0], .s = v[1], .dy = v[2], .dx = v[3], .ds = v[4]});
         });
}

void add_global_pool(const Shape& shape, DType dtype) {
  const Operand x{dtype, shape}, y{dtype, {shape.n, 1, 1, shape.c}};
  add_op("global_average_pool/forward", dtype, to_string(shape), {x, y},
         [](Stream& s, const Views& v) { nn::global_average_pool_forward(s, v[0], v[1]); });
  add_op("global_average_pool/backward", dtype, to_string(shape), {y, x},
         [](Stream& s, const Views& v) { nn::global_average_pool_backward(s, v[0], v[1]); });
}

/// 3x3, stride 2.
void add_pools(const Shape& in, DType dtype) {
  const nn::PoolShape shape{in, nn::Window::same(in.h, in.w, 3, 3, 2, 2)};
  const Operand x{dtype, in}, y{dtype, shape.output()};
  const std::string text = to_string(in) + "_k3_s2";
  add_op("max_pool/forward", dtype, text, {x, y},
         [=](Stream& s, const Views& v) { nn::max_pool_forward(s, shape, v[0], v[1]); });
  add_op("max_pool/backward", dtype, text, {x, y, x},
         [=](Stream& s, const Views& v) { nn::max_pool_backward(s, shape, v[0], v[1], v[2]); });
  add_op("average_pool/forward", dtype, text, {x, y},
         [=](Stream& s, const Views& v) { nn::average_pool_forward(s, shape, v[0], v[1]); });
  add_op("average_pool/backward", dtype, text, {y, x},
         [=](Stream& s, const Views& v) { nn::average_pool_backward(s, shape, v[0], v[1]); });
}

void add_classifier(const nn::FullyConnectedShape& shape, DType dtype) {
  const Operand x{dtype, shape.input}, w{DType::f32, shape.weights()};
  const Operand b{DType::f32, {1, 1, 1, shape.out_features}}, y{DType::f32, shape.output()};
  const double products = static_cast<double>(shape.output().elements() * shape.in_features());
  add_op(
      "fully_connected/forward", dtype, label(shape), {x, w, b, y},
      [=](Stream& s, const Views& v) {
        nn::fully_connected_forward(s, shape, v[0], v[1], v[2], v[3]);
      },
      2 * products);
  add_op(
      "fully_connected/backward", dtype, label(shape), {x, w, y, x, w, b},
      [=](Stream& s, const Views& v) {
        nn::fully_connected_backward(
            s, shape, {.x = v[0], .w = v[1], .dy = v[2], .dx = v[3], .dw = v[4], .db = v[5]});
      },
      4 * products);
}

void add_loss(std::int64_t batch, std::int64_t classes) {
  const Operand logits{DType::f32, {batch, 1, 1, classes}};
  const Operand labels{DType::i32, {1, 1, 1, batch}, 1, counted(classes)};
  const Operand loss{DType::f32, {1, 1, 1, batch}}, totals{DType::f32, {1, 1, 1, 2}};
  add_op("cross_entropy/both", DType::f32, fmt::format("{}x{}", batch, classes),
         {logits, labels, loss, logits, totals}, [](Stream& s, const Views& v) {
           nn::softmax_cross_entropy(
               s, 0.1f,
               {.logits = v[0], .labels = v[1], .loss = v[2], .dlogits = v[3], .totals = v[4]});
         });
}

void add_optimizers(std::int64_t parameters) {
  const Shape flat{1, 1, 1, parameters};
  const Operand read{DType::f32, flat}, updated{DType::f32, flat, 2};
  const Operand square{DType::f32, flat, 2, constant(1)};
  const Operand schedule{DType::f32, {1, 1, 1, 3}, 1, constant(1e-3f)};
  const std::string text = std::to_string(parameters);
  add_op("sgd/step", DType::f32, text,
         {{DType::f32, {}, 1, constant(1e-3f)}, read, updated, updated},
         [](Stream& s, const Views& v) {
           nn::sgd_step(s, {}, v[0], {.g = v[1], .w = v[2], .m = v[3]});
         });
  add_op("adam/step", DType::f32, text, {schedule, read, updated, updated, square},
         [](Stream& s, const Views& v) {
           nn::adam_step(s, {}, v[0], {.g = v[1], .w = v[2], .m = v[3], .v = v[4]});
         });
}

/// A batch out of a resident set, in order.
void add_batch(const std::string& text, const Shape& sample, DType from, std::int64_t batch,
               const nn::AugmentSpec& spec, DType dtype) {
  const std::int64_t all = 4 * batch;
  const Shape samples{batch, sample.h, sample.w, sample.c};
  const Operand stored{from, {all, sample.h, sample.w, sample.c}, 0.25};  // a batch of it is read
  const Operand labels{DType::i32, {1, 1, 1, all}, 0.25, counted(10)};
  const Operand order{DType::i32, {1, 1, 1, all}, 0.25, counted(all)};
  const Operand cursor{DType::i32, {1, 1, 1, 2}, 1, constant(0)};
  const Operand affine{DType::f32, {1, 1, 1, sample.c}};
  add_op("batch/" + text, dtype, to_string(samples),
         {stored,
          labels,
          order,
          cursor,
          affine,
          affine,
          {dtype, samples},
          {DType::i32, {1, 1, 1, batch}}},
         [=](Stream& s, const Views& v) {
           nn::gather_batch(s, spec,
                            {.samples = v[0],
                             .labels = v[1],
                             .order = v[2],
                             .cursor = v[3],
                             .scale = v[4],
                             .shift = v[5],
                             .x = v[6],
                             .labels_out = v[7]});
         });
}

void add_pruning(const ModelLayers& layers, DType dtype) {
  for (const nn::BatchNormShape& shape : layers.batch_norm) {
    if (shape.activation != nn::Activation::relu) continue;
    add_op("importance/positive_share", dtype, to_string(shape.input),
           {{dtype, shape.input}, {DType::f32, shape.channels()}},
           [](Stream& s, const Views& v) { nn::positive_share(s, v[0], v[1]); });
  }
  if (dtype != DType::bf16) return;  // weights are f32 whatever the activations are
  for (const nn::ConvShape& shape : layers.conv) {
    const Operand w{DType::f32, shape.weights()}, scores{DType::f32, {1, 1, 1, shape.out_channels}};
    const std::string text = to_string(shape.weights());
    add_op("importance/l1", DType::f32, text, {w, scores}, [](Stream& s, const Views& v) {
      nn::filter_score(s, nn::FilterScore::l1, v[0], {}, v[1]);
    });
    add_op("importance/taylor", DType::f32, text, {w, w, scores}, [](Stream& s, const Views& v) {
      nn::filter_score(s, nn::FilterScore::taylor, v[0], v[1], v[2]);
    });
    const Shape whole{1, shape.out_channels, shape.window.kernel_h * shape.window.kernel_w,
                      shape.input.c};
    const Shape rows{1, 1, shape.out_channels, whole.w * whole.c};
    const std::int64_t kept = shape.out_channels / 2;
    add_op("channel_gather/filters", DType::f32, text,
           {{DType::f32, rows, 0.5},
            {DType::i32, {1, 1, 1, kept}, 1, counted(kept)},
            {DType::f32, {1, 1, kept, rows.c}}},
           [](Stream& s, const Views& v) { nn::channel_gather(s, v[0], v[1], v[2]); });
  }
}

void add_all() {
  const ModelLayers& layers = model_layers();
  for (const DType dtype : {DType::bf16, DType::f32}) {
    for (const nn::BatchNormShape& shape : layers.batch_norm) add_batch_norm(shape, dtype);
    for (const auto& [shape, activation] : layers.activation) {
      add_activation(shape, activation, dtype);
    }
    for (const Shape& shape : layers.add) {
      add_addition(shape, dtype);
      add_batch_norm_addition({shape, nn::Activation::relu}, dtype);
    }
    for (const Shape& shape : layers.channel_scale) add_channel_scale(shape, dtype);
    for (const Shape& shape : layers.global_average_pool) add_global_pool(shape, dtype);
    for (const Shape& shape : {Shape{512, 32, 32, 48}, Shape{2048, 16, 16, 43}}) {
      add_pools(shape, dtype);
    }
    for (const nn::FullyConnectedShape& shape : layers.fully_connected)
      add_classifier(shape, dtype);
    add_batch("plain", {1, 32, 32, 3}, DType::u8, 512, {}, dtype);
    add_batch("crop_flip", {1, 32, 32, 3}, DType::u8, 512, {.crop = 4, .flip = true}, dtype);
    add_batch("shift_noise", {1, 1, 1024, 24}, DType::f32, 512, {.shift = 8, .noise = 0.1f}, dtype);
    add_pruning(layers, dtype);
  }
  add_loss(512, 10);
  add_loss(512, 100);
  add_optimizers(1'560'000);
  add_optimizers(2'300'000);
}

}  // namespace
}  // namespace paretiny::bench

int main(int argc, char** argv) {
  paretiny::bench::add_all();
  return paretiny::bench::run(argc, argv);
}
