# Which programs scripts/test builds for a filter: SCRIPT is tests/build/programs_of.cmake, FOLDER is ours.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${FOLDER})
file(WRITE ${FOLDER}/alpha_test.cpp "TEST(Wave, IsFlat) {\n\nTEST_P(Wave, Rises) {\nTEST_F(Wave,\n       Breaks) {\n")
file(WRITE ${FOLDER}/beta_test.cpp "TEST_F(Stone, Sinks) {\n")
file(WRITE ${FOLDER}/tests/programs.txt
"alpha_test|kernels,fast|alpha/|${FOLDER}/alpha_test.cpp
beta_test|nas|beta/|${FOLDER}/beta_test.cpp
alpha_simt_test|simt|simt/alpha/forward|${FOLDER}/alpha_test.cpp
")
# What beta_test said of itself when it was built.
file(WRITE "${FOLDER}/tests/beta_test[1]_tests.cmake" "add_test([=[beta/All/Stone.Skips/3]=] x)\n")

function(expect programs)
  execute_process(COMMAND ${CMAKE_COMMAND} -DBUILD=${FOLDER} ${ARGN} -P ${SCRIPT}
                  OUTPUT_VARIABLE found COMMAND_ERROR_IS_FATAL ANY)
  string(STRIP "${found}" found)
  string(REPLACE "\n" " " found "${found}")
  if(NOT found STREQUAL programs)
    message(SEND_ERROR "${ARGN}: '${found}' and not '${programs}'")
  endif()
endfunction()

expect("alpha_test alpha_simt_test" -DNAME=alpha)
expect("alpha_test" -DNAME=^alpha/)
expect("alpha_test" -DNAME=^alpha/Wave.IsFlat$)
expect("alpha_test alpha_simt_test" -DNAME=Breaks)
expect("beta_test" -DNAME=Sinks)
expect("beta_test" -DNAME=Skips/3$)
expect("alpha_simt_test" -DNAME=^simt/alpha/forward$)
expect("beta_test" -DLABELS=nas)
expect("alpha_test" "-DLABELS=fast\\;kernels")
expect("" -DLABELS=fast -DNAME=Sinks)
expect("" -DNAME=unheard_of)
