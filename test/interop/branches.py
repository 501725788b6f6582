"""The branch services, one HTTP server for all: /DATABASE/WAY/ACCOUNT.

`out` and `in` move an amount from or to the account, under the barrier, in a saga, a TCC, a message or a workflow; `book` moves
it in when a workflow commits; `xa` does it inside an XA transaction; `ask` is the check-back of a message. A URL with method= is called by JSON-RPC. A check may say what
comes before the work of a call, or instead of it.
"""

import contextlib
import http.server
import json
import threading
import urllib.parse

import xa
from barriers import PythonSdkBarrier, RedisBarrier, SqlBarrier
from servers import until
from wire import Ongoing, Refused

# What an operation does to an account that money goes out of, or comes in to; the others do nothing. A try reserves it.
SIGNS = {('out', 'action'): -1, ('out', 'compensate'): 1, ('out', 'rollback'): 1, ('out', 'try'): -1, ('out', 'cancel'): 1,
         ('in', 'action'): 1, ('in', 'compensate'): -1, ('in', 'rollback'): -1, ('in', 'confirm'): 1, ('book', 'commit'): 1}
JSON_RPC_CODES = {409: -32901, 425: -32902, 500: -32603}


class Branches:
    def __init__(self, databases):
        self.databases = databases  # name → server
        self.routes = {}  # path → function(info, body), for what belongs to one check
        self.calls = []  # 'path branch/op'
        self.headers = []
        self.scripts = {}  # (path, op) → what its next calls meet
        self.holds = []  # (path, op)
        self.busy = 0
        self.lock = threading.Lock()
        branches = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query))
                body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
                status, answer = branches.answer(url.path, query, body, self.headers)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Length', str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        class Http(http.server.ThreadingHTTPServer):
            request_queue_size = 64

            def handle_error(self, *_):
                """Who asked is gone, killed for one."""

        self.server = Http(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()

    def script(self, path, op, *steps):
        """What the next calls meet, each one step: what is raised instead of the work, a function that is called before it, or
        `lost`: the work is done, and its answer lost."""
        self.scripts[path, op] = list(steps)

    @contextlib.contextmanager
    def held(self, path, op):
        """Meanwhile such calls are told to come again: however slow the machine is, they do not come too early."""
        self.holds.append((path, op))
        try:
            yield
        finally:
            self.holds.remove((path, op))

    def called(self, op=None):
        return [call for call in self.calls if op is None or call.endswith('/' + op)]

    def order(self, op=None):
        """Each call once, in the order in which they came."""
        return list(dict.fromkeys(self.called(op)))

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        until(lambda: not self.busy)

    def answer(self, path, query, body, headers):
        """The call's status and body."""
        with self.lock:
            self.busy += 1
        try:
            if 'method' in query:
                return 200, self.answer_json_rpc(path, json.loads(body), headers)
            return self.outcome(path, query, body, headers)
        finally:
            with self.lock:
                self.busy -= 1

    def answer_json_rpc(self, path, request, headers):
        """The verdict is in the error's code; params are the payload, and who is called."""
        status, answer = self.outcome(path, request['params'], json.dumps(request['params']), headers)
        said = {'result': answer} if status == 200 else {'error': {'code': JSON_RPC_CODES[status], 'message': answer['error']}}
        return {'jsonrpc': request['jsonrpc'], 'id': request['id'], **said}

    def outcome(self, path, info, body, headers):
        try:
            return 200, self.serve(path, info, body, headers)
        except Refused as error:
            return 409, {'error': str(error)}
        except Ongoing as error:
            return 425, {'error': str(error)}
        except Exception as error:
            return 500, {'error': repr(error)}

    def serve(self, path, info, body, headers):
        if (path, info['op']) in self.holds:
            raise Ongoing('later')
        with self.lock:
            self.calls.append(f'{path} {info["branch_id"]}/{info["op"]}')
            self.headers.append(headers)
            script = self.scripts.get((path, info['op']))
            step = script.pop(0) if script else None
        if isinstance(step, Exception):
            raise step
        if callable(step):
            step()
        said = self.work(path, info, body)
        if step == 'lost':
            raise ConnectionError('the work is done, and its answer lost')
        return said or {'dtm_result': 'SUCCESS'}

    def work(self, path, info, body):
        if path in self.routes:
            return self.routes[path](info, body)
        _, name, way, *account = path.split('/')
        database, amount = self.databases[name], json.loads(body or '{}').get('amount', 0)
        if way == 'xa':
            return xa.serve(database, info, account[0], amount)
        barrier = self.barrier(name, info)
        if way == 'ask':
            barrier.query_prepared()
        else:
            barrier.adjust(account[0], SIGNS.get((way, info['op']), 0) * amount)

    def barrier(self, name, info):
        """The Python SDK's on MariaDB, as far as that goes: it knows no workflows."""
        kinds = {'my': SqlBarrier if info['trans_type'] == 'workflow' else PythonSdkBarrier, 'pg': SqlBarrier, 'redis': RedisBarrier}
        return kinds[name](self.databases[name], info['trans_type'], info['gid'], info['branch_id'], info['op'])
