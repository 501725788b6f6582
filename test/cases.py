"""Used by test/run on the tests of a Meson build directory.

cases.py targets DIR SUITE   prints the files that must be built for the tests of a suite
cases.py count DIR           prints what the last `meson test` did, a line a program: doctest's cases, else the program as one
"""

import json
import pathlib
import re
import subprocess
import sys

CASES = re.compile(r'\[doctest\] test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed')
COLOUR = re.compile(r'\x1b\[[0-9;]*m')


def targets(directory, suite):
    def introspect(what):
        return json.loads(subprocess.check_output(['meson', 'introspect', directory, what]))

    files = {target['id']: target['filename'] for target in introspect('--targets')}
    wanted = set()
    for test in introspect('--tests'):
        if f'troth:{suite}' in test['suite']:
            wanted.update(file for target in test['depends'] for file in files[target])
    for file in sorted(wanted):
        print(pathlib.Path(file).relative_to(pathlib.Path(directory).resolve()))


def count(directory):
    log = pathlib.Path(directory) / 'meson-logs/testlog.json'
    tests = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    all_passed = all_failed = 0
    for test in tests:
        output = COLOUR.sub('', test.get('stdout', '') + test.get('stderr', ''))
        ended_well = test['result'] in ('OK', 'EXPECTEDFAIL')
        found = CASES.search(output)
        passed, failed = map(int, found.groups()) if found else (int(ended_well), int(not ended_well))
        if not ended_well and failed == 0:  # a crash, a sanitizer's report, a time-out
            failed = 1
        name = test['name'].split(' / ')[-1]
        print(f'{"FAIL" if failed else "ok  "} {name}: {passed} passed, {failed} failed, {test["duration"]:.1f} s')
        if failed:
            print(f'     | {test["result"]}, exit status {test["returncode"]}')
            print('\n'.join('     | ' + line for line in output.splitlines()[-150:]))
        all_passed += passed
        all_failed += failed
    print(f'{all_passed} passed, {all_failed} failed')
    return 0 if all_passed and not all_failed else 1


if __name__ == '__main__':
    if sys.argv[1] == 'targets':
        targets(*sys.argv[2:])
    else:
        sys.exit(count(*sys.argv[2:]))
