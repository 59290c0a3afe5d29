#include "definition/document.h"
#include "definition/tables.h"

namespace millrace::definition {

Ingestion as_defined(const Ingestion& ingestion, const Configuration& configuration) {
  const FileText file{.name = "the request", .text = to_toml(ingestion)};
  const Node root = parse_toml(file.text, file.name);
  Ingestion read =
      read_ingestion(root.find("ingestion")->value.members.front(), {configuration, file});
  read.id = ingestion.id;
  read.kind = ingestion.kind;
  read.managed_by = ingestion.managed_by;
  check_fits_kind(read);
  return read;
}

}  // namespace millrace::definition
