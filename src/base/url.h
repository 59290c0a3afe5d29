#pragma once

#include <string>
#include <string_view>

namespace millrace {

/// Whether nobody else can read what travels to this address: https, or http to this machine.
bool is_private(std::string_view url);

/// Host and port of an address, without what may be a secret: a path, a query, who logs in. Empty
/// where there is no scheme.
std::string host_of(std::string_view url);

}  // namespace millrace
