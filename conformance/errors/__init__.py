"""Sixty things that can go wrong, with hutch, runc and crun: who names the field or the cause?

    ./dev conformance --errors               a table, and conformance/results/errors.md
    ./dev conformance --errors --only WORD   cases whose name has this word, with all lines

Forty bundles are broken; twenty containers fail when they are made or run. Each case has one change
of a bundle that works, and the words that a message must have. The rules are in score.py.
"""
