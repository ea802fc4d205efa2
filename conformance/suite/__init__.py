"""Our own suite: every MUST and SHOULD of runtime-spec 1.3 that touches Linux, as a row of a table.

A row has an id (the document and the line of v1.3.0 that it stands in), the requirement in our own
words, and a check that shows it from inside a container, or the argument why none can.

table      what a row is, what a document is, and what a check may raise
every      all rows
case       what a check is given: a bundle, a runtime, and what the probe says from inside
host       what this host has; what it lacks makes a row "not applicable here"
sentences  the lines of the specification that demand something: none may be without a row
run        all rows against all runtimes, several at once
report     one page in Markdown, one in HTML

The rows: bundle, lifecycle, hooks, properties, mounts, options, process, namespaces, devices,
network_devices, cgroups, limits, rdt, seccomp, paths, features.
"""
