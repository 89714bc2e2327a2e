"""Tasks a second of an asyncio pool of persistent processes over JSON lines: program, processes, in flight, seconds."""
import asyncio
import json
import sys
import time

PROGRAM, PROCESSES, IN_FLIGHT, SECONDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])


class Worker:
    async def start(self):
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(PROGRAM, "json", stdin=pipe, stdout=pipe)
        self.waiting, self.last = {}, 0
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        while line := await self.process.stdout.readline():
            answer = json.loads(line)
            self.waiting.pop(answer["id"]).set_result(answer)

    async def run(self, stdin):
        self.last += 1
        answered = asyncio.get_running_loop().create_future()
        self.waiting[self.last] = answered
        request = {"op": "task", "id": self.last, "task": "task", "args": [], "stdin": stdin}
        self.process.stdin.write(json.dumps(request, separators=(",", ":")).encode() + b"\n")
        return (await answered)["stdout"]


async def main():
    workers = [Worker() for _ in range(PROCESSES)]
    for worker in workers:
        await worker.start()
    done, end = 0, time.monotonic() + SECONDS

    async def lane(worker):
        nonlocal done
        while time.monotonic() < end:
            assert len(await worker.run("x" * 100)) == 100
            done += 1

    begun = time.monotonic()
    await asyncio.gather(*(lane(worker) for worker in workers for _ in range(IN_FLIGHT)))
    print(done / (time.monotonic() - begun))
    for worker in workers:
        worker.process.stdin.close()
        await worker.process.wait()


asyncio.run(main())
