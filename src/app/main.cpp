#include <string_view>

#include "cli/command_line.h"
#include "pipeline/worker.h"

int main(int argc, char** argv) {
  // The same binary serves as the child that talks to warehouses; see pipeline/worker.h.
  if (argc == 2 && std::string_view(argv[1]) == "warehouse-worker") {
    return millrace::pipeline::worker_main();
  }
  return millrace::cli::run(argc, argv);
}
