# The flags every object of the project is compiled with, and the three functions that every
# folder's CMakeLists.txt uses: ginn_library, ginn_test, ginn_program.

add_library(ginn_flags INTERFACE)
target_include_directories(ginn_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
# -ffp-contract=off: a*b+c is two roundings unless the source says fma (docs/arithmetic.md).
target_compile_options(ginn_flags INTERFACE
  -ffp-contract=off -fno-math-errno -fno-trapping-math -fno-strict-aliasing
  -fstack-protector-strong
  -Wall -Wextra -Wconversion -Wshadow -Wswitch-enum
  $<$<BOOL:${GINN_WERROR}>:-Werror>)
set(GINN_TEST_SECONDS 600)  # of one test
if(GINN_SANITIZE)
  set(GINN_TEST_SECONDS 3600)
  target_compile_options(ginn_flags INTERFACE -fsanitize=${GINN_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(ginn_flags INTERFACE -fsanitize=${GINN_SANITIZE})
endif()

# ginn_library(NAME SOURCES a.cpp ... DEPS ginn_base ...): one static library a folder.
function(ginn_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ginn_flags ${ARG_DEPS})
endfunction()

# ginn_test(NAME SOURCES a_test.cpp ... DEPS ... [LABELS quick]): one GoogleTest binary a folder;
# ctest sees every case. Tests labelled "quick" together stay under two minutes.
function(ginn_test name)
  if(NOT GINN_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})  # "tests/support/..."
  if(NOT ARG_LABELS)
    set(ARG_LABELS quick)
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${GINN_TEST_SECONDS})
endfunction()

# ginn_program(NAME SOURCES main.cpp ... DEPS ...): an executable in build/PRESET/bin.
function(ginn_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ginn_flags ${ARG_DEPS})
endfunction()
