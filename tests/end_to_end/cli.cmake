# The programs as a person runs them. cli_lab.py is what the scripts share.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
foreach(script cli_test cli_run_test)
  add_test(NAME end_to_end.${script}
           COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/${script}.py
                   $<TARGET_FILE_DIR:ginn>)
  set_tests_properties(end_to_end.${script} PROPERTIES LABELS cli TIMEOUT 600)
endforeach()
