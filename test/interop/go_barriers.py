"""The Go SDK's barriers on PostgreSQL and on Redis, under sagas, TCC and messages of the Python SDK."""

import functools

import requests

import message
import saga
import tcc
from barriers import Duplicated
from servers import die, killed
from wire import Refused, Transaction, error_of


def balances(world, database):
    return getattr(world, database).balances()


def saga_whose_answers_are_lost(world, database):
    """Each step's work is done once, however often it is called."""
    world.branches.script(f'/{database}/out/a', 'action', 'lost')
    world.branches.script(f'/{database}/in/b', 'action', 'lost')
    gid = saga.submit(world, 30, database=database, retry_interval=1)
    world.coordinator.await_status(gid, 'succeed')
    assert len(world.branches.called('action')) == 4
    assert balances(world, database) == {'a': 70, 'b': 130}


def saga_killed_on_its_way(world, database):
    """The coordinator is killed while a step, and while a compensation is being called; each does its work once."""
    world.branches.script(f'/{database}/in/b', 'action', world.coordinator.restart)
    world.branches.script(f'/{database}/out/a', 'action', Refused('no'), Refused('no'))
    world.branches.script(f'/{database}/in/b', 'compensate', world.coordinator.restart, 'lost')
    gid = saga.submit(world, 30, steps=['in/b', 'out/a'], database=database, retry_interval=1)
    world.coordinator.await_status(gid, 'failed')
    assert len(world.branches.called()) >= 7
    assert balances(world, database) == {'a': 100, 'b': 100}


def tcc_killed_on_its_way(world, database):
    """The coordinator is killed between the tries and while a confirm is being called: the money moves once."""
    world.branches.script(f'/{database}/in/b', 'confirm', world.coordinator.restart)

    def both(one):
        tcc.book(world, one, 'out/a', database=database)
        world.coordinator.restart()
        tcc.book(world, one, 'in/b', database=database)

    gid, _ = tcc.transfer(world, both)
    world.coordinator.await_status(gid, 'succeed')
    assert balances(world, database) == {'a': 70, 'b': 130}


def late_try(world, database):
    """A try that comes after its cancel succeeds and does nothing; so does a second cancel."""
    one = Transaction(world.coordinator.url, 'tcc')
    one.prepare()
    url = f'{world.branches.url}/{database}/out/a'
    one.register(branch_id='01', data='{"amount":30}', confirm=url, cancel=url)
    one.abort('the try has not come')
    world.coordinator.await_status(one.gid, 'failed')
    for op in ('try', 'cancel'):
        one.call_branch(url, '01', op, {'amount': 30})
    assert world.branches.called() == [f'/{database}/out/a 01/{op}' for op in ('cancel', 'try', 'cancel')]
    assert balances(world, database) == {'a': 100, 'b': 100}


def prepared_message(world, database):
    """A message that brings 30 to b, and the barrier of the local work, which takes them from a."""
    one = message.message(world, f'{world.branches.url}/{database}/in/b', timeout_to_fail=1, retry_interval=1)
    return one, f'{world.branches.url}/{database}/ask', world.branches.barrier(
        database, {'trans_type': 'msg', 'gid': one.trans_base.gid, 'branch_id': '00', 'op': 'msg'})


def message_killed_on_its_way(world, database):
    """The application is killed after its work and the coordinator while it asks, and while it sends: all happens once."""
    world.branches.script(f'/{database}/ask', 'msg', world.coordinator.restart)
    world.branches.script(f'/{database}/in/b', 'action', world.coordinator.restart)
    one, ask, barrier = prepared_message(world, database)
    one.submit = die
    with world.branches.held(f'/{database}/ask', 'msg'):
        killed(lambda: one.do_and_submit(ask, lambda _: barrier.adjust('a', -30)))
    world.coordinator.await_status(one.trans_base.gid, 'succeed')
    assert balances(world, database) == {'a': 70, 'b': 130}


def message_without_its_work(world, database):
    """The check-back comes before the work: the message is not sent, and the work is refused."""
    one, ask, barrier = prepared_message(world, database)
    one.prepare(ask)
    world.coordinator.await_status(one.trans_base.gid, 'failed')
    assert isinstance(error_of(lambda: barrier.adjust('a', -30)), Duplicated)
    assert not world.branches.called('action')
    assert balances(world, database) == {'a': 100, 'b': 100}


def message_whose_work_refuses(world, database):
    """Work that refuses leaves nothing behind, not even the barrier's row."""
    one, ask, barrier = prepared_message(world, database)
    assert isinstance(error_of(lambda: one.do_and_submit(ask, lambda _: barrier.adjust('a', -101))), Refused)
    world.coordinator.await_status(one.trans_base.gid, 'failed')
    query = {'trans_type': 'msg', 'gid': one.trans_base.gid, 'branch_id': '00', 'op': 'msg'}
    assert requests.get(ask, params=query, timeout=60).status_code == 409
    assert balances(world, database) == {'a': 100, 'b': 100}


def on(database, name, check):
    @functools.wraps(check)
    def on_database(world):
        check(world, database)

    on_database.__name__ = f'{check.__name__}_on_{name}'
    return on_database


CHECKS = [on(database, name, check) for database, name in (('pg', 'postgresql'), ('redis', 'redis')) for check in (
    saga_whose_answers_are_lost, saga_killed_on_its_way, tcc_killed_on_its_way, late_try, message_killed_on_its_way,
    message_without_its_work, message_whose_work_refuses)]
