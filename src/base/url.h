#pragma once

#include <string_view>

namespace millrace {

/// Whether nobody else can read what travels to this address: https, or http to this machine.
bool is_private(std::string_view url);

}  // namespace millrace
