"""Runs the checks: each gets a coordinator and branch services of its own, and the databases as they were at the start.

What happened is asked of the databases and of the branch services, not of the client's word.
"""

import concurrent.futures
import contextlib
import io
import os
import pathlib
import signal
import sys
import tempfile
import time
import traceback
import types

import go_barriers
import json_rpc
import message
import saga
import tcc
import workflow
import xa
from branches import Branches
from servers import Coordinator, MariaDb, Postgres, Redis

PARTS = {'saga': saga, 'tcc': tcc, 'message': message, 'xa': xa, 'barriers': go_barriers, 'json_rpc': json_rpc, 'workflow': workflow}
CHECK_SECONDS = 180


def start_databases(stack):
    """Name → server; they are started at the same time, and stopped at the end."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    os.chmod(folder, 0o755)  # PostgreSQL runs as a user of its own
    started = {}
    stack.callback(lambda: [future.result().stop() for future in started.values() if not future.exception()])
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for name, kind in (('my', MariaDb), ('pg', Postgres), ('redis', Redis)):
            started[name] = pool.submit(kind, folder)
    return {name: future.result() for name, future in started.items()}


@contextlib.contextmanager
def world_of(build, databases):
    with contextlib.ExitStack() as stack:
        for database in databases.values():
            database.start()  # the check before may have left it dead
            database.start_over()
        branches = Branches(databases)
        stack.callback(branches.close)
        coordinator = Coordinator(build, stack.enter_context(tempfile.TemporaryDirectory()))
        stack.callback(coordinator.kill)  # before the branches, so that nobody calls them any more
        yield types.SimpleNamespace(coordinator=coordinator, branches=branches, **databases)


def wrong(check, build, databases):
    """What went wrong, how all stands, and what the SDK and others said meanwhile; empty: nothing."""
    said = io.StringIO()
    signal.alarm(CHECK_SECONDS)
    try:
        with world_of(build, databases) as world, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                check(world)
            except (Exception, Late):
                said.write(f'\n{traceback.format_exc()}calls: {world.branches.calls}\n')
                said.write(''.join(f'{name}: {database.balances()}\n' for name, database in databases.items()))
                return said.getvalue()
        return ''
    except (Exception, Late):
        return said.getvalue() + traceback.format_exc()
    finally:
        signal.alarm(0)


class Late(BaseException):
    """A check hangs; nobody who waits for something to go well takes this for a no."""


def late(*_):
    raise Late(f'not done within {CHECK_SECONDS} s')


def wanted(names):
    """Part and check of those that are named, or of all."""
    checks = [(part, check) for part, module in PARTS.items() for check in module.CHECKS]
    return [(part, check) for part, check in checks if not names or part in names or f'{part}.{check.__name__}' in names]


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    assert (build / 'demo/server').exists(), 'demo/server is not built'
    checks = wanted(sys.argv[2:])
    signal.signal(signal.SIGALRM, late)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('ended'))  # so that the servers are stopped
    failed = 0
    with contextlib.ExitStack() as stack:
        databases = start_databases(stack)
        for part, check in checks:
            begun = time.monotonic()
            text = wrong(check, build, databases)
            failed += bool(text)
            name = f'{part}: ' + check.__name__.replace('_', ' ')
            print(f'FAIL {name}\n     | ' + text.strip().replace('\n', '\n     | ') if text else
                  f'ok   {name} ({time.monotonic() - begun:.1f} s)', flush=True)
    print(f'{len(checks) - failed} passed, {failed} failed')
    return 1 if failed or not checks else 0


if __name__ == '__main__':
    sys.exit(main())
