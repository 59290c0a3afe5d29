#pragma once

#include <stop_token>

#include "warehouse/libpq_reader.h"

namespace millrace::warehouse {

/// Tunnel, reach, encrypt, log in, read only, list tables: each step with what was found, the first
/// failure with what to do. Never throws. `server` tells product and version once logged in.
ProbeReport probe_libpq(LibpqReader& reader, const Dialect& dialect,
                        const std::function<std::string(std::stop_token)>& server,
                        std::stop_token stop);

}  // namespace millrace::warehouse
