"""Branch services on real databases, and their private servers: MariaDB and PostgreSQL.

The XA branches speak the wire as dtm's Go SDK does: a branch runs its work inside a local XA transaction, registers itself with
phase2_url, then prepares; the second phase comes by op. The saga's and the message's branches use the Python SDK's barrier.
Each database has a table of accounts that starts with one account of 100.
"""

import contextlib
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

BARRIER = """CREATE TABLE {table} (id BIGINT {auto} PRIMARY KEY, trans_type VARCHAR(45), gid VARCHAR(128),
    branch_id VARCHAR(128), op VARCHAR(45), barrier_id VARCHAR(45), reason VARCHAR(45), create_time {time} DEFAULT now(),
    update_time {time} DEFAULT now(), UNIQUE (gid, branch_id, op, barrier_id))"""


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def retry(what, seconds=60):
    """Calls it until it raises nothing."""
    end = time.monotonic() + seconds
    while True:
        try:
            return what()
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


class MariaDb:
    """A server of its own, which speaks on a socket file alone."""

    def __init__(self, folder):
        self.data = pathlib.Path(folder) / 'mariadb'
        self.data.mkdir()
        user = ['--user=root'] if os.getuid() == 0 else []
        subprocess.run(['mariadb-install-db', '--no-defaults', f'--datadir={self.data}', '--auth-root-authentication-method=normal',
                        '--skip-test-db', *user], check=True, capture_output=True, timeout=120)
        self.socket = str(self.data / 'socket')
        server = shutil.which('mariadbd') or '/usr/sbin/mariadbd'
        self.process = subprocess.Popen(
            [server, '--no-defaults', f'--datadir={self.data}', f'--socket={self.socket}', '--skip-networking',
             '--innodb-buffer-pool-size=32M', *user], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        retry(self.connect).close()
        self.run('CREATE DATABASE dtm_barrier', BARRIER.format(table='dtm_barrier.barrier', auto='AUTO_INCREMENT', time='DATETIME'),
                 'CREATE DATABASE bank', 'CREATE TABLE bank.account (name VARCHAR(20) PRIMARY KEY, balance INT)')

    def connect(self, autocommit=True):
        """MariaDB ends another session's XA only from a connection that commits by itself."""
        import pymysql
        return pymysql.connect(unix_socket=self.socket, user='root', autocommit=autocommit)

    def run(self, *statements):
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()

    def start_over(self):
        for _, length, _, data in self.run('XA RECOVER'):
            self.run(f"XA ROLLBACK '{data[:length].decode() if isinstance(data, bytes) else data[:length]}'")
        self.run('DELETE FROM bank.account', 'DELETE FROM dtm_barrier.barrier', "INSERT INTO bank.account VALUES ('a', 100), ('b', 100)")

    def balance(self, name='a'):
        return self.run(f"SELECT balance FROM bank.account WHERE name = '{name}'")[0][0]

    def prepared(self):
        return len(self.run('XA RECOVER'))

    def xa_action(self, xid, barrier_row, amount, register):
        """Business inside the local transaction, registered before it is prepared."""
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f"XA START '{xid}'")
            cursor.execute('INSERT INTO dtm_barrier.barrier (trans_type, gid, branch_id, op, barrier_id, reason) VALUES '
                           "('xa', %s, %s, 'action', '01', 'action')", barrier_row)
            changed = cursor.execute(f"UPDATE bank.account SET balance = balance + {amount} WHERE name = 'a' AND balance + {amount} >= 0")
            if not changed:
                cursor.execute(f"XA END '{xid}'")
                cursor.execute(f"XA ROLLBACK '{xid}'")
                return False
            register()
            cursor.execute(f"XA END '{xid}'")
            cursor.execute(f"XA PREPARE '{xid}'")
            return True

    def xa_end(self, xid, barrier_row, op):
        import pymysql
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            try:
                cursor.execute(f"XA {op.upper()} '{xid}'")
            except pymysql.err.MySQLError as error:
                if error.args[0] != 1397:  # XAER_NOTA: it has been done before
                    raise
            if op == 'rollback':  # no late action may prepare any more
                cursor.execute('INSERT IGNORE INTO dtm_barrier.barrier (trans_type, gid, branch_id, op, barrier_id, reason) VALUES '
                               "('xa', %s, %s, 'action', '01', 'rollback')", barrier_row)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Postgres:
    """A server of its own on a free port of this machine; it does not run as root."""

    def __init__(self, folder):
        self.bin_folder = sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin'))[-1]
        self.as_user = ['runuser', '-u', 'postgres', '--'] if os.getuid() == 0 else []
        self.data = pathlib.Path(folder) / 'postgres'
        self.data.mkdir()
        if self.as_user:
            shutil.chown(self.data, 'postgres')
        subprocess.run([*self.as_user, self.bin_folder / 'initdb', '-D', self.data, '-A', 'trust', '-U', 'postgres', '-N'], check=True,
                       capture_output=True, timeout=120, cwd='/')
        self.port = free_port()
        self.process = subprocess.Popen(
            [*self.as_user, self.bin_folder / 'postgres', '-D', self.data, '-p', str(self.port), '-k', '', '-h', '127.0.0.1',
             '-c', 'max_prepared_transactions=50'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd='/')
        retry(self.connect).close()
        self.run('CREATE SCHEMA dtm_barrier', BARRIER.format(table='dtm_barrier.barrier', auto='GENERATED ALWAYS AS IDENTITY', time='TIMESTAMP'),
                 'CREATE TABLE account (name VARCHAR(20) PRIMARY KEY, balance INT)')

    def connect(self):
        import pg8000.native
        return pg8000.native.Connection('postgres', host='127.0.0.1', port=self.port, database='postgres')

    def run(self, *statements):
        with contextlib.closing(self.connect()) as connection:
            for statement in statements:
                rows = connection.run(statement)
            return rows

    def start_over(self):
        for (xid,) in self.run('SELECT gid FROM pg_prepared_xacts'):
            self.run(f"ROLLBACK PREPARED '{xid}'")
        self.run('DELETE FROM account', 'DELETE FROM dtm_barrier.barrier', "INSERT INTO account VALUES ('a', 100)")

    def balance(self):
        return self.run("SELECT balance FROM account WHERE name = 'a'")[0][0]

    def prepared(self):
        return self.run('SELECT count(*) FROM pg_prepared_xacts')[0][0]

    def xa_action(self, xid, barrier_row, amount, register):
        with contextlib.closing(self.connect()) as connection:
            connection.run('BEGIN')
            connection.run('INSERT INTO dtm_barrier.barrier (trans_type, gid, branch_id, op, barrier_id, reason) VALUES '
                           "('xa', :gid, :branch, 'action', '01', 'action')", gid=barrier_row[0], branch=barrier_row[1])
            connection.run(f"UPDATE account SET balance = balance + {amount} WHERE name = 'a' AND balance + {amount} >= 0")
            if connection.row_count != 1:
                connection.run('ROLLBACK')
                return False
            register()
            connection.run(f"PREPARE TRANSACTION '{xid}'")
            return True

    def xa_end(self, xid, barrier_row, op):
        import pg8000.exceptions
        with contextlib.closing(self.connect()) as connection:
            try:
                connection.run(f"{op.upper()} PREPARED '{xid}'")
            except pg8000.exceptions.DatabaseError as error:
                if 'does not exist' not in str(error):
                    raise
            if op == 'rollback':
                connection.run('INSERT INTO dtm_barrier.barrier (trans_type, gid, branch_id, op, barrier_id, reason) VALUES '
                               "('xa', :gid, :branch, 'action', '01', 'rollback') ON CONFLICT DO NOTHING", gid=barrier_row[0], branch=barrier_row[1])

    def stop(self):
        subprocess.run([*self.as_user, self.bin_folder / 'pg_ctl', '-D', self.data, '-m', 'immediate', 'stop'], capture_output=True,
                       timeout=60, cwd='/')
        self.process.wait(30)


class Branches:
    """The branch services: /my/xa and /pg/xa, and for the SDK's barrier /my/out, /my/in, …, /my/ask."""

    def __init__(self, my, pg):
        self.databases = {'my': my, 'pg': pg}
        self.answers = {}  # (path, op) → how often the work is done and its answer lost
        self.calls = []
        branches = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                url = urllib.parse.urlparse(self.path)
                query = dict(urllib.parse.parse_qsl(url.query))
                body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
                try:
                    status, text = branches.serve(url.path, query, body)
                except Exception as error:
                    status, text = 500, repr(error)
                data = json.dumps({'message': text}).encode()
                self.send_response(status)
                self.send_header('Content-Length', str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, path, query, body):
        op = query['op']
        self.calls.append(f'{path} {query["branch_id"]}/{op}')
        _, database, what = path.split('/')
        amount = json.loads(body)['amount'] if body else 0
        status = (self.xa(database, query, amount) if what == 'xa' else self.barrier(what, query, amount))
        if self.answers.get((path, op), 0) > 0:
            self.answers[path, op] -= 1
            return 500, 'the work is done, and its answer lost'
        return status, ''

    def xa(self, database, query, amount):
        db, xid = self.databases[database], f'{query["gid"]}-{query["branch_id"]}'
        row = (query['gid'], query['branch_id'])
        if query['op'] != 'action':
            db.xa_end(xid, row, query['op'])
            return 200

        def register():
            post(query['dtm'], 'registerBranch',
                 {'branch_id': query['branch_id'], 'gid': query['gid'], 'trans_type': 'xa', 'url': query['phase2_url']})

        return 200 if db.xa_action(xid, row, amount, register) else 409

    def barrier(self, what, query, amount):
        from dtmcli import barrier, utils
        one = barrier.BranchBarrier(query['trans_type'], query['gid'], query['branch_id'], query['op'])

        def work(cursor):
            sign, name = {'out': (-1, 'a'), 'in': (1, 'b')}[what]
            if query['op'] == 'compensate':
                sign = -sign
            changed = cursor.execute(f"UPDATE bank.account SET balance = balance + {sign * amount} "
                                     f"WHERE name = '{name}' AND balance + {sign * amount} >= 0")
            if not changed:
                raise utils.DTMFailureError('not enough money')

        with contextlib.closing(self.databases['my'].connect(autocommit=False)) as connection:
            try:
                if what == 'ask':
                    one.query_prepared(connection.cursor())
                else:
                    one.call(connection.cursor(), work)
                return 200
            except utils.DTMFailureError:
                return 409

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def post(base, route, body):
    """As the Go SDK does: anything but a 200 without the word FAILURE is an error."""
    request = urllib.request.Request(f'{base}/{route}', json.dumps(body, separators=(',', ':')).encode(), {'Content-Type': 'application/json'})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f'{route}: {error.code} {error.read().decode()}') from error
    if 'FAILURE' in text:
        raise RuntimeError(f'{route}: {text}')
    return text


class Xa:
    """The application's side, as the Go SDK's XaGlobalTransaction."""

    def __init__(self, server, branches, **options):
        self.server, self.branches = server, branches
        self.gid = json.loads(urllib.request.urlopen(f'{server.url}/newGid', timeout=10).read())['gid']
        self.body = {'gid': self.gid, 'trans_type': 'xa', 'concurrent': False, 'protocol': '', **options}
        self.count = 0
        post(server.url, 'prepare', self.body)

    def call(self, database, amount):
        """Whether the branch said yes."""
        self.count += 1
        url = f'{self.branches.url}/{database}/xa'
        query = urllib.parse.urlencode({'dtm': self.server.url, 'gid': self.gid, 'branch_id': f'{self.count:02}', 'trans_type': 'xa',
                                        'op': 'action', 'phase2_url': url})
        try:
            urllib.request.urlopen(f'{url}?{query}', json.dumps({'amount': amount}).encode(), timeout=30)
            return True
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise RuntimeError(error.read().decode()) from error
            return False

    def submit(self):
        post(self.server.url, 'submit', self.body)

    def abort(self):
        post(self.server.url, 'abort', {**self.body, 'rollback_reason': 'a branch said FAILURE'})


# The checks: each gets a server, the branches, and both databases fresh.

def xa_commits_in_both_databases(server, branches, my, pg):
    xa = Xa(server, branches)
    assert xa.call('my', -30) and xa.call('pg', 30)
    assert (my.prepared(), pg.prepared()) == (1, 1)
    assert (my.balance(), pg.balance()) == (100, 100), 'prepared, and seen by nobody'
    xa.submit()
    assert server.await_status(xa.gid, 'succeed') == [('rollback', 'prepared'), ('commit', 'succeed')] * 2
    assert (my.balance(), pg.balance()) == (70, 130)
    assert (my.prepared(), pg.prepared()) == (0, 0)


def xa_rolls_back_in_both_databases(server, branches, my, pg):
    xa = Xa(server, branches)
    assert xa.call('my', 30) and not xa.call('pg', -101)
    xa.abort()
    assert server.await_status(xa.gid, 'failed') == [('rollback', 'succeed'), ('commit', 'prepared')]
    assert (my.balance(), pg.balance()) == (100, 100)
    assert (my.prepared(), pg.prepared()) == (0, 0)


def xa_killed_between_prepare_and_commit(server, branches, my, pg):
    xa = Xa(server, branches)
    assert xa.call('my', -30)
    server.kill()
    server.start()
    assert xa.call('pg', 30)
    server.kill()
    server.start()
    assert (my.prepared(), pg.prepared()) == (1, 1)
    xa.submit()
    server.kill()
    server.start()
    server.await_status(xa.gid, 'succeed')
    assert (my.balance(), pg.balance()) == (70, 130)
    assert (my.prepared(), pg.prepared()) == (0, 0)


def xa_undecided_rolls_back_and_a_late_action_cannot_prepare(server, branches, my, pg):
    xa = Xa(server, branches, timeout_to_fail=2)
    assert xa.call('my', -30) and xa.call('pg', 30)
    server.await_status(xa.gid, 'failed')
    assert (my.prepared(), pg.prepared()) == (0, 0)
    for database, count in (('my', 0), ('pg', 1)):
        xa.count = count
        try:
            said_yes = xa.call(database, 1)
        except RuntimeError:
            said_yes = False
        assert not said_yes, 'the rollback has left its row'
    assert (my.balance(), pg.balance()) == (100, 100)
    assert (my.prepared(), pg.prepared()) == (0, 0)


def xa_commit_whose_answer_is_lost(server, branches, my, pg):
    branches.answers = {('/my/xa', 'commit'): 1, ('/pg/xa', 'commit'): 1}
    xa = Xa(server, branches, retry_interval=1)
    assert xa.call('my', -30) and xa.call('pg', 30)
    xa.submit()
    server.await_status(xa.gid, 'succeed')
    assert branches.calls.count('/my/xa 01/commit') == 2, branches.calls
    assert (my.balance(), pg.balance()) == (70, 130)


def barrier_saga(server, branches, amount, **options):
    from dtmcli import saga, utils
    one = saga.Saga(server.url, utils.gen_gid(server.url))
    one.add({'amount': amount}, branches.url + '/my/out', branches.url + '/my/out')
    one.add({'amount': amount}, branches.url + '/my/in', branches.url + '/my/in')
    one.trans_base.retry_interval = 1
    for name, value in options.items():
        setattr(one.trans_base, name, value)
    one.submit()
    return one.trans_base.gid


def barrier_saga_whose_answers_are_lost(server, branches, my, pg):
    branches.answers = {('/my/out', 'action'): 2, ('/my/in', 'action'): 1}
    gid = barrier_saga(server, branches, 30)
    server.kill()
    server.start()
    server.await_status(gid, 'succeed')
    assert (my.balance('a'), my.balance('b')) == (70, 130), branches.calls


def barrier_saga_that_rolls_back(server, branches, my, pg):
    gid = barrier_saga(server, branches, 101)  # the first step refuses; its compensation finds nothing to undo
    server.await_status(gid, 'failed')
    assert (my.balance('a'), my.balance('b')) == (100, 100), branches.calls


def message_with_the_work_in_one_commit(server, branches, my, pg):
    from dtmcli import msg, utils

    def send(work):
        one = msg.Msg(server.url, utils.gen_gid(server.url)).add({'amount': 30}, branches.url + '/my/in')
        one.trans_base.timeout_to_fail = 2
        with contextlib.closing(my.connect(autocommit=False)) as connection:
            try:
                one.do_and_submit_db(branches.url + '/my/ask', connection.cursor(), work)
            except RuntimeError:
                pass
        return one.trans_base.gid

    gid = send(lambda cursor: cursor.execute("UPDATE bank.account SET balance = balance - 30 WHERE name = 'a'"))
    server.await_status(gid, 'succeed')
    assert (my.balance('a'), my.balance('b')) == (70, 130)

    def work_then_kill(cursor):
        cursor.execute("UPDATE bank.account SET balance = balance - 30 WHERE name = 'a'")
        server.kill()  # so the submit is lost, and the check-back must find the commit

    try:
        send(work_then_kill)
    except Exception:  # of the SDK, which finds no server
        pass
    server.start()
    end = time.monotonic() + 20
    while my.balance('b') != 160 and time.monotonic() < end:
        time.sleep(0.1)
    assert (my.balance('a'), my.balance('b')) == (40, 160), branches.calls


CHECKS = [
    xa_commits_in_both_databases, xa_rolls_back_in_both_databases, xa_killed_between_prepare_and_commit,
    xa_undecided_rolls_back_and_a_late_action_cannot_prepare, xa_commit_whose_answer_is_lost, barrier_saga_whose_answers_are_lost,
    barrier_saga_that_rolls_back, message_with_the_work_in_one_commit,
]
