# Helpers that keep every CMakeLists.txt at a line or two. Sources are globbed with CONFIGURE_DEPENDS: with Ninja (fixed by
# the presets) that is checked in milliseconds, and adding a file is all there is to adding a pass or an architecture.

option(LATHE_SANITIZE "address and undefined-behaviour sanitizers, and the fuzz targets" OFF)

add_compile_options(-Wall -Wextra -Wno-unused-parameter -Werror=return-type -fno-rtti)
include_directories(${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR}/runtime/include)
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS} ${LLD_INCLUDE_DIRS})
if(LATHE_SANITIZE)
  # vptr needs RTTI of LLVM's classes, which the package has under another compiler's names.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr,function -fno-sanitize-recover=undefined)
  add_compile_options(-fsanitize=fuzzer-no-link) # what the fuzz targets steer by
  add_link_options(-fsanitize=address,undefined)
endif()

# All tablegen hangs off one target: no missing-dependency races.
add_custom_target(lathe-headers)

# What nearly every file includes, parsed once for all: each of them compiles in a third of the time. The precompiled
# header holds for one level of optimisation; the presets name it. What takes the time at -O1, too, is LLVM's own library
# (optimised by its package), the loops over weights (LatheWeights) and the runtime (lrt), which have their own.
file(WRITE ${CMAKE_BINARY_DIR}/Precompiled.cpp "")
add_library(lathe-precompiled OBJECT ${CMAKE_BINARY_DIR}/Precompiled.cpp)
target_precompile_headers(lathe-precompiled PRIVATE ${CMAKE_CURRENT_LIST_DIR}/Precompiled.h)
target_compile_options(lathe-precompiled PRIVATE "SHELL:-Xclang -fno-pch-timestamp")

function(lathe_precompiled name)
  target_precompile_headers(${name} REUSE_FROM lathe-precompiled)
  target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
endfunction()

# lathe_add_library(Name [LINK lib...]): every .cpp below the calling folder.
function(lathe_add_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cpp)
  if(NOT sources)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${ARG_LINK})
    return()
  endif()
  add_library(${name} STATIC ${sources})
  add_dependencies(${name} lathe-headers)
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  lathe_precompiled(${name})
endfunction()

# lathe_tablegen(FILE.td generator output ...): -gen-<generator> into <output> beside the build's copy of the source.
function(lathe_tablegen td)
  set(outputs)
  file(RELATIVE_PATH here ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  set(args ${ARGN})
  file(GLOB_RECURSE tds CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/dialects/*.td)
  while(args)
    list(POP_FRONT args generator output)
    string(REPLACE " " ";" generator "${generator}")
    add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${output}
      COMMAND /usr/lib/llvm-22/bin/mlir-tblgen --write-if-changed ${generator} -I ${CMAKE_SOURCE_DIR} -I ${MLIR_INCLUDE_DIRS}
              ${CMAKE_CURRENT_SOURCE_DIR}/${td} -o ${CMAKE_CURRENT_BINARY_DIR}/${output}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${td} ${tds} VERBATIM)
    list(APPEND outputs ${CMAKE_CURRENT_BINARY_DIR}/${output})
  endwhile()
  string(REPLACE "/" "-" target "${here}-${td}")
  add_custom_target(tablegen-${target} DEPENDS ${outputs})
  add_dependencies(lathe-headers tablegen-${target})
endfunction()

# lathe_add_tool(name SOURCE LINK lib...)
function(lathe_add_tool name source)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${source})
  add_dependencies(${name} lathe-headers)
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  lathe_precompiled(${name})
endfunction()
