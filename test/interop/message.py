"""Two-phase messages of the real Python SDK, with its barrier on MariaDB around the local work."""

import contextlib
import json
import time
import urllib.parse
import urllib.request

from dtmcli import msg
from dtmcli.utils import gen_gid

from barriers import adjust
from servers import die, killed, until
from wire import PATIENT, Ongoing, Refused, error_of


def message(world, *steps, **options):
    """A message that brings 30 to each account; prepared or submitted by the caller."""
    one = msg.Msg(world.coordinator.url, gen_gid(world.coordinator.url))
    for step in steps:
        one.add({'amount': 30}, step if '://' in step else f'{world.branches.url}/my/{step}')
    for name, value in {**PATIENT, **options}.items():
        setattr(one.trans_base, name, value)
    return one


def check_back(world):
    return f'{world.branches.url}/my/ask'


def take_from_a(cursor):
    adjust(cursor, 'a', -30)


def send(world, one, work=take_from_a):
    """Does the work and submits the message in one, as the SDK has it."""
    held = world.branches.held('/my/ask', 'msg')
    with held, world.coordinator.answering, contextlib.closing(world.my.connect(autocommit=False)) as connection:
        one.do_and_submit_db(check_back(world), connection.cursor(), work)


def success(world):
    """Prepared twice it waits; submitted its steps run in order; who waits again is told the end, others are refused."""
    one = message(world, 'in/a', 'in/b', wait_result=True)
    one.prepare(check_back(world))
    one.prepare(check_back(world))
    assert not world.branches.called()
    one.submit()
    assert world.branches.called() == ['/my/in/a 01/action', '/my/in/b 02/action']
    assert world.my.balances() == {'a': 130, 'b': 130}
    one.submit()
    one.trans_base.wait_result = False
    assert isinstance(error_of(one.submit), Refused)
    assert world.my.balances() == {'a': 130, 'b': 130}


def work_in_one_commit(world):
    """The local work and the message are one: both happen."""
    one = message(world, 'in/b')
    send(world, one)
    world.coordinator.await_status(one.trans_base.gid, 'succeed')
    assert world.branches.called() == ['/my/in/b 01/action']
    assert world.my.balances() == {'a': 70, 'b': 130}


def work_that_refuses(world):
    """Where the local work refuses, neither happens."""
    one = message(world, 'in/b')
    assert isinstance(error_of(lambda: send(world, one, lambda cursor: adjust(cursor, 'a', -101))), Refused)
    world.coordinator.await_status(one.trans_base.gid, 'failed')
    assert not world.branches.called()
    assert world.my.balances() == {'a': 100, 'b': 100}


def client_killed_after_its_commit(world):
    """The application is killed between its commit and the submit: the check-back finds the commit, and the message goes out."""
    one = message(world, 'in/b', timeout_to_fail=1, retry_interval=1)
    one.submit = die
    with world.branches.held('/my/ask', 'msg'):
        killed(lambda: send(world, one))
    assert world.my.balances() == {'a': 70, 'b': 100}
    world.coordinator.await_status(one.trans_base.gid, 'succeed')
    assert world.branches.called() == ['/my/ask 00/msg', '/my/in/b 01/action']
    assert world.my.balances() == {'a': 70, 'b': 130}


def client_killed_before_its_commit(world):
    """The application is killed before its commit: the check-back finds nothing, leaves its mark, and the message is not sent."""
    def work(cursor):
        take_from_a(cursor)
        die()

    one = message(world, 'in/b', timeout_to_fail=1, retry_interval=1)
    with world.branches.held('/my/ask', 'msg'):
        killed(lambda: send(world, one, work))
    world.coordinator.await_status(one.trans_base.gid, 'failed')
    assert not world.branches.called('action')
    assert world.my.balances() == {'a': 100, 'b': 100}


def work_after_the_check_back(world):
    """Local work that comes after the check-back has said no is refused."""
    one = message(world, 'in/b', timeout_to_fail=1)

    def wait_and_work(barrier):
        world.coordinator.await_status(one.trans_base.gid, 'failed')
        with contextlib.closing(world.my.connect(autocommit=False)) as connection:
            barrier.call(connection.cursor(), take_from_a)

    assert error_of(lambda: one.do_and_submit(check_back(world), wait_and_work))
    assert world.branches.called() == ['/my/ask 00/msg'] * 2  # the second is the SDK's own
    assert world.my.balances() == {'a': 100, 'b': 100}


def server_killed_before_the_submit(world):
    """The coordinator is killed while the local work is being done: it asks by itself when it is back, and the message goes out."""
    one = message(world, 'in/b', timeout_to_fail=1, retry_interval=1)

    def work(cursor):
        take_from_a(cursor)
        world.coordinator.kill()

    assert error_of(lambda: send(world, one, work))  # of the submit, which finds no server
    world.coordinator.start()
    until(lambda: world.my.balances() == {'a': 70, 'b': 130})
    world.coordinator.await_status(one.trans_base.gid, 'succeed')
    assert world.branches.called() == ['/my/ask 00/msg', '/my/in/b 01/action']


def killed_while_it_asks(world):
    """The coordinator is killed while the check-back is being called: it asks again."""
    world.branches.script('/my/ask', 'msg', world.coordinator.restart)
    one = message(world, 'in/b', timeout_to_fail=1, retry_interval=1)
    one.submit = lambda: None
    send(world, one)
    world.coordinator.await_status(one.trans_base.gid, 'succeed')
    assert world.my.balances() == {'a': 70, 'b': 130}


def killed_on_its_way(world):
    """The coordinator is killed between the steps and while one is being called: each step's work is done once."""
    world.branches.script('/my/in/b', 'action', Ongoing(), world.coordinator.restart)
    one = message(world, 'in/a', 'in/b', 'in/a', retry_interval=1)
    with world.coordinator.answering:
        one.submit()
    world.coordinator.await_status(one.trans_base.gid, 'succeed')
    assert world.my.balances() == {'a': 160, 'b': 130}


def delayed(world):
    """A delayed message is not sent before its time, also when the coordinator is killed meanwhile."""
    one = message(world, 'in/a', custom_data=json.dumps({'delay': 2}))
    begun = time.monotonic()
    one.submit()
    world.coordinator.restart()
    until(lambda: world.my.balances() == {'a': 130, 'b': 100})
    took = time.monotonic() - begun
    assert took > 1.9, took  # after a kill the clock may be a little ahead
    world.coordinator.await_status(one.trans_base.gid, 'succeed')


def topic(world):
    """A step that goes to a topic is called at every subscriber."""
    for account in 'ab':
        url = urllib.parse.quote(f'{world.branches.url}/my/in/{account}')
        urllib.request.urlopen(f'{world.coordinator.url}/subscribe?topic=news&url={url}', timeout=30)
    world.coordinator.restart()
    one = message(world, 'topic://news')
    one.submit()
    world.coordinator.await_status(one.trans_base.gid, 'succeed')
    assert world.branches.called() == ['/my/in/a 01-01/action', '/my/in/b 01-02/action']
    assert world.my.balances() == {'a': 130, 'b': 130}


CHECKS = [success, work_in_one_commit, work_that_refuses, client_killed_after_its_commit, client_killed_before_its_commit,
          work_after_the_check_back, server_killed_before_the_submit, killed_while_it_asks, killed_on_its_way, delayed, topic]
