"""Runs the validation programs of runtime-tools: ``./dev conformance --programs DIR``.

The programs are not part of this project. The user builds them, as the README of runtime-tools
says, and names the folder. These modules run them and evaluate the results.

run        runs one program with one runtime, in its own mount namespace
verdict    what its output and exit status mean
expected   which programs cannot pass, and why: expected.toml and the host's conditions
table      the table, and whether it is as expected
"""
