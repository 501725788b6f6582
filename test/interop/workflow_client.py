"""The application's side of workflows, as dtm's Go SDK has it.

A workflow is a function that calls its branches itself. The result of each step is recorded at the coordinator, and when the
function is run again, by the call-back or by anybody, what is recorded is not done again.
"""

import base64
import json

import requests

import xa
from servers import die, killed
from wire import SECONDS, Refused, Transaction


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
        self.not_called_back = lambda: world.branches.held('/workflow', self.NAME)
        self.gid = Transaction(self.dtm, 'workflow').gid

    def run(self, function=None):
        with self.not_called_back():
            return Workflow(self, self.gid, b'30').run(function or self.function, b'30')

    def killed_run(self, function=None, at=None):
        """A run in a process of its own that dies before it records the (branch id, op), or in the function."""
        def run(workflow, data):
            register = workflow.register
            workflow.register = lambda **row: die() if (row['branch_id'], row['op']) == at else register(**row)
            return (function or self.function)(workflow, data)

        with self.not_called_back():
            killed(lambda: self.run(run))

    def call_back(self, info, body):
        assert info['op'] == self.NAME and info['branch_id'] == '00'
        Workflow(self, info['gid'], body).run(self.function, body)
