#pragma once

#include <string>

namespace millrace {

/// A value that must not be printed: no stream, fmt or JSON form exists. `reveal` is the only way
/// out and is called at the border that needs it. Wiped when destroyed or overwritten.
class Secret {
 public:
  Secret() = default;
  /// Wipes the argument's own copy too.
  explicit Secret(std::string value);
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other);
  ~Secret();

  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

}  // namespace millrace
