# tests/build/no_notfound.cmake can fail: SCRIPT is that, FOLDER is ours.
cmake_minimum_required(VERSION 3.25)
file(WRITE ${FOLDER}/build.ninja "  command = /usr/bin/c++ -c x.cpp\n")
execute_process(COMMAND ${CMAKE_COMMAND} -DBUILD=${FOLDER} -P ${SCRIPT} RESULT_VARIABLE clean)
file(WRITE ${FOLDER}/build.ninja "  command = CCACHE-NOTFOUND /usr/bin/c++ -c x.cpp\n")
execute_process(COMMAND ${CMAKE_COMMAND} -DBUILD=${FOLDER} -P ${SCRIPT} RESULT_VARIABLE broken
                ERROR_VARIABLE sentence)
if(NOT clean EQUAL 0 OR broken EQUAL 0 OR NOT sentence MATCHES "CCACHE-NOTFOUND")
  message(FATAL_ERROR "a clean build gave ${clean}, a broken one ${broken}: ${sentence}")
endif()
