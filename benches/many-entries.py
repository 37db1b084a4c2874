#!/usr/bin/env python3
"""A tar of very many small entries on standard output, to measure memory:

    benches/many-entries.py 5000000 | /usr/bin/time -v oskin --catalog many.db add tar:- --name many

Every 50th entry is a directory, the rest are empty files in it; paths are about 60 bytes long.
"""
import sys

BLOCK = 512


def header(name, directory):
    fields = [
        (name, 100),
        (b"0000755\0" if directory else b"0000644\0", 8),
        (b"0000000\0", 8),
        (b"0000000\0", 8),
        (b"00000000000\0", 12),
        (b"00000000000\0", 12),
        (b"        ", 8),
        (b"5" if directory else b"0", 1),
        (b"", 100),
        (b"ustar\x0000", 8),
    ]
    block = b"".join(value.ljust(width, b"\0") for value, width in fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def main():
    out = sys.stdout.buffer
    folder = b""
    for number in range(int(sys.argv[1])):
        if number % 50 == 0:
            folder = b"usr/share/application-%07d/resources/translations" % (number // 50)
            out.write(header(folder + b"/", True))
        else:
            out.write(header(folder + b"/message-%02d.catalog" % (number % 50), False))
    out.write(bytes(2 * BLOCK))


if __name__ == "__main__":
    main()
