#include "warehouse/files/kind.h"

#include "warehouse/files/folder_place.h"
#include "warehouse/lake/connector.h"

namespace millrace::warehouse::files {
namespace {

constexpr Setting kSettings[] = {
    {.name = "path",
     .help = "Folder of Parquet, CSV or JSON files, below one of the server's [files] roots",
     .example = "/data/shop",
     .required = true,
     .below_roots = true},
};

std::unique_ptr<Connector> open(const Session& session) {
  const Session filled = with_fallbacks(session, kSettings);
  return std::make_unique<lake::LakeConnector>(folder_place(filled.get("path"), filled.roots));
}

}  // namespace

constinit const Kind kKind{
    .name = "files",
    .title = "Files",
    .about =
        "A folder of Parquet, CSV or JSON files, read by SQL over globs or by the layout "
        "<folder>/<YYYY-MM-DD>/.",
    .settings = kSettings,
    .capabilities = {.folder_layout = true, .tells_writes = true, .reads_max = 2},
    .open = open,
};

}  // namespace millrace::warehouse::files
