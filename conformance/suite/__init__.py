"""The suite of this project: a table of every MUST and SHOULD of runtime-spec 1.3 for Linux.

A row has an id (the document and the line in v1.3.0), the requirement in plain words, and a check
that runs in a container, or an argument why no container can show it.

table      the types of rows and documents, and the exceptions of a check
every      all rows
case       what a check gets: a bundle, a runtime, and the report of the probe
host       the features of this host; a row that needs a missing one is "not applicable here"
sentences  the lines of the specification with requirements: each must have a row
run        runs all rows with all runtimes, several at the same time
report     one page in Markdown, one in HTML

The rows: bundle, lifecycle, hooks, properties, mounts, options, process, namespaces, devices,
network_devices, cgroups, limits, rdt, seccomp, paths, features.
"""
