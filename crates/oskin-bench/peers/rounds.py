#!/usr/bin/env python3
"""Runs opponents in turn, round by round, so that a busy machine slows all of them alike.

    rounds.py CORPUS --rounds 3 'sets.py' 'sourmash_minhash.py --scaled 100' ... >> figures.jsonl

With a limit on CPU time Linux counts that time by its ticks, of 4 ms as a rule: what takes less needs
--cpu-limit 0. A command that fails is told of on the standard error, and as a line with its reason in the output.
"""
import argparse
import json
import pathlib
import resource
import shlex
import subprocess
import sys


def limit(seconds):
    if seconds:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("commands", nargs="+")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--cpu-limit", type=int, default=900, help="seconds a run may take, 0 for any")
    args = parser.parse_args()
    here = pathlib.Path(__file__).parent
    for _ in range(args.rounds):
        for command in args.commands:
            script, *options = shlex.split(command)
            done = subprocess.run(
                [sys.executable, str(here / script), args.corpus, *options],
                stdout=subprocess.PIPE,
                text=True,
                preexec_fn=lambda: limit(args.cpu_limit),
            )
            if done.returncode == 0:
                print(done.stdout.strip(), flush=True)
                continue
            reason = f"stopped by signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
            failure = {"failed": command, "corpus": pathlib.Path(args.corpus).name, "reason": reason}
            print("# " + json.dumps(failure), flush=True)
            print(f"{command}: {reason}", file=sys.stderr)


if __name__ == "__main__":
    main()
