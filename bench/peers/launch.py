"""One asyncio process that launches as the ancestor does: launch.py <in flight> <runs> <program>; prints runs per second."""

import asyncio
import sys
import time


async def main() -> None:
    in_flight, runs, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    left = runs

    async def lane() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            process = await asyncio.create_subprocess_exec(
                program,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            await process.communicate()

    begun = time.monotonic()
    await asyncio.gather(*(lane() for _ in range(in_flight)))
    print(runs / (time.monotonic() - begun))


asyncio.run(main())
