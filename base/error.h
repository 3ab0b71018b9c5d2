// The kinds of failure a user can cause or meet. Each carries one sentence: what was wrong,
// where, and what would be right. The program maps a kind to its exit code (docs/cli.md).
#pragma once

#include <stdexcept>

namespace paretiny {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A wrong argument, option, experiment key or shape.
class UsageError : public Error {
  using Error::Error;
};

/// A file that is missing, truncated, damaged or out of range.
class DataError : public Error {
  using Error::Error;
};

/// A device that is absent, too old, lost, or has no twin of an op.
class DeviceError : public Error {
  using Error::Error;
};

/// A device that stopped working for good: this process can compute nothing more on it.
class DeviceLost : public DeviceError {
  using DeviceError::DeviceError;
};

/// A plan or an allocation larger than the device's memory.
class OutOfMemory : public Error {
  using Error::Error;
};

/// A study's store that cannot be opened, read or written, or belongs to another study.
class StoreError : public Error {
  using Error::Error;
};

/// A loss or an activation that is infinite or NaN.
class DivergedError : public Error {
  using Error::Error;
};

/// A program that is needed for this step, such as a cross compiler, is missing or failed.
class ToolError : public Error {
  using Error::Error;
};

/// Somebody asked to stop.
class Interrupted : public Error {
  using Error::Error;
};

}  // namespace paretiny
