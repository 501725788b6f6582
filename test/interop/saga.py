"""Sagas of the real Python SDK, whose branches use its barrier on MariaDB."""

from dtmcli import saga
from dtmcli.utils import gen_gid

from servers import until
from wire import PATIENT, Ongoing, Refused, error_of


def transfer(world, amount, steps=('out/a', 'in/b'), database='my', **options):
    """A saga that takes the amount from a, and then gives it to b; submitted by the caller."""
    one = saga.Saga(world.coordinator.url, gen_gid(world.coordinator.url))
    one.orders = {}  # the SDK forgets to make these two, and its build_custom_options wants them
    one.concurrent = True
    for step in steps:
        url = f'{world.branches.url}/{database}/{step}'
        one.add({'amount': amount}, url, url)
    for name, value in {**PATIENT, **options}.items():
        setattr(one.trans_base, name, value)
    return one


def submit(world, amount, **options):
    """Submits such a saga; its gid."""
    one = transfer(world, amount, **options)
    with world.coordinator.answering:
        one.submit()
    return one.trans_base.gid


def success(world):
    """Each step is called once, in order, and the money has moved when a submit that waits is answered."""
    gid = submit(world, 30, wait_result=True)
    assert world.my.balances() == {'a': 70, 'b': 130}
    assert world.branches.called() == ['/my/out/a 01/action', '/my/in/b 02/action']
    assert world.coordinator.await_status(gid, 'succeed') == [('compensate', 'prepared'), ('action', 'succeed')] * 2


def refusal(world):
    """A step that refuses undoes what came before it, in reverse; its reason is kept, and is a failure to who waits."""
    one = transfer(world, 101, steps=['in/b', 'out/a'], wait_result=True)
    assert isinstance(error_of(one.submit), Refused)
    assert world.my.balances() == {'a': 100, 'b': 100}
    assert world.branches.called('action') == ['/my/in/b 01/action', '/my/out/a 02/action']
    assert world.branches.called('compensate') == ['/my/out/a 02/compensate', '/my/in/b 01/compensate']
    assert 'not enough money' in world.coordinator.reason(one.trans_base.gid)


def without_wait(world):
    """A submit that does not wait is answered at once, and the saga runs to its end."""
    world.coordinator.await_status(submit(world, 30), 'succeed')
    assert world.my.balances() == {'a': 70, 'b': 130}


def concurrent(world):
    """Steps without an order run at the same time: each of the two waits for the other's call."""
    def other_has_come():
        until(lambda: len(world.branches.called('action')) == 2, 25)

    world.branches.script('/my/out/a', 'action', other_has_come)
    world.branches.script('/my/in/b', 'action', other_has_come)
    one = transfer(world, 30)
    one.set_concurrent().submit()
    world.coordinator.await_status(one.trans_base.gid, 'succeed')
    assert world.my.balances() == {'a': 70, 'b': 130}
    assert len(world.branches.called()) == 2


def concurrent_with_orders(world):
    """Concurrent steps wait for those that they come after, and are undone in reverse."""
    one = transfer(world, 101).set_concurrent().add_branch_order(0, [1])  # the second step first
    one.submit()
    world.coordinator.await_status(one.trans_base.gid, 'failed')
    assert world.branches.called() == ['/my/in/b 02/action', '/my/out/a 01/action', '/my/out/a 01/compensate', '/my/in/b 02/compensate']
    assert world.my.balances() == {'a': 100, 'b': 100}


def headers_and_retries(world):
    """Headers come with every call; an error and an ongoing step are called again until they succeed."""
    world.branches.script('/my/in/b', 'action', ConnectionError(), Ongoing())
    world.coordinator.await_status(submit(world, 30, retry_interval=1, branch_headers={'Tenant': 'seven'}), 'succeed')
    assert world.branches.called().count('/my/in/b 02/action') == 3
    assert [headers.get('Tenant') for headers in world.branches.headers] == ['seven'] * 4
    assert world.my.balances() == {'a': 70, 'b': 130}


def wait_that_is_too_short(world):
    """A submit that waits longer than the server does is told that the saga goes on, not that it failed."""
    world.branches.script('/my/in/b', 'action', Ongoing())
    one = transfer(world, 30, wait_result=True, retry_interval=7)
    assert str(error_of(one.submit)) == 'bad result'  # the SDK has no better word; a failure it would say
    world.coordinator.await_status(one.trans_base.gid, 'succeed')
    assert world.my.balances() == {'a': 70, 'b': 130}


def time_out(world):
    """A saga that is late is rolled back, and says so."""
    world.branches.script('/my/in/b', 'action', *[Ongoing()] * 100)
    gid = submit(world, 30, retry_interval=1, timeout_to_fail=2)
    world.coordinator.await_status(gid, 'failed')
    assert world.coordinator.reason(gid) == 'Timeout after 2 seconds'
    assert world.my.balances() == {'a': 100, 'b': 100}


def retry_limit(world):
    """An action that errs once more than it may be retried is the end: all is rolled back."""
    world.branches.script('/my/in/b', 'action', *['lost'] * 100)
    gid = submit(world, 30, retry_interval=1, retry_limit=1)
    world.coordinator.await_status(gid, 'failed')
    assert world.branches.called().count('/my/in/b 02/action') == 2
    assert world.coordinator.reason(gid) == 'RetryCount is greater than RetryLimit, RetryLimit: 1'
    assert world.my.balances() == {'a': 100, 'b': 100}


def lost_answers(world):
    """Whose answer is lost is called again, and the SDK's barrier does its work once."""
    world.branches.script('/my/out/a', 'action', 'lost', 'lost')
    world.branches.script('/my/in/b', 'action', 'lost')
    world.coordinator.await_status(submit(world, 30, retry_interval=1), 'succeed')
    assert len(world.branches.called()) == 5
    assert world.my.balances() == {'a': 70, 'b': 130}


def nothing_to_undo(world):
    """The compensation of a step that refused finds nothing to undo, and what comes later is not called."""
    world.coordinator.await_status(submit(world, 101), 'failed')
    assert world.branches.called() == ['/my/out/a 01/action', '/my/out/a 01/compensate']
    assert world.my.balances() == {'a': 100, 'b': 100}


def killed_on_its_way(world):
    """The coordinator is killed while the second step is being called: it calls it again, and the saga goes on."""
    world.branches.script('/my/in/b', 'action', world.coordinator.restart)
    world.coordinator.await_status(submit(world, 30), 'succeed')
    assert world.my.balances() == {'a': 70, 'b': 130}
    assert world.branches.called().count('/my/in/b 02/action') >= 2


def killed_on_its_way_back(world):
    """The coordinator is killed while a compensation is being called: the rollback goes on."""
    world.branches.script('/my/in/b', 'compensate', world.coordinator.restart)
    world.coordinator.await_status(submit(world, 101, steps=['in/b', 'out/a']), 'failed')
    assert world.my.balances() == {'a': 100, 'b': 100}
    assert world.branches.called().count('/my/in/b 01/compensate') >= 2


def stopped_cleanly(world):
    """At SIGTERM the coordinator says that it stops, and the next one goes on with what was accepted."""
    world.branches.script('/my/in/b', 'action', Ongoing())
    gid = submit(world, 30, retry_interval=2)
    assert world.coordinator.stop() == (0, 'stopping\nstopped\n')
    world.coordinator.start()
    world.coordinator.await_status(gid, 'succeed')
    assert world.my.balances() == {'a': 70, 'b': 130}


CHECKS = [success, refusal, without_wait, concurrent, concurrent_with_orders, headers_and_retries, wait_that_is_too_short, time_out,
          retry_limit, lost_answers, nothing_to_undo, killed_on_its_way, killed_on_its_way_back, stopped_cleanly]
