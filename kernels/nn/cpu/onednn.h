// oneDNN, confined to this folder: prepared primitives, kept with the stream. Builds against
// oneDNN 2.x and 3.x; the difference is in `describe`.
//
// oneDNN shares sums out by the number of threads, and so rounds by it. Here every primitive is
// prepared for one thread and a fixed part of the batch; the parts are what our threads share.
#pragma once

#include <array>
#include <list>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "kernels/core/stream.h"

namespace paretiny::cpu {

/// While it lives, oneDNN prepares and computes for the calling thread alone.
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

/// oneDNN writes through a null pointer where it has no room for the code that it generates, so
/// room for a primitive's code is looked for before it is made. Throws OutOfMemory.
void check_code_room();

/// The descriptor of a primitive whose scratchpad the caller gives. `hint`: the forward
/// descriptor of a backward primitive, or nothing.
template <class Primitive, class... Arguments, class... Hint>
typename Primitive::primitive_desc describe(const dnnl::engine& engine,
                                            const std::tuple<Hint...>& hint,
                                            const Arguments&... arguments) {
  check_code_room();
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return std::apply(
      [&](const Hint&... forward) {
#if DNNL_VERSION_MAJOR < 3
        return typename Primitive::primitive_desc(typename Primitive::desc(arguments...),
                                                  attributes, engine, forward...);
#else
        return typename Primitive::primitive_desc(engine, arguments..., forward..., attributes);
#endif
      },
      hint);
}

/// A primitive for one thread; several threads may run it at a time, each in its own slot.
class Prepared {
 public:
  struct Operand {
    int argument;  ///< DNNL_ARG_...
    dnnl::memory::desc layout;
  };

  /// `operands`: without the scratchpad.
  Prepared(const dnnl::engine& engine, dnnl::primitive primitive, std::string name,
           const dnnl::memory::desc& scratchpad, std::vector<Operand> operands);

  /// Slots 0 .. count-1 exist from now on.
  void reserve_slots(int count);
  /// `data`: a pointer an operand, in their order. `scratchpad`: of `scratchpad_bytes`.
  void run(int slot, const std::array<void*, 4>& data, void* scratchpad);

  std::size_t scratchpad_bytes() const { return scratchpad_.get_size(); }
  /// oneDNN's name of the implementation.
  const std::string& name() const { return name_; }

 private:
  struct Slot {
    dnnl::stream stream;
    std::vector<dnnl::memory> operands;  ///< and the scratchpad
    std::unordered_map<int, dnnl::memory> arguments;
  };
  dnnl::engine engine_;
  dnnl::primitive primitive_;
  std::string name_;
  std::vector<Operand> operands_;
  dnnl::memory::desc scratchpad_;
  std::vector<Slot> slots_;
};

/// Copies a tensor from one layout into another; nothing where they agree.
class Reordering {
 public:
  Reordering(const dnnl::engine& engine, const dnnl::memory::desc& from,
             const dnnl::memory::desc& to);

  explicit operator bool() const { return static_cast<bool>(primitive_); }
  void run(void* from, void* to);

 private:
  dnnl::stream stream_;
  dnnl::memory from_, to_;
  dnnl::primitive primitive_;
};

/// What a primitive was prepared for, as numbers.
using PrimitiveKey = std::array<std::int64_t, 24>;

struct PrimitiveKeyHash {
  std::size_t operator()(const PrimitiveKey& key) const;
};

/// The entries used last. A search meets new shapes with every candidate, and generated code is
/// large: what has not been used for long goes. Several networks' worth are kept.
template <class Entry>
class PrimitiveCache {
 public:
  /// Null when nothing was prepared for `key`. What it points to lives until the next `insert`.
  Entry* find(const PrimitiveKey& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }

  Entry& insert(const PrimitiveKey& key, Entry entry) {
    if (entries_.size() == kCapacity) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, std::move(entry));
    index_[key] = entries_.begin();
    return entries_.front().second;
  }

 private:
  /// A network of 100 layers prepares 300 primitives, forward and for two gradients. A search goes
  /// through thousands of networks, so that the list must end somewhere.
  static constexpr std::size_t kCapacity = 512;
  using Keyed = std::pair<PrimitiveKey, Entry>;

  std::list<Keyed> entries_;  ///< the one used last in front
  std::unordered_map<PrimitiveKey, typename std::list<Keyed>::iterator, PrimitiveKeyHash> index_;
};

/// What a stream keeps prepared.
template <class Entry>
struct KeptPrimitives {
  explicit KeptPrimitives(const Stream&) {
    // oneDNN keeps a cache of its own, which would hold on to what ours lets go.
    dnnl::set_primitive_cache_capacity(128);
  }

  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  PrimitiveCache<Entry> by_key;
};

}  // namespace paretiny::cpu
