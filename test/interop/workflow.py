"""Workflows as dtm's Go SDK runs them: saga, TCC and XA steps on MariaDB and PostgreSQL.

Each of the functions here moves 30 from `a` in MariaDB to `a` in PostgreSQL.
"""

import concurrent.futures
import threading

import xa
from barriers import adjust
from servers import die, until
from wire import DtmError, Ongoing, Refused, error_of
from workflow_client import Program


def step(world, workflow, data, path, *phase_two):
    """A branch service that is called, and called again in the second phase."""
    url, payload = f'{world.branches.url}/{path}', {'amount': int(data)}
    workflow.new_branch(**{op: lambda: workflow.request(url, payload) for op in phase_two})
    workflow.request(url, payload)


def saga_steps(world, between=lambda: None):
    def function(workflow, data):
        step(world, workflow, data, 'my/out/a', 'rollback')
        between()
        step(world, workflow, data, 'pg/in/a', 'rollback')
        return 'moved'

    return function


def tcc_steps(world):
    def function(workflow, data):
        step(world, workflow, data, 'my/out/a', 'commit', 'rollback')
        step(world, workflow, data, 'pg/book/a', 'commit', 'rollback')
        return 'moved'

    return function


def xa_steps(world):
    def function(workflow, data):
        for database, sign in ((world.my, -1), (world.pg, 1)):
            workflow.new_branch()
            workflow.do_xa(database, lambda cursor: adjust(cursor, 'a', sign * int(data)))
        return 'moved'

    return function


def mixed_steps(world):
    def function(workflow, data):
        step(world, workflow, data, 'my/out/a', 'rollback')
        step(world, workflow, data, 'pg/book/a', 'commit', 'rollback')
        workflow.new_branch()
        workflow.do_xa(world.my, lambda cursor: adjust(cursor, 'b', 1))
        workflow.new_branch()
        return workflow.do(lambda: 'moved')  # a local step

    return function


def refused_by(function):
    """The same, and a last step that refuses."""
    def refusing(workflow, data):
        function(workflow, data)
        workflow.new_branch(rollback=lambda: 1 / 0)  # a step that refused is not rolled back itself
        workflow.do(refuse)

    def refuse():
        raise Refused('account closed')

    return refusing


def succeeds(world, program):
    """It has ended well: all is moved, and whoever runs it again is told its result, and calls nobody."""
    world.coordinator.await_status(program.gid, 'succeed')
    assert xa.moved(world)
    calls = world.branches.called()
    assert program.run() == 'moved'
    assert world.branches.called() == calls and xa.moved(world)


def fails(world, program, reason):
    """It was rolled back: all is as it was, and whoever runs it again is told why, and calls nobody."""
    world.coordinator.await_status(program.gid, 'failed')
    assert xa.unmoved(world) and world.my.balances() == {'a': 100, 'b': 100}
    calls = world.branches.called()
    error = error_of(program.run)
    assert isinstance(error, Refused) and reason in str(error), error
    assert world.branches.called() == calls


def saga_success(world):
    """Saga steps: called in order, recorded, and the result is kept."""
    program = Program(world, saga_steps(world))
    assert program.run() == 'moved'
    assert world.branches.called() == ['/my/out/a 01/action', '/pg/in/a 02/action']
    succeeds(world, program)


def saga_refusal(world):
    """Saga steps: those before the one that refused are rolled back in reverse, and the caller gets its reason."""
    program = Program(world, refused_by(saga_steps(world)))
    assert 'account closed' in str(error_of(program.run))
    assert world.branches.called('rollback') == ['/pg/in/a 02/rollback', '/my/out/a 01/rollback']
    fails(world, program, 'account closed')


def tcc_success(world):
    """TCC steps: tried, then confirmed in reverse."""
    program = Program(world, tcc_steps(world))
    program.run()
    assert world.branches.called('commit') == ['/pg/book/a 02/commit', '/my/out/a 01/commit']
    succeeds(world, program)


def tcc_refusal(world):
    """TCC steps: what was tried is cancelled."""
    program = Program(world, refused_by(tcc_steps(world)))
    assert error_of(program.run)
    assert not world.branches.called('commit')
    fails(world, program, 'account closed')


def xa_success(world):
    """XA steps: both databases commit."""
    program = Program(world, xa_steps(world))
    program.run()
    succeeds(world, program)


def xa_refusal(world):
    """XA steps: both databases roll back."""
    program = Program(world, refused_by(xa_steps(world)))
    assert error_of(program.run)
    fails(world, program, 'account closed')


def all_kinds(world):
    """Steps of all kinds, and a local one, in one workflow: all happen, or none."""
    program = Program(world, refused_by(mixed_steps(world)))
    assert error_of(program.run)
    fails(world, program, 'account closed')
    program = Program(world, mixed_steps(world))
    program.run()
    assert world.my.balances()['b'] == 101
    succeeds(world, program)


def called_back_until_it_ends(world):
    """A step that has not finished leaves the workflow open; it is called back with its data, and goes on at that step."""
    world.branches.script('/pg/in/a', 'action', Ongoing(), ConnectionError())
    program = Program(world, saga_steps(world), retry_interval=1)
    assert isinstance(error_of(program.run), Ongoing)
    succeeds(world, program)
    assert world.branches.called('action') == ['/my/out/a 01/action', *['/pg/in/a 02/action'] * 3]


def client_killed_between_steps(world):
    """The application is killed between two steps: the call-back goes on with the second, the first is not called again."""
    program = Program(world, saga_steps(world), retry_interval=2)
    program.killed_run(saga_steps(world, between=die))
    assert world.my.balances()['a'] == 70 and world.pg.balances()['a'] == 100
    succeeds(world, program)
    assert world.branches.called('action') == ['/my/out/a 01/action', '/pg/in/a 02/action']


def client_killed_before_it_records(world):
    """The application is killed before it records a step: it is called again, and its barrier does the work once."""
    program = Program(world, saga_steps(world), retry_interval=1)
    program.killed_run(at=('02', 'action'))
    assert xa.moved(world)
    succeeds(world, program)
    assert len(world.branches.called('action')) >= 3


def client_killed_in_an_xa_step(world):
    """The application is killed inside a local XA transaction, of which nothing is recorded: it is done again."""
    program = Program(world, xa_steps(world), retry_interval=1)
    program.killed_run(at=('02', 'business'))
    succeeds(world, program)


def client_killed_after_it_prepared(world):
    """The application is killed when a database has prepared and only the work is recorded: all is rolled back, nothing hangs."""
    program = Program(world, xa_steps(world), retry_interval=1)
    program.killed_run(at=('02', 'action'))
    assert f'{program.gid}-02' in xa.undecided(world)
    fails(world, program, 'nobody knows')


def client_killed_in_the_second_phase(world):
    """The application is killed when it has committed in one database: the call-back commits in the other."""
    program = Program(world, xa_steps(world), retry_interval=1)
    program.killed_run(at=('01', 'commit'))
    succeeds(world, program)


def client_killed_while_it_rolls_back(world):
    """The application is killed when it has rolled one step back: the call-back rolls back the other."""
    program = Program(world, refused_by(saga_steps(world)), retry_interval=1)
    program.killed_run(at=('01', 'rollback'))
    fails(world, program, 'account closed')


def server_killed_in_a_step(world):
    """The coordinator is killed while a step is being called: the same run goes on, and the result is kept."""
    world.branches.script('/pg/in/a', 'action', world.coordinator.restart)
    program = Program(world, saga_steps(world))
    assert program.run() == 'moved'
    world.coordinator.restart()
    succeeds(world, program)


def server_gone_in_a_step(world):
    """The coordinator is gone when a step is to be recorded: the run gives up, and the call-back ends the workflow."""
    world.branches.script('/pg/in/a', 'action', world.coordinator.kill)
    program = Program(world, saga_steps(world), retry_interval=1)
    assert error_of(program.run)
    world.coordinator.start()
    succeeds(world, program)


def server_killed_in_the_second_phase(world):
    """The coordinator is killed while a commit is being called, and again in the call-back: the rest is committed."""
    world.branches.script('/my/out/a', 'commit', world.coordinator.kill, world.coordinator.restart)
    program = Program(world, tcc_steps(world), retry_interval=1)
    assert error_of(program.run)
    world.coordinator.start()
    succeeds(world, program)


def two_runs_at_once(world):
    """Two runs of the same gid, which call the same step at the same time: each effect happens once, and there is one result."""
    def other_has_come():
        until(lambda: world.branches.called().count('/my/out/a 01/action') == 2, 30)

    world.branches.script('/my/out/a', 'action', other_has_come, other_has_come)
    program = Program(world, mixed_steps(world))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = [pool.submit(program.run) for _ in range(2)]
    results = [run.result() for run in runs if not run.exception()]  # one may have met the other in the XA step
    assert results and set(results) == {'moved'}
    assert world.my.balances()['b'] == 101
    succeeds(world, program)


def late_run(world):
    """A run that comes to an XA step when another one has just committed it does not do the work again."""
    started, committed, tried = (threading.Event() for _ in range(3))

    def let_the_other_go():
        committed.set()
        tried.wait(25)

    def late(workflow, data):
        started.set()
        committed.wait(60)
        try:
            return mixed_steps(world)(workflow, data)
        finally:
            tried.set()

    world.branches.script('/pg/book/a', 'commit', let_the_other_go)
    program = Program(world, mixed_steps(world))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        other = pool.submit(program.run, late)
        started.wait(60)
        program.run()
    assert isinstance(other.exception(), DtmError), other.exception()
    assert world.my.balances()['b'] == 101
    succeeds(world, program)


def two_runs_that_disagree(world):
    """Two runs of the same gid come to different ends: what was recorded first holds, and the other one is refused."""
    program = Program(world, tcc_steps(world))
    seen = threading.Event()

    def gives_up(workflow, data):
        seen.wait(60)
        raise Refused('too late')

    with concurrent.futures.ThreadPoolExecutor() as pool:
        other = pool.submit(program.run, gives_up)
        program.run()
        seen.set()
    assert isinstance(other.exception(), DtmError), other.exception()
    succeeds(world, program)


CHECKS = [saga_success, saga_refusal, tcc_success, tcc_refusal, xa_success, xa_refusal, all_kinds, called_back_until_it_ends,
          client_killed_between_steps, client_killed_before_it_records, client_killed_in_an_xa_step, client_killed_after_it_prepared,
          client_killed_in_the_second_phase, client_killed_while_it_rolls_back, server_killed_in_a_step, server_gone_in_a_step,
          server_killed_in_the_second_phase, two_runs_at_once, late_run, two_runs_that_disagree]
