"""What the checks run against: demo/server, and private servers of MariaDB, PostgreSQL and Redis in folders of their own.

Each can be killed and started again on its files. Each database keeps two accounts, `a` and `b`, that start with 100; those
that speak SQL have dtm's barrier table too, and the words of XA.
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import pg8000.dbapi
import pymysql
import redis

BARRIER = """CREATE TABLE dtm_barrier.barrier (id BIGINT {auto} PRIMARY KEY, trans_type VARCHAR(45), gid VARCHAR(128),
    branch_id VARCHAR(128), op VARCHAR(45), barrier_id VARCHAR(45), reason VARCHAR(45), create_time {time} DEFAULT now(),
    update_time {time} DEFAULT now(), CONSTRAINT uniq_barrier UNIQUE (gid, branch_id, op, barrier_id))"""
BARRIER_ROW = 'INTO dtm_barrier.barrier (trans_type, gid, branch_id, op, barrier_id, reason) VALUES (%s, %s, %s, %s, %s, %s)'


def until(what, seconds=60):
    """Calls it until it returns something true, and returns that; what it raises means not yet."""
    end = time.monotonic() + seconds
    while True:
        late = time.monotonic() > end
        try:
            found = what()
            if found:
                return found
        except Exception:
            if late:
                raise
        assert not late, f'not within {seconds} s'
        time.sleep(0.02)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def killed(work):
    """Runs it in a process of its own, which calls die() in the middle of it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    try:
        _, status = os.waitpid(child, 0)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    assert os.WIFSIGNALED(status), 'the process went on to its end'


class Server:
    """A process that can be killed and started again; the others say how it is started, and when it is ready."""

    process = None
    user = None

    def start(self):
        def ready():
            if self.process is None or self.process.poll() is not None:  # it may not start at once after a kill
                self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                                user=self.user, cwd='/')
            return self.ready()

        try:
            until(ready, 120)
        except BaseException:
            self.kill()
            raise

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def restart(self):
        self.kill()
        self.start()


class Coordinator(Server):
    """demo/server: the first time on any port that is free, then on the same."""

    def __init__(self, build, folder):
        self.program = [str(build / 'demo/server'), '--store', str(pathlib.Path(folder) / 'troth.db')]
        self.address = None
        self.answering = threading.RLock()  # who holds it is answered: a restart waits
        self.start()

    def restart(self):
        with self.answering:
            super().restart()

    def command(self):
        # Not of the ports that the system itself gives away: nobody takes it while this server is dead.
        address = self.address or f'127.0.0.1:{random.randrange(20000, 32000)}'
        return [*self.program, '--listen', address]

    def ready(self):
        said = self.process.stdout.readline()
        if not said.startswith('listening on http://'):
            self.process.wait()
            return False
        self.url = said.split()[2].rstrip(',')
        self.address = urllib.parse.urlparse(self.url).netloc
        return True

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        said = self.process.stdout.read()
        return self.process.wait(), said

    def query(self, gid):
        return json.load(urllib.request.urlopen(f'{self.url}/query?gid={gid}', timeout=30))

    def await_status(self, gid, status):
        """Waits until the transaction has it; the operations of its branches, and how they stand."""
        def found():
            answer = self.query(gid)
            return answer['transaction']['status'] == status and answer

        return [(branch['op'], branch['status']) for branch in until(found)['branches']]

    def reason(self, gid):
        return self.query(gid)['transaction']['rollback_reason']


class SqlServer(Server):
    """What MariaDB and PostgreSQL have in common."""

    def run(self, *statements):
        with contextlib.closing(self.connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def start_over(self):
        for xid in self.prepared():
            self.run(self.XA['rollback'].format(xid=xid))
        self.run('DELETE FROM account', "INSERT INTO account VALUES ('a', 100), ('b', 100)", 'DELETE FROM dtm_barrier.barrier')

    def balances(self):
        return dict(self.run('SELECT name, balance FROM account'))


class MariaDb(SqlServer):
    INSERT_BARRIER = f'INSERT IGNORE {BARRIER_ROW}'
    XA = {'start': "XA START '{xid}'", 'end': "XA END '{xid}'", 'prepare': "XA PREPARE '{xid}'", 'commit': "XA COMMIT '{xid}'",
          'rollback': "XA ROLLBACK '{xid}'"}

    def __init__(self, folder):
        self.data = pathlib.Path(folder) / 'mariadb'
        self.data.mkdir()
        self.socket = str(self.data / 'socket')
        self.flags = ['--no-defaults', f'--datadir={self.data}', *(['--user=root'] if os.getuid() == 0 else [])]
        subprocess.run(['mariadb-install-db', *self.flags, '--auth-root-authentication-method=normal', '--skip-test-db'],
                       check=True, capture_output=True, timeout=300)
        self.database = None
        self.start()
        self.run('CREATE DATABASE dtm_barrier', BARRIER.format(auto='AUTO_INCREMENT', time='DATETIME'), 'CREATE DATABASE bank')
        self.database = 'bank'
        self.run('CREATE TABLE account (name VARCHAR(20) PRIMARY KEY, balance INT)')

    def command(self):
        return [shutil.which('mariadbd') or '/usr/sbin/mariadbd', *self.flags, f'--socket={self.socket}', '--skip-networking',
                '--innodb-buffer-pool-size=32M', '--innodb-flush-log-at-trx-commit=2']

    def ready(self):
        self.connect().close()
        return True

    def connect(self, autocommit=True):
        return pymysql.connect(unix_socket=self.socket, user='root', database=self.database, autocommit=autocommit)

    def prepared(self):
        """The xids that wait for their second phase."""
        return [data[:length].decode() if isinstance(data, bytes) else data[:length] for _, length, _, data in self.run('XA RECOVER')]

    def close(self, connection):
        """Nobody else ends an XA transaction as long as the server has not noticed that its connection is gone."""
        gone = f'SELECT count(*) = 0 FROM information_schema.processlist WHERE id = {connection.thread_id()}'
        connection.close()
        until(lambda: self.run(gone)[0][0])

    def stop(self):
        self.kill()


class Postgres(SqlServer):
    """It does not run as root."""

    INSERT_BARRIER = f'INSERT {BARRIER_ROW} ON CONFLICT ON CONSTRAINT uniq_barrier DO NOTHING'
    XA = {'start': 'BEGIN', 'prepare': "PREPARE TRANSACTION '{xid}'", 'commit': "COMMIT PREPARED '{xid}'",
          'rollback': "ROLLBACK PREPARED '{xid}'"}

    def __init__(self, folder):
        self.programs = sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin'))[-1]
        self.user = 'postgres' if os.getuid() == 0 else None
        self.data = pathlib.Path(folder) / 'postgres'
        self.data.mkdir()
        if self.user:
            shutil.chown(self.data, self.user)
        subprocess.run([self.programs / 'initdb', '-D', self.data, '-A', 'trust', '-U', 'postgres', '-N'], check=True,
                       capture_output=True, timeout=300, cwd='/', user=self.user)
        self.start()
        self.run('CREATE SCHEMA dtm_barrier', BARRIER.format(auto='GENERATED ALWAYS AS IDENTITY', time='TIMESTAMP'),
                 'CREATE TABLE account (name VARCHAR(20) PRIMARY KEY, balance INT)')

    def command(self):
        return [self.programs / 'postgres', '-D', self.data, '-k', self.data, '-h', '', '-c', 'max_prepared_transactions=50',
                '-c', 'fsync=off', '-c', 'shared_buffers=16MB']

    def ready(self):
        self.connect().close()
        return True

    def connect(self, autocommit=True):
        connection = pg8000.dbapi.connect('postgres', unix_sock=str(self.data / '.s.PGSQL.5432'), database='postgres')
        connection.autocommit = autocommit
        return connection

    def prepared(self):
        return [xid for (xid,) in self.run('SELECT gid FROM pg_prepared_xacts')]

    def close(self, connection):
        connection.close()

    def stop(self):
        """At once, its children too."""
        if self.process:
            self.process.send_signal(signal.SIGQUIT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
        self.kill()


class Redis(Server):
    """Its accounts are keys."""

    def __init__(self, folder):
        self.socket = str(pathlib.Path(folder) / 'redis')
        self.start()

    def command(self):
        return ['redis-server', '--port', '0', '--unixsocket', self.socket, '--save', '', '--appendonly', 'no']

    def ready(self):
        with self.connect() as connection:
            return connection.ping()

    def connect(self):
        return redis.Redis(unix_socket_path=self.socket, decode_responses=True)

    def start_over(self):
        with self.connect() as connection:
            connection.flushall()
            connection.mset({'a': 100, 'b': 100})

    def balances(self):
        with self.connect() as connection:
            return {name: int(connection.get(name)) for name in 'ab'}

    def stop(self):
        self.kill()
