"""Clients that submit by JSON-RPC, as dtm's Go SDK does, and branches that are called by it, on PostgreSQL."""

import json

from wire import DtmError, Ongoing, Refused, Transaction, error_of


def branch(world, path):
    return f'{world.branches.url}/pg/{path}?method={path.partition("/")[0]}'


def by_json_rpc(world, trans_type, *paths, **options):
    """A saga or a message that moves 30 at each branch; prepared or submitted by the caller."""
    steps = [{'action': branch(world, path), **({'compensate': branch(world, path)} if trans_type == 'saga' else {})} for path in paths]
    return Transaction(world.coordinator.url, trans_type, protocol='json-rpc', steps=steps,
                       payloads=[json.dumps({'amount': 30})] * len(paths), **options)


def submit(world, one):
    with world.coordinator.answering:
        one.submit()


def code_of(call):
    error = error_of(call)
    assert isinstance(error, DtmError), error
    return json.loads(str(error))['error']['code']


def saga_success(world):
    """Actions get the payload and who is called as parameters; submitted again after the end it is refused by its code."""
    one = by_json_rpc(world, 'saga', 'out/a', 'in/b')
    submit(world, one)
    world.coordinator.await_status(one.gid, 'succeed')
    assert world.branches.called() == ['/pg/out/a 01/action', '/pg/in/b 02/action']
    assert world.pg.balances() == {'a': 70, 'b': 130}
    assert code_of(one.submit) == -32901


def saga_refusal(world):
    """An error with the code of a failure rolls back, by JSON-RPC too."""
    world.branches.script('/pg/in/b', 'action', Refused('account closed'))
    one = by_json_rpc(world, 'saga', 'out/a', 'in/b')
    submit(world, one)
    world.coordinator.await_status(one.gid, 'failed')
    assert 'account closed' in world.coordinator.reason(one.gid)
    assert world.branches.called('compensate') == ['/pg/in/b 02/compensate', '/pg/out/a 01/compensate']
    assert world.pg.balances() == {'a': 100, 'b': 100}


def saga_killed_on_its_way(world):
    """Codes of ongoing and of any other error are asked again, a lost answer too; the coordinator is killed meanwhile."""
    world.branches.script('/pg/in/b', 'action', Ongoing(), ConnectionError(), 'lost', world.coordinator.restart)
    one = by_json_rpc(world, 'saga', 'out/a', 'in/b', retry_interval=1)
    submit(world, one)
    world.coordinator.await_status(one.gid, 'succeed')
    assert world.branches.called().count('/pg/in/b 02/action') >= 4
    assert world.pg.balances() == {'a': 70, 'b': 130}


def tcc(world):
    """A TCC over JSON-RPC: prepared, its branches registered, submitted or aborted; confirms and cancels come by JSON-RPC."""
    for decide, found in ((Transaction.submit, {'a': 70, 'b': 130}), (lambda one: one.abort('no'), {'a': 70, 'b': 130})):
        one = Transaction(world.coordinator.url, 'tcc', protocol='json-rpc', retry_interval=1)
        one.prepare()
        for path, branch_id in (('out/a', '01'), ('in/b', '02')):
            one.register(branch_id=branch_id, data=json.dumps({'amount': 30}), confirm=branch(world, path), cancel=branch(world, path))
            one.call_branch(f'{world.branches.url}/pg/{path}', branch_id, 'try', {'amount': 30})
        world.coordinator.restart()
        decide(one)
        world.coordinator.await_status(one.gid, 'succeed' if decide is Transaction.submit else 'failed')
        assert world.pg.balances() == found
        assert code_of(lambda: one.register(branch_id='03', data='', confirm='', cancel='')) == -32901
    assert len(world.branches.called('confirm')) == len(world.branches.called('cancel')) == 2


def message_checked_back(world):
    """A message whose application is gone is asked for by JSON-RPC, and then sent; the coordinator is killed in both calls."""
    world.branches.script('/pg/ask', 'msg', world.coordinator.restart)
    world.branches.script('/pg/in/b', 'action', world.coordinator.restart)
    one = by_json_rpc(world, 'msg', 'in/b', query_prepared=branch(world, 'ask'), timeout_to_fail=1, retry_interval=1)
    barrier = world.branches.barrier('pg', {'trans_type': 'msg', 'gid': one.gid, 'branch_id': '00', 'op': 'msg'})
    with world.branches.held('/pg/ask', 'msg'), world.coordinator.answering:
        one.prepare()
        barrier.adjust('a', -30)
    world.coordinator.await_status(one.gid, 'succeed')
    assert world.pg.balances() == {'a': 70, 'b': 130}


CHECKS = [saga_success, saga_refusal, saga_killed_on_its_way, tcc, message_checked_back]
