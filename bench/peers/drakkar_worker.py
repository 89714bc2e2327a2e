"""The ancestor's worker (py-drakkar 2.x), as its documentation shows it. Settings come from BENCH_*:

BENCH_CASE   true | noop | pre   what one task runs (pre: a precomputed result, no process)
BENCH_BP     '' = the documentation's multipliers for fast tasks (x16, x4) | 'H,L' = pause and resume at so many messages
BENCH_NOOP   path of the small static program
Web interface, recorder, metrics and runtime health are off: the fastest that it can be.
"""

import os
import tempfile

import yaml
from drakkar import BaseDrakkarHandler, CollectResult, DrakkarApp, ExecutorTask, KafkaPayload, PrecomputedResult, make_task_id
from pydantic import BaseModel

E = os.environ
CASE = E['BENCH_CASE']
EXECUTORS = int(E['BENCH_EXECUTORS'])
BINARY = E['BENCH_NOOP'] if CASE == 'noop' else '/bin/true'
PRECOMPUTED = PrecomputedResult(stdout='', exit_code=0) if CASE == 'pre' else None


class In(BaseModel):
    id: str
    n: int


class Out(BaseModel):
    id: str
    n: int
    ok: bool = True


class Handler(BaseDrakkarHandler[In, Out]):
    async def arrange(self, messages, pending):
        return [
            ExecutorTask(
                task_id=make_task_id('b'),
                args=[],
                source_offsets=[m.offset],
                metadata={'id': m.payload.id, 'n': m.payload.n},
                precomputed=PRECOMPUTED,
            )
            for m in messages
            if m.payload is not None
        ]

    async def on_task_complete(self, result):
        md = result.task.metadata
        return CollectResult(kafka=[KafkaPayload(data=Out(id=md['id'], n=md['n']), key=md['id'].encode())])


high, low = (int(x) // EXECUTORS for x in E['BENCH_BP'].split(',')) if E.get('BENCH_BP') else (16, 4)
store = tempfile.mkdtemp(prefix='store-', dir=E['BENCH_DIR'])
config = {
    'kafka': {'brokers': E['BENCH_BROKERS']},
    'sources': {
        'kafka': {
            'enabled': True,
            'topic': E['BENCH_IN'],
            'consumer_group': E['BENCH_GROUP'],
            'max_poll_records': 500,
            'startup_align_enabled': False,
        }
    },
    'executor': {
        'binary_path': BINARY,
        'max_executors': EXECUTORS,
        'window_size': 200,
        'task_timeout_seconds': 30,
        'backpressure_high_multiplier': high,
        'backpressure_low_multiplier': low,
    },
    'sinks': {'kafka': {'out': {'topic': E['BENCH_OUT']}}},
    'metrics': {'enabled': False},
    'runtime_health': {'enabled': False},
    'ui': {'enabled': False, 'release': {'enabled': False}},
    'logging': {'level': 'WARNING'},
    'storage': {'dir': store},
}
path = os.path.join(store, 'drakkar.yaml')
with open(path, 'w') as file:
    yaml.safe_dump(config, file)
E.setdefault('WORKER_ID', f'bench-{os.getpid()}')
DrakkarApp(handler=Handler(), config_path=path).run()
