# Fails where a command of the build in BUILD holds what find_program() and its like give for "nothing".
cmake_minimum_required(VERSION 3.25)
file(STRINGS ${BUILD}/build.ninja found REGEX "[A-Za-z]-NOTFOUND")
if(found)
  list(GET found 0 first)
  message(FATAL_ERROR "${BUILD}/build.ninja runs what was not found: ${first}")
endif()
