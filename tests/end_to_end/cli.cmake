# The programs as a person runs them. cli_lab.py is what the scripts share.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# ginn_cli_test(SCRIPT LABEL [ARGUMENTS...])
function(ginn_cli_test script label)
  add_test(NAME end_to_end.${script}
           COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_SOURCE_DIR}/tests/end_to_end/${script}.py
                   $<TARGET_FILE_DIR:ginn> ${ARGN})
  set_tests_properties(end_to_end.${script} PROPERTIES LABELS ${label} TIMEOUT ${GINN_TEST_SECONDS}
                       ENVIRONMENT "GINN_SANITIZE=${GINN_SANITIZE}")
endfunction()

if(TARGET ginn)
  ginn_cli_test(cli_test quick)
  ginn_cli_test(cli_run_test runs)
  ginn_cli_test(cli_audit_test runs)
  ginn_cli_test(cli_attack_test runs)
  ginn_cli_test(cli_policy_test runs)
  ginn_cli_test(cli_transfer_test runs)
  ginn_cli_test(cli_fault_test quick)
  ginn_cli_test(protocol_client_test runs)
  # A few here; many by hand (docs/performance.md).
  ginn_cli_test(kill_campaign runs --kills 6)
endif()
