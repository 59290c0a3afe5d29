#include "base/secret.h"

#include <cstring>

namespace millrace {
namespace {

/// The spare capacity counts: an earlier, longer value may still lie there.
void wipe(std::string& value) {
  value.resize(value.capacity());
  explicit_bzero(value.data(), value.size());
  value.clear();
}

}  // namespace

Secret::Secret(std::string value) : value_(value) { wipe(value); }

Secret& Secret::operator=(const Secret& other) {
  if (this == &other) return *this;
  wipe(value_);
  value_ = other.value_;
  return *this;
}

Secret::~Secret() { wipe(value_); }

}  // namespace millrace
