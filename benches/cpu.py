#!/usr/bin/env python3
"""CPU time and peak memory of commands, measured in turn (A B A B ...), medians and the ratio.

    benches/cpu.py [-n RUNS] 'COMMAND A' ['COMMAND B' ...]

Commands go to the shell; their output is thrown away. CPU time is user + system time of the command
and all its children, as the kernel accounts it; peak memory is that of the largest single process.
"""
import argparse
import os
import statistics
import subprocess


def run(command):
    """Runs a command once: CPU seconds, wall seconds, peak bytes."""
    process = subprocess.Popen(["bash", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, process.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=5, help="counted runs of each command (default 5)")
    parser.add_argument("commands", nargs="+")
    options = parser.parse_args()
    figures = [[] for _ in options.commands]
    for number in range(options.n + 1):
        for place, command in enumerate(options.commands):
            figure = run(command)
            if number:  # the first round warms caches
                figures[place].append(figure)
    first = statistics.median(cpu for cpu, _, _ in figures[0])
    for command, runs in zip(options.commands, figures):
        cpus = sorted(cpu for cpu, _, _ in runs)
        median = statistics.median(cpus)
        codes = sorted({code for _, _, code in runs})
        print(f"{median:9.4f} s CPU ({cpus[0]:.4f}-{cpus[-1]:.4f})  {max(r[1] for r in runs) / 1e6:7.1f} MB peak"
              f"  x{median / first:8.2f}  exit {codes}  {command}")


if __name__ == "__main__":
    main()
