#pragma once

#include <span>
#include <string_view>

namespace millrace::catalog {

/// Statements by schema: migration n leads from schema n to n + 1. Never edit one that was
/// released; add another.
std::span<const std::span<const std::string_view>> migrations();

}  // namespace millrace::catalog
