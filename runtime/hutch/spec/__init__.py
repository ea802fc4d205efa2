"""Reads, checks, explains and writes config.json.

No module here changes the system, and only ``load`` reads files. The package itself imports none of
its modules, so that each command loads only what it uses.

README.md has the rules, and the files in reading order.
"""
