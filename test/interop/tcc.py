"""TCC of the real Python SDK, whose branches use its barrier on MariaDB: a try reserves the money, a confirm hands it over."""

from dtmcli import tcc
from dtmcli.utils import gen_gid

from servers import until
from wire import Ongoing, Transaction, error_of


def book(world, one, step, amount=30, database='my'):
    url = f'{world.branches.url}/{database}/{step}'
    one.call_branch({'amount': amount}, url, url, url)


def transfer(world, book_all, gid=None):
    """A TCC in which book_all(one) calls the branches; its gid, and whether the SDK says that it was submitted."""
    gid = gid or gen_gid(world.coordinator.url)
    with world.coordinator.answering:
        return gid, tcc.tcc_global_transaction(world.coordinator.url, gid, book_all) == gid


def success(world):
    """All branches are tried, then confirmed in reverse order."""
    def both(one):
        book(world, one, 'out/a')
        book(world, one, 'in/b')
        assert world.my.balances() == {'a': 70, 'b': 100}, 'reserved, and not yet handed over'

    gid, submitted = transfer(world, both)
    assert submitted
    assert world.coordinator.await_status(gid, 'succeed') == [('cancel', 'prepared'), ('confirm', 'succeed')] * 2
    assert world.branches.order() == ['/my/out/a 01/try', '/my/in/b 02/try', '/my/in/b 02/confirm', '/my/out/a 01/confirm']
    assert world.my.balances() == {'a': 70, 'b': 130}


def refusal(world):
    """A try that refuses cancels all that was registered, itself too."""
    def both(one):
        book(world, one, 'in/b')
        book(world, one, 'out/a', 101)

    gid, submitted = transfer(world, both)
    assert not submitted
    assert world.coordinator.await_status(gid, 'failed') == [('cancel', 'succeed'), ('confirm', 'prepared')] * 2
    assert world.branches.order('cancel') == ['/my/out/a 02/cancel', '/my/in/b 01/cancel']
    assert world.my.balances() == {'a': 100, 'b': 100}


def nested(world):
    """A branch has a branch of its own, under its number, which is confirmed with the others."""
    def with_one_inside(one):
        book(world, one, 'out/a')
        book(world, tcc.tcc_from_req(world.coordinator.url, one.gid, '01'), 'in/b', 10)  # as the service of the first does
        book(world, one, 'in/b', 20)

    gid, _ = transfer(world, with_one_inside)
    world.coordinator.await_status(gid, 'succeed')
    assert world.branches.called('try') == ['/my/out/a 01/try', '/my/in/b 0101/try', '/my/in/b 02/try']
    assert world.branches.order('confirm') == ['/my/in/b 02/confirm', '/my/in/b 0101/confirm', '/my/out/a 01/confirm']
    assert world.my.balances() == {'a': 70, 'b': 130}


def time_out(world):
    """A TCC that nobody decides is cancelled; a branch that comes later is refused before it is tried."""
    prepared = Transaction(world.coordinator.url, 'tcc', timeout_to_fail=3)
    prepared.prepare()  # the SDK can't say how long; its own prepare of the same gid changes nothing

    def hesitate(one):
        book(world, one, 'out/a')
        world.coordinator.await_status(one.gid, 'failed')
        book(world, one, 'in/b')

    late = error_of(lambda: transfer(world, hesitate, prepared.gid))
    assert 'FAILURE' in repr(late), late  # of the abort, which comes too late as well
    assert world.coordinator.reason(prepared.gid) == 'Timeout after 3 seconds'
    assert world.branches.order() == ['/my/out/a 01/try', '/my/out/a 01/cancel']
    assert world.my.balances() == {'a': 100, 'b': 100}


def killed_between_tries(world):
    """The coordinator is killed between two tries: the first is still registered."""
    def both(one):
        book(world, one, 'out/a')
        world.coordinator.restart()
        book(world, one, 'in/b')

    gid, _ = transfer(world, both)
    world.coordinator.await_status(gid, 'succeed')
    assert world.my.balances() == {'a': 70, 'b': 130}


def killed_while_it_confirms(world):
    """The coordinator is killed while a confirm is being called: it is called again, and then the rest."""
    world.branches.script('/my/in/b', 'confirm', Ongoing(), world.coordinator.restart)

    def both(one):
        book(world, one, 'out/a')
        book(world, one, 'in/b')

    prepared = Transaction(world.coordinator.url, 'tcc', retry_interval=1)
    prepared.prepare()
    transfer(world, both, prepared.gid)
    world.coordinator.await_status(prepared.gid, 'succeed')
    assert world.branches.called().count('/my/in/b 02/confirm') >= 3
    assert world.my.balances() == {'a': 70, 'b': 130}


def killed_while_it_cancels(world):
    """The coordinator is killed while a cancel is being called: the money comes back once."""
    world.branches.script('/my/out/a', 'cancel', world.coordinator.restart)

    def both(one):
        book(world, one, 'out/a')
        book(world, one, 'out/b', 101)

    gid, _ = transfer(world, both)
    world.coordinator.await_status(gid, 'failed')
    assert world.branches.called().count('/my/out/a 01/cancel') >= 2
    assert world.my.balances() == {'a': 100, 'b': 100}


def killed_and_never_decided(world):
    """The coordinator is killed, and the application never comes back: what was tried is cancelled."""
    one = Transaction(world.coordinator.url, 'tcc', timeout_to_fail=3)
    one.prepare()
    book(world, tcc.tcc_from_req(one.dtm, one.gid, '09'), 'out/a')
    assert world.my.balances() == {'a': 70, 'b': 100}
    world.coordinator.restart()
    until(lambda: world.my.balances() == {'a': 100, 'b': 100})
    world.coordinator.await_status(one.gid, 'failed')


CHECKS = [success, refusal, nested, time_out, killed_between_tries, killed_while_it_confirms, killed_while_it_cancels,
          killed_and_never_decided]
