"""dtm's barriers in Python: its Python SDK's own on MariaDB, and what its Go SDK does, on SQL databases and on Redis.

A barrier belongs to one call of a branch, and lets its work happen once. adjust(account, delta) does the work together with
the barrier's rows; query_prepared() is the check-back of a message.
"""

import contextlib

import dtmcli.barrier
from wire import Refused

ORIGIN = {'cancel': 'try', 'compensate': 'action', 'rollback': 'action'}


class Duplicated(Exception):
    """The work of a message comes a second time, or after its check-back."""


def adjust(cursor, account, delta):
    if not delta:
        return
    cursor.execute('UPDATE account SET balance = balance + %s WHERE name = %s AND balance + %s >= 0', (delta, account, delta))
    if cursor.rowcount != 1:
        raise Refused('not enough money')


@contextlib.contextmanager
def transaction(database):
    """A cursor of a local transaction, which commits at the end, and rolls back when something is raised."""
    with contextlib.closing(database.connect(autocommit=False)) as connection:
        yield connection.cursor()
        connection.commit()


class Barrier:
    def __init__(self, database, trans_type, gid, branch_id, op):
        self.database, self.trans_type, self.gid, self.branch_id, self.op = database, trans_type, gid, branch_id, op
        self.calls = 0

    def next_id(self):
        self.calls += 1
        return f'{self.calls:02}'


class PythonSdkBarrier(Barrier):
    """The one that dtmcli has: it knows MariaDB alone."""

    def adjust(self, account, delta):
        self.call(lambda cursor: adjust(cursor, account, delta))

    def call(self, work):
        with transaction(self.database) as cursor:
            self.sdk().call(cursor, work)

    def query_prepared(self):
        with transaction(self.database) as cursor:
            self.sdk().query_prepared(cursor)

    def sdk(self):
        return dtmcli.barrier.BranchBarrier(self.trans_type, self.gid, self.branch_id, self.op)


class SqlBarrier(Barrier):
    def adjust(self, account, delta):
        self.call(lambda cursor: adjust(cursor, account, delta))

    def call(self, work):
        barrier_id = self.next_id()
        with transaction(self.database) as cursor:
            origin = ORIGIN.get(self.op)
            null = origin and self.insert(cursor, self.branch_id, origin, barrier_id, self.op)
            first = self.insert(cursor, self.branch_id, self.op, barrier_id, self.op)
            if not first and self.op == 'msg':
                raise Duplicated
            if first and not null:
                work(cursor)

    def insert(self, cursor, branch_id, op, barrier_id, reason):
        """Whether the row was not there."""
        cursor.execute(self.database.INSERT_BARRIER, (self.trans_type, self.gid, branch_id, op, barrier_id, reason))
        return cursor.rowcount > 0

    def query_prepared(self):
        with transaction(self.database) as cursor:
            self.insert(cursor, '00', 'msg', '01', 'rollback')
            cursor.execute("SELECT reason FROM dtm_barrier.barrier WHERE gid = %s AND branch_id = '00' AND op = 'msg' AND barrier_id = '01'",
                           (self.gid,))
            (reason,) = cursor.fetchone()
        if reason == 'rollback':
            raise Refused('the work was not committed')


class RedisBarrier(Barrier):
    """Rows are keys that expire; the balance is looked at before the rows, as there."""

    ADJUST = """
        local balance = redis.call('GET', KEYS[1])
        if not balance or balance + ARGV[1] < 0 then return 'FAILURE' end
        if not redis.call('SET', KEYS[2], 'op', 'NX', 'EX', ARGV[3]) then return 'DUPLICATE' end
        if ARGV[2] ~= '' and redis.call('SET', KEYS[3], 'rollback', 'NX', 'EX', ARGV[3]) then return 'NULL' end
        redis.call('INCRBY', KEYS[1], ARGV[1])
        return 'DONE'"""
    QUERY = """
        if redis.call('SET', KEYS[1], 'rollback', 'NX', 'EX', ARGV[1]) then return 'rollback' end
        return redis.call('GET', KEYS[1])"""
    SECONDS = 3600

    def adjust(self, account, delta):
        barrier_id, origin = self.next_id(), ORIGIN.get(self.op, '')
        keys = [account, *(f'{self.gid}-{self.branch_id}-{op}-{barrier_id}' for op in (self.op, origin))]
        with self.database.connect() as connection:
            said = connection.eval(self.ADJUST, 3, *keys, delta, origin, self.SECONDS)
        if said == 'FAILURE':
            raise Refused('not enough money')
        if said == 'DUPLICATE' and self.op == 'msg':
            raise Duplicated

    def query_prepared(self):
        with self.database.connect() as connection:
            if connection.eval(self.QUERY, 1, f'{self.gid}-00-msg-01', self.SECONDS) == 'rollback':
                raise Refused('the work was not committed')
