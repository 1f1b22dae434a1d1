# shellcheck shell=bash
# .make/sum-up-tests

sum_up() { "$REPO/.make/sum-up-tests" "$1" | tail -n 1; }

test_results_of_several_runners_are_added_up() {
    local sum
    sum=$(printf '%s\n' \
        'test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s' \
        'not a test result: ok. 70 passed; 70 failed; 70 ignored' \
        'test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out' | sum_up 0)
    [[ $sum == '7 passed, 0 failed, 1 skipped' ]]
}

test_a_failure_fails_the_run_whatever_the_runner_says() {
    local sum
    ! sum=$(echo 'test result: FAILED. 3 passed; 2 failed; 0 ignored' | sum_up 0) || return 1
    [[ $sum == '3 passed, 2 failed, 0 skipped' ]]
}

test_a_runner_that_dies_counts_as_a_failure() {
    local sum
    ! sum=$(echo 'test result: ok. 3 passed; 0 failed; 0 ignored' | sum_up 101) || return 1
    [[ $sum == '3 passed, 1 failed, 0 skipped' ]]
}

test_a_run_without_tests_fails() {
    local sum
    ! sum=$(sum_up 0 </dev/null) || return 1
    [[ $sum == '0 passed, 1 failed, 0 skipped' ]]
}
