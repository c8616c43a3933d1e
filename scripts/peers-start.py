#!/usr/bin/env python3
"""usage: scripts/peers-start.py RUNS COMMAND_OF_ONE_TOKEN COMMAND_OF_MANY

Both commands are completed with the name of a file that holds a prompt: 5 words for the first, 17
sentences for the second, which are 240 tokens of SmolLM2's and 510 of a random model's. Prints as
JSON the median seconds of the first, from its start to its end with the file in the page cache, and
the most resident bytes of the second.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

SHORT = "The capital of France is"
LONG = "On a clear day one sees from here as far as the sea. " * 17


def run(command, prompt):
    """(seconds, most resident bytes) of one process, or an exit with what it said."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file, tempfile.TemporaryFile() as said:
        file.write(prompt)
        file.flush()
        begin = time.monotonic()
        process = subprocess.Popen(
            [*command.split(), file.name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
        if status != 0:
            said.seek(0)
            sys.exit(f"{command} failed: {said.read().decode()[-500:]}")
        return seconds, usage.ru_maxrss * 1024


def main(runs, one, many):
    run(one, SHORT)
    seconds = statistics.median(run(one, SHORT)[0] for _ in range(runs))
    print(json.dumps({"firstTokenSeconds": seconds, "mostResidentBytes": run(many, LONG)[1]}))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(int(sys.argv[1]), *sys.argv[2:])
