#include "kernels/nn/cpu/onednn.h"

#include <omp.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/error.h"

namespace paretiny::cpu {

void check_code_room() {
  // A mapping locks out all threads that map or fault, so it is asked for only where it can fail.
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY) return;
  // Many times what the largest primitive takes, whose kernels reserve 256 KB each.
  constexpr std::size_t kRoom = std::size_t{64} << 20;
  void* room = ::mmap(nullptr, kRoom, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) {
    throw OutOfMemory(
        "the host's memory is used up: 64 MB more are needed for code that oneDNN generates");
  }
  ::munmap(room, kRoom);
}

OneThread::OneThread() : before_(omp_get_max_threads()) {
  omp_set_num_threads(1);
}

OneThread::~OneThread() {
  omp_set_num_threads(before_);
}

Prepared::Prepared(const dnnl::engine& engine, dnnl::primitive primitive, std::string name,
                   const dnnl::memory::desc& scratchpad, std::vector<Operand> operands)
    : engine_(engine),
      primitive_(std::move(primitive)),
      name_(std::move(name)),
      operands_(std::move(operands)),
      scratchpad_(scratchpad) {}

void Prepared::reserve_slots(int count) {
  // Some code is generated when it is first needed.
  if (std::ssize(slots_) < count) check_code_room();
  while (std::ssize(slots_) < count) {
    Slot slot{dnnl::stream(engine_), {}, {}};
    for (const Operand& operand : operands_) {
      slot.operands.emplace_back(operand.layout, engine_, nullptr);
      slot.arguments[operand.argument] = slot.operands.back();
    }
    slot.operands.emplace_back(scratchpad_, engine_, nullptr);
    slot.arguments[DNNL_ARG_SCRATCHPAD] = slot.operands.back();
    slots_.push_back(std::move(slot));
  }
}

void Prepared::run(int slot, const std::array<void*, 4>& data, void* scratchpad) {
  Slot& mine = slots_[static_cast<std::size_t>(slot)];
  for (std::size_t i = 0; i < operands_.size(); ++i) mine.operands[i].set_data_handle(data[i]);
  mine.operands.back().set_data_handle(scratchpad);
  const OneThread alone;
  primitive_.execute(mine.stream, mine.arguments);
}

Reordering::Reordering(const dnnl::engine& engine, const dnnl::memory::desc& from,
                       const dnnl::memory::desc& to)
    : stream_(engine), from_(from, engine, nullptr), to_(to, engine, nullptr) {
  if (from == to) return;
  check_code_room();
  primitive_ = dnnl::reorder(from_, to_);
}

void Reordering::run(void* from, void* to) {
  from_.set_data_handle(from);
  to_.set_data_handle(to);
  const OneThread alone;
  primitive_.execute(stream_, {{DNNL_ARG_FROM, from_}, {DNNL_ARG_TO, to_}});
}

std::size_t PrimitiveKeyHash::operator()(const PrimitiveKey& key) const {
  std::uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a over words
  for (const std::int64_t word : key) {
    hash = (hash ^ static_cast<std::uint64_t>(word)) * 0x100000001B3u;
  }
  return hash ^ (hash >> 32);
}

}  // namespace paretiny::cpu
