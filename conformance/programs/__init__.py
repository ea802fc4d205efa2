"""Runs the validation programs of runtime-tools: ``./dev conformance --programs DIR``.

They are not part of this project: whoever has a checkout builds them there, as its README says, and
names the folder. Here is only how they are run and judged.

run        one program against one runtime, alone in a mount namespace
verdict    what its output and exit status mean
expected   which programs cannot pass, and why: expected.toml and the host's conditions
table      the table, and whether it is as expected
"""
