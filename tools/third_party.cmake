# Everything that is not ours: where it is found, and which folder of src may link it.
# docs/dependencies.md says why each is in.

# -- The cache that tools/setup fills from pins.tsv: ${pin_<name>} is a pin's unpacked folder.
if(DEFINED ENV{MILLRACE_CACHE})
  set(cache $ENV{MILLRACE_CACHE})
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(cache $ENV{XDG_CACHE_HOME}/millrace)
else()
  set(cache $ENV{HOME}/.cache/millrace)
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS tools/pins.tsv)
file(STRINGS tools/pins.tsv pins REGEX "\tbuild\t")
foreach(pin IN LISTS pins)
  string(REGEX MATCH "^([^\t]+)\t([^\t]+)\t" _ "${pin}")
  set(pin_${CMAKE_MATCH_1} ${cache}/${CMAKE_MATCH_1}-${CMAKE_MATCH_2})
  if(NOT EXISTS ${cache}/${CMAKE_MATCH_1}-${CMAKE_MATCH_2})
    message(FATAL_ERROR "${CMAKE_MATCH_1} ${CMAKE_MATCH_2} is missing: run tools/setup build")
  endif()
endforeach()

find_package(fmt REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(md4c REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Threads REQUIRED)
find_package(CURL REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)

# -- Loaded at run time from lib/millrace: beside the binary in a build folder (as links into the
# cache), at ../lib/millrace when installed. The RPATH follows the same rule.
set(adbc_driver ${pin_adbc_driver_postgresql}/adbc_driver_postgresql)
set(run_time_libraries ${pin_libduckdb}/libduckdb.so ${adbc_driver}/libadbc_driver_postgresql.so)
foreach(name httpfs aws)
  file(GLOB extension ${pin_duckdb_extension_${name}}/*/extensions/*/${name}.duckdb_extension)
  list(APPEND run_time_extensions ${extension})
endforeach()

set(run_time ${CMAKE_BINARY_DIR}/lib/millrace)
file(MAKE_DIRECTORY ${run_time}/extensions)
foreach(file IN LISTS run_time_libraries)
  cmake_path(GET file FILENAME name)
  file(CREATE_LINK ${file} ${run_time}/${name} SYMBOLIC)
endforeach()
foreach(file IN LISTS run_time_extensions)
  cmake_path(GET file FILENAME name)
  file(CREATE_LINK ${file} ${run_time}/extensions/${name} SYMBOLIC)
endforeach()
# What `serve` shows under /docs.
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/docs ${run_time}/docs SYMBOLIC)
set(CMAKE_BUILD_RPATH "$ORIGIN/lib/millrace")
set(CMAKE_INSTALL_RPATH "$ORIGIN/../lib/millrace")

# -- Libraries that are not packages.
add_library(duckdb SHARED IMPORTED)
set_target_properties(duckdb PROPERTIES
  IMPORTED_LOCATION ${run_time}/libduckdb.so
  INTERFACE_INCLUDE_DIRECTORIES ${pin_duckdb}/external/duckdb/src/include)

set(manager ${pin_adbc_driver_manager}/adbc_driver_manager)
add_library(adbc_manager STATIC
  ${manager}/adbc_driver_manager.cc ${manager}/adbc_driver_manager_api.cc
  ${manager}/adbc_driver_manager_driver_loading.cc ${manager}/adbc_driver_manager_profiles.cc)
target_include_directories(adbc_manager SYSTEM PUBLIC ${manager})
target_compile_options(adbc_manager PRIVATE -w)
target_link_libraries(adbc_manager PUBLIC ${CMAKE_DL_LIBS})

# Its C sources lie in the sdist of its Python package, with those of flatcc that it needs.
set(nanoarrow ${pin_nanoarrow}/subprojects/arrow-nanoarrow/src)
file(GLOB flatcc ${pin_nanoarrow}/subprojects/flatcc-*)
foreach(part MAJOR MINOR PATCH)
  set(NANOARROW_VERSION_${part} 0)  # Shown nowhere; pins.tsv has the version.
endforeach()
configure_file(${nanoarrow}/nanoarrow/nanoarrow_config.h.in
  ${CMAKE_BINARY_DIR}/nanoarrow/nanoarrow/nanoarrow_config.h)
add_library(nanoarrow STATIC
  ${nanoarrow}/nanoarrow/common/array.c ${nanoarrow}/nanoarrow/common/array_stream.c
  ${nanoarrow}/nanoarrow/common/schema.c ${nanoarrow}/nanoarrow/common/utils.c
  ${nanoarrow}/nanoarrow/ipc/codecs.c ${nanoarrow}/nanoarrow/ipc/decoder.c
  ${nanoarrow}/nanoarrow/ipc/encoder.c ${nanoarrow}/nanoarrow/ipc/reader.c
  ${nanoarrow}/nanoarrow/ipc/writer.c
  ${flatcc}/src/runtime/builder.c
  ${flatcc}/src/runtime/emitter.c ${flatcc}/src/runtime/refmap.c ${flatcc}/src/runtime/verifier.c)
target_include_directories(nanoarrow SYSTEM PUBLIC
  ${nanoarrow} ${CMAKE_BINARY_DIR}/nanoarrow ${flatcc}/include)
target_compile_options(nanoarrow PRIVATE -w)

add_library(soci INTERFACE)
target_include_directories(soci SYSTEM INTERFACE /usr/include/soci /usr/include/postgresql)
target_link_libraries(soci INTERFACE soci_core soci_sqlite3 SQLite::SQLite3)

# -- Who may link what. Header-only libraries of the system need no row.
set(third_party_base fmt::fmt Threads::Threads CURL::libcurl)
set(third_party_arrow nanoarrow)
set(third_party_model OpenSSL::Crypto)
set(third_party_engine duckdb)
set(third_party_warehouse duckdb adbc_manager PostgreSQL::PostgreSQL)
set(third_party_catalog soci)
set(third_party_notify CURL::libcurl OpenSSL::Crypto)
set(third_party_definition tomlplusplus::tomlplusplus PkgConfig::sodium)
set(third_party_api md4c::md4c-html PkgConfig::sodium OpenSSL::SSL)
