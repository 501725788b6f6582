# Sourced by the test scripts: runs named checks, shows what failed, counts. A script that sources it ends with `summary`.

passed=0
failed=0

# check NAME COMMAND...: one check; its output is shown when it fails.
check() {
  local name=$1 output status
  shift
  # Not as a condition: there `set -e` would be off inside the command too.
  set +e
  output=$(set -e; "$@" 2>&1 </dev/null)
  status=$?
  set -e
  if [[ $status == 0 ]]; then
    passed=$((passed + 1))
    echo "ok   $name"
  else
    failed=$((failed + 1))
    echo "FAIL $name"
    tail -n 60 <<<"$output" | sed 's/^/     | /'
  fi
}

# Prints the closing line that test/run reads; fails if a check failed.
summary() {
  echo "$passed passed, $failed failed"
  [[ $failed == 0 && $passed != 0 ]]
}
