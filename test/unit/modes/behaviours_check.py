#!/usr/bin/env python3
"""Checks test/behaviours.md: every row is there once and says something, and each test case that it names is in the named file.

Usage: behaviours_check.py TEST_DIRECTORY
"""

import pathlib
import re
import sys

# The rows of each part: "O" stands for O1 to O10.
ROWS = {'P': 17, 'A': 40, 'J': 11, 'L': 21, 'S': 23, 'C': 15, 'X': 16, 'M': 18, 'O': 10, 'W': 28, 'B': 21, 'N': 7, 'R': 15}
NAMED = re.compile(r'`([\w/]+\.(?:cc|py))` "([^"]+)"')
CASE = re.compile(r'TEST_CASE\(\s*((?:"[^"]*"\s*)+)\)')
CHECK = re.compile(r'^def (\w+)\(world', re.M)


def cases(file):
    """The names of a file's test cases; a name may be written as several literals. Of Python its checks, with blanks."""
    text = file.read_text(encoding='utf-8') if file.exists() else ''
    if file.suffix == '.py':
        return {name.replace('_', ' ') for name in CHECK.findall(text)}
    return {''.join(re.findall(r'"([^"]*)"', names)) for names in CASE.findall(text)}


def wrong(text, test):
    """Yields what is wrong with the table."""
    rows = re.findall(r'^\| ([A-Z]\d+) \| (.*?) \| (.*?) \|$', text, re.M)
    expected = [f'{part}{i}' for part, count in ROWS.items() for i in range(1, count + 1)]
    if [row[0] for row in rows] != expected:
        yield 'the rows are not each there once, in order'
    for row, _, shown in rows:
        if not (NAMED.search(shown) or re.match(r'ours: |left out: ', shown)):
            yield f'{row} says nothing'
    for file, name in NAMED.findall(text):
        if name not in cases(test / file if file.endswith('.py') else test / 'unit' / file):
            yield f'{file} has no test case "{name}"'


def self_test(test):
    """A check that sees nothing would pass for ever."""
    seen = list(wrong('| L1 | x |  |\n| L2 | x | `a/no.cc` "nothing"; `interop/xa.py` "nothing"; `interop/xa.py` "success" |', test))
    return len(seen) == 4


def main():
    test = pathlib.Path(sys.argv[1])
    found = list(wrong((test / 'behaviours.md').read_text(encoding='utf-8'), test))
    if not self_test(test):
        found.append('the check does not see what is wrong')
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
