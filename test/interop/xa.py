"""XA on MariaDB and PostgreSQL, both sides as dtm's Go SDK has them.

A branch does its work inside a local XA transaction, registers itself with phase2_url, then prepares; the second phase comes by
the operation.
"""

import contextlib

from barriers import adjust
from wire import DtmError, Refused, Transaction, error_of


def local_transaction(database, trans_type, gid, branch_id, work):
    """Runs work(cursor) and prepares it; what it raises ends the connection, and so takes it back."""
    xid = f'{gid}-{branch_id}'
    connection = database.connect()
    try:
        cursor = connection.cursor()
        cursor.execute(database.XA['start'].format(xid=xid))
        cursor.execute(database.INSERT_BARRIER, (trans_type, gid, branch_id, 'action', '01', 'action'))
        work(cursor)
        if 'end' in database.XA:
            cursor.execute(database.XA['end'].format(xid=xid))
        cursor.execute(database.XA['prepare'].format(xid=xid))
    finally:
        database.close(connection)


def second_phase(database, gid, branch_id, op):
    """Commits or rolls back; what is not there has been ended before."""
    with contextlib.closing(database.connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
        try:
            cursor.execute(database.XA[op].format(xid=f'{gid}-{branch_id}'))
        except Exception as error:
            if 'XAER_NOTA' not in str(error) and 'does not exist' not in str(error):
                raise
        if op == 'rollback':
            cursor.execute(database.INSERT_BARRIER, ('xa', gid, branch_id, 'action', '01', op))


def serve(database, info, account, amount):
    """A call of the branch."""
    if info['op'] != 'action':
        return second_phase(database, info['gid'], info['branch_id'], info['op'])

    def work(cursor):
        adjust(cursor, account, amount)
        Transaction(info['dtm'], 'xa', info['gid']).register(url=info['phase2_url'], branch_id=info['branch_id'])

    return local_transaction(database, 'xa', info['gid'], info['branch_id'], work)


class Xa(Transaction):
    def __init__(self, world, **options):
        super().__init__(world.coordinator.url, 'xa', **options)
        self.branches_url = world.branches.url
        self.prepare()

    def move(self, path, amount, branch_id=None):
        url = f'{self.branches_url}/{path}'
        self.call_branch(url, branch_id or self.next_branch(), 'action', {'amount': amount}, dtm=self.dtm, phase2_url=url)


def moved(world):
    """Whether 30 have gone from MariaDB to PostgreSQL, and nothing hangs."""
    return not undecided(world) and world.my.balances()['a'] == 70 and world.pg.balances()['a'] == 130


def unmoved(world):
    return not undecided(world) and world.my.balances()['a'] == 100 and world.pg.balances()['a'] == 100


def undecided(world):
    return [*world.my.prepared(), *world.pg.prepared()]


def both_databases(world, **options):
    """A transaction that is prepared in both."""
    xa = Xa(world, **options)
    xa.move('my/xa/a', -30)
    xa.move('pg/xa/a', 30)
    assert undecided(world) == [f'{xa.gid}-01', f'{xa.gid}-02']
    assert world.my.balances()['a'] == world.pg.balances()['a'] == 100, 'prepared, and seen by nobody'
    return xa


def success(world):
    """Both databases commit."""
    xa = both_databases(world)
    xa.submit()
    assert world.coordinator.await_status(xa.gid, 'succeed') == [('rollback', 'prepared'), ('commit', 'succeed')] * 2
    assert moved(world)


def refusal(world):
    """A branch refuses, and is not registered; the other one is rolled back."""
    xa = Xa(world)
    xa.move('my/xa/a', -30)
    refused = error_of(lambda: xa.move('pg/xa/a', -101))
    assert isinstance(refused, Refused)
    xa.abort(str(refused))
    assert world.coordinator.await_status(xa.gid, 'failed') == [('rollback', 'succeed'), ('commit', 'prepared')]
    assert 'not enough money' in world.coordinator.reason(xa.gid)
    assert unmoved(world)


def undecided_for_too_long(world):
    """What nobody decides is rolled back, and a branch that comes later can't register, so it does not prepare."""
    xa = both_databases(world, timeout_to_fail=4)
    world.coordinator.await_status(xa.gid, 'failed')
    assert unmoved(world)
    for path, branch_id in (('my/xa/a', '01'), ('pg/xa/a', '02'), ('pg/xa/a', '03')):
        assert error_of(lambda: xa.move(path, 1, branch_id)), 'a late branch prepared'
    assert isinstance(error_of(xa.submit), DtmError)
    assert unmoved(world)


def lost_answers(world):
    """A commit whose answer is lost comes again, and finds that all is done."""
    world.branches.script('/my/xa/a', 'commit', 'lost')
    world.branches.script('/pg/xa/a', 'commit', 'lost')
    xa = both_databases(world, retry_interval=1)
    xa.submit()
    world.coordinator.await_status(xa.gid, 'succeed')
    assert len(world.branches.called('commit')) == 4
    assert moved(world)


def killed_between_prepare_and_commit(world):
    """The coordinator is killed after each prepare, and after the submit: both databases commit."""
    xa = Xa(world)
    xa.move('my/xa/a', -30)
    world.coordinator.restart()
    xa.move('pg/xa/a', 30)
    world.coordinator.restart()
    assert len(undecided(world)) == 2
    xa.submit()
    world.coordinator.restart()
    world.coordinator.await_status(xa.gid, 'succeed')
    assert moved(world)


def killed_while_it_commits(world):
    """The coordinator is killed while one database commits: the other one follows, never the opposite."""
    world.branches.script('/my/xa/a', 'commit', world.coordinator.restart)
    world.branches.script('/pg/xa/a', 'commit', ConnectionError())
    xa = both_databases(world, retry_interval=1)
    with world.coordinator.answering:
        xa.submit()
    world.coordinator.await_status(xa.gid, 'succeed')
    assert not world.branches.called('rollback')
    assert moved(world)


def killed_while_it_rolls_back(world):
    """The coordinator is killed while one database rolls back: so does the other."""
    world.branches.script('/pg/xa/a', 'rollback', world.coordinator.restart)
    xa = both_databases(world, retry_interval=1)
    with world.coordinator.answering:
        xa.abort('no')
    world.coordinator.await_status(xa.gid, 'failed')
    assert not world.branches.called('commit')
    assert unmoved(world)


def databases_killed(world):
    """Both databases and the coordinator are killed between prepare and commit: what was prepared is still there, and commits."""
    xa = both_databases(world, retry_interval=1)
    for server in (world.my, world.pg, world.coordinator):
        server.kill()
    world.coordinator.start()
    xa.submit()  # and its branches do not reach their databases yet
    world.my.start()
    world.pg.start()
    world.coordinator.await_status(xa.gid, 'succeed')
    assert moved(world)


CHECKS = [success, refusal, undecided_for_too_long, lost_answers, killed_between_prepare_and_commit, killed_while_it_commits,
          killed_while_it_rolls_back, databases_killed]
