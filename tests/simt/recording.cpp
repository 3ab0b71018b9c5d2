#include "tests/simt/recording.h"

#include "base/error.h"

namespace paretiny::simt {

/// What a recording has been given.
class Tape {
 public:
  void note(const Given& given) {
    if (recording_) {
      given_.push_back(given);
      return;
    }
    if (next_ >= given_.size()) {
      throw DeviceError("a replayed step goes on with " + given.name_ + ", which was not recorded");
    }
    const Given& then = given_[next_++];
    if (then.name_ != given.name_) {
      throw DeviceError("a replayed step has " + given.name_ + " where " + then.name_ +
                        " was recorded");
    }
    if (then != given) {
      throw DeviceError("a replayed step has other arguments of " + given.name_ +
                        " than were recorded");
    }
  }

  void begin(bool recording) {
    recording_ = recording;
    next_ = 0;
    if (recording) given_.clear();
  }
  void end() const {
    if (!recording_ && next_ != given_.size()) {
      throw DeviceError("a replayed step ends before " + given_[next_].name_ +
                        ", which was recorded");
    }
  }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const Given& given : given_) all.push_back(given.name_);
    return all;
  }

 private:
  std::vector<Given> given_;
  std::size_t next_ = 0;
  bool recording_ = false;
};

namespace {

thread_local Tape* current = nullptr;
thread_local std::vector<std::string> captured;

class Recorded : public Recording {
 public:
  Recorded(Stream& stream, std::function<void()> work) : stream_(stream), work_(std::move(work)) {}

  void run() override {
    if (!tried_) {
      work_();
      tried_ = true;
      return;
    }
    // Where the scratch has moved a step is captured anew.
    const std::uint64_t moves = stream_.scratch().moves();
    const bool records = !recorded_ || moves_ != moves;
    tape_.begin(records);
    recorded_ = true;
    moves_ = moves;
    current = &tape_;
    try {
      work_();
    } catch (...) {
      current = nullptr;
      recorded_ = false;
      throw;
    }
    current = nullptr;
    tape_.end();
    if (records) captured = tape_.names();
  }

 private:
  Stream& stream_;
  std::function<void()> work_;
  Tape tape_;
  bool tried_ = false;
  bool recorded_ = false;
  std::uint64_t moves_ = 0;
};

}  // namespace

std::unique_ptr<Recording> record(Stream& stream, std::function<void()> work) {
  return std::make_unique<Recorded>(stream, std::move(work));
}

const std::vector<std::string>& last_captured() {
  return captured;
}

void Given::note() const {
  if (current != nullptr) current->note(*this);
}

void forbid_while_recording(const char* what) {
  if (current != nullptr) {
    throw DeviceError(std::string(what) + " while a step is recorded, which CUDA forbids");
  }
}

}  // namespace paretiny::simt
