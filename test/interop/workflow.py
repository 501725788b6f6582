"""Workflows as dtm's Go SDK runs them, on MariaDB and PostgreSQL.

A workflow is a function that calls its branches itself. The result of each step is recorded at the coordinator, and when the
function is run again, by the call-back or by anybody, what is recorded is not done again.
"""

import base64
import concurrent.futures
import json
import threading

import requests

import xa
from barriers import adjust
from servers import die, killed, until
from wire import SECONDS, DtmError, Ongoing, Refused, Transaction, error_of


class Workflow(Transaction):
    """One run of the function."""

    def __init__(self, program, gid, data):
        custom = {'name': program.NAME, 'data': base64.b64encode(data).decode()}
        super().__init__(program.dtm, 'workflow', gid, 'http', custom_data=json.dumps(custom), query_prepared=program.url,
                         **program.options)
        self.op, self.branch = 'action', ''
        self.progress = {}  # (branch id, op) → (status, data)
        self.phase_two = {'commit': [], 'rollback': []}  # (branch id, what to do) of each

    def run(self, function, data):
        """The result; raises Refused when it has been rolled back, and anything else when it has not come to its end."""
        answer = requests.post(f'{self.dtm}/prepareWorkflow', json=self.body, timeout=SECONDS).json()
        transaction = answer['transaction']
        if transaction['status'] == 'succeed':
            return base64.b64decode(transaction.get('result', '')).decode()
        if transaction['status'] == 'failed':
            raise Refused(transaction['rollback_reason'])
        for row in answer['progresses']:
            self.progress[row['branch_id'], row['op']] = row['status'], base64.b64decode(row.get('bin_data', '')).decode()
        try:
            result, failure = function(self, data), None
        except Refused as error:
            result, failure = '', error
        self.end(result, failure)
        if failure:
            raise failure
        return result

    def end(self, result, failure):
        """The second phase, in reverse, and then how it ended."""
        self.op = 'rollback' if failure else 'commit'
        for self.branch, work in reversed(self.phase_two[self.op]):
            self.do(work)
        extra = {'status': 'failed' if failure else 'succeed', 'rollback_reason': f'{failure}. FAILURE' if failure else '',
                 'result': base64.b64encode(result.encode()).decode()}
        self.call('submit', {**self.base, 'req_extra': extra})

    def new_branch(self, **phase_two):
        """The next branch; what is to be done on commit and on rollback."""
        self.branch = self.next_branch()
        for op, work in phase_two.items():
            self.phase_two[op].append((self.branch, work))

    def do(self, work):
        """Does it, and records what came of it, success or refusal; what is recorded is only told."""
        status, data = self.progress.get((self.branch, self.op), ('', ''))
        if not status:
            try:
                status, data = 'succeed', work() or ''
            except Refused as error:
                status, data = 'failed', str(error)
            self.register(branch_id=self.branch, op=self.op, status=status, data=data)
        if status == 'failed':  # it is not rolled back itself
            self.phase_two['rollback'] = [item for item in self.phase_two['rollback'] if item[0] != self.branch]
            raise Refused(data)
        return data

    def request(self, url, payload):
        """Calls a branch; as a step of the function it is recorded, in the second phase it is part of what is."""
        def call():
            return self.call_branch(url, self.branch, self.op, payload)

        return self.do(call) if self.op == 'action' else call()

    def do_xa(self, database, work):
        """A local XA transaction: `business` is recorded inside it, and a run that finds no more than that can't go on."""
        branch = self.branch

        def business(cursor):
            work(cursor)
            self.register(branch_id=branch, op='business', status='succeed', data='')

        try:
            if (branch, 'business') in self.progress and (branch, 'action') not in self.progress:
                raise Refused('nobody knows whether it was prepared')
            self.do(lambda: xa.local_transaction(database, 'workflow', self.gid, branch, business))
        finally:
            for op, items in self.phase_two.items():
                items.append((branch, lambda op=op: xa.second_phase(database, self.gid, branch, op)))


class Program:
    """What runs workflows: a function, and the call-back by which it is run again."""

    NAME = 'transfer'

    def __init__(self, world, function, **options):
        self.dtm, self.function, self.options = world.coordinator.url, function, options
        self.url = f'{world.branches.url}/workflow'
        world.branches.routes['/workflow'] = self.call_back
        self.gid = Transaction(self.dtm, 'workflow').gid

    def run(self, function=None):
        return Workflow(self, self.gid, b'30').run(function or self.function, b'30')

    def killed_run(self, function=None, at=None):
        """A run in a process of its own that dies before it records the (branch id, op), or in the function."""
        def run(workflow, data):
            register = workflow.register
            workflow.register = lambda **row: die() if (row['branch_id'], row['op']) == at else register(**row)
            return (function or self.function)(workflow, data)

        killed(lambda: self.run(run))

    def call_back(self, info, body):
        assert info['op'] == self.NAME and info['branch_id'] == '00'
        Workflow(self, info['gid'], body).run(self.function, body)


# Functions: each moves 30 from `a` in MariaDB to `a` in PostgreSQL.

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
          server_killed_in_the_second_phase, two_runs_at_once, two_runs_that_disagree]
