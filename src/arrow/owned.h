#pragma once

#include <utility>

#include "arrow/c_abi.h"

namespace millrace::arrow {

/// A C struct (a schema, an array) that is released with its owner, once it holds anything.
template <class C>
class Owned {
 public:
  Owned() = default;
  ~Owned() {
    if (held_.release != nullptr) held_.release(&held_);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  C* operator->() { return &held_; }
  C& operator*() { return held_; }
  /// Hands over what it holds.
  C give() { return std::exchange(held_, C{}); }

 private:
  C held_{};
};

}  // namespace millrace::arrow
