"""The application's side of dtm's protocol, as its Go SDK speaks it, over HTTP or JSON-RPC."""

import json

import requests
from dtmcli.utils import DTMFailureError as Refused

SECONDS = 60
PATIENT = {'request_timeout': 30}  # so that a slow machine makes no calls that are not expected


class Ongoing(Exception):
    """A branch has not finished, and wants to be asked again."""


class DtmError(Exception):
    """What the coordinator answered was no success."""


def error_of(call):
    """What it raises, or nothing."""
    try:
        call()
    except Exception as error:
        return error
    return None


class Transaction:
    """A global transaction; the options are named as on the wire."""

    def __init__(self, dtm, trans_type, gid=None, protocol='', **options):
        self.dtm, self.protocol = dtm, protocol
        self.gid = gid or requests.get(f'{dtm}/newGid', timeout=SECONDS).json()['gid']
        self.base = {'gid': self.gid, 'trans_type': trans_type}
        self.body = {**self.base, 'concurrent': False, 'protocol': protocol, **PATIENT, **options}
        self.branches = 0

    def call(self, route, body=None):
        """The route's answer; DtmError unless it is a success."""
        body = body or self.body
        if self.protocol == 'json-rpc':
            return self.call_json_rpc(route, body)
        answer = requests.post(f'{self.dtm}/{route}', json=body, timeout=SECONDS)
        if answer.status_code != 200 or 'FAILURE' in answer.text:
            raise DtmError(answer.text)
        return answer.json()

    def call_json_rpc(self, method, params):
        url = self.dtm.replace('/api/dtmsvr', '/api/json-rpc')
        envelope = {'id': 'no-use', 'jsonrpc': '2.0', 'method': method, 'params': params}
        answer = requests.post(url, json=envelope, timeout=SECONDS)
        if answer.status_code != 200 or answer.json()['error']:
            raise DtmError(answer.text)
        return answer.json()['result']

    def prepare(self):
        self.call('prepare')

    def submit(self):
        self.call('submit')

    def abort(self, reason):
        self.call('abort', {**self.body, 'rollback_reason': reason})

    def register(self, **texts):
        self.call('registerBranch', {**self.base, **texts})

    def next_branch(self):
        self.branches += 1
        return f'{self.branches:02}'

    def call_branch(self, url, branch_id, op, payload, **query):
        """The application's own call of a branch: its body, or Refused, or Ongoing."""
        query = {**self.base, 'branch_id': branch_id, 'op': op, **query}
        answer = requests.post(url, json=payload, params=query, timeout=SECONDS)
        if answer.status_code == 409:
            raise Refused(answer.text)
        if answer.status_code == 425:
            raise Ongoing(answer.text)
        answer.raise_for_status()
        return answer.text
