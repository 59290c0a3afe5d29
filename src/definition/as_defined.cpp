#include "definition/document.h"
#include "definition/tables.h"

namespace millrace::definition {

Ingestion as_defined(const Ingestion& ingestion, const Configuration& configuration) {
  const Node root = parse_toml(to_toml(ingestion), "the request");
  const Source source{.configuration = configuration,
                      .path = configuration.home,
                      .name = "the request",
                      .under_home = false};
  Ingestion read = read_ingestion(root.find("ingestion")->value.members.front(), source);
  read.id = ingestion.id;
  read.kind = ingestion.kind;
  read.managed_by = ingestion.managed_by;
  check_fits_kind(read);
  return read;
}

}  // namespace millrace::definition
