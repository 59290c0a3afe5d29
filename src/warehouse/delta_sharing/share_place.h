#pragma once

#include <memory>

#include "warehouse/delta_sharing/sharing_api.h"
#include "warehouse/lake/place.h"

namespace millrace::warehouse::delta_sharing {

/// The shared tables, named 'share.schema.table' in SQL. A Delta file never changes and keeps its
/// id, so each is fetched once a session, into a scratch folder of it and its twins; and only
/// where its statistics or its partition say that it may hold rows of the days that are asked for.
std::unique_ptr<lake::Place> share_place(SharingApi api);

}  // namespace millrace::warehouse::delta_sharing
