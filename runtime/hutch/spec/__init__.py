"""config.json and what it may say: reading, checking, explaining and writing it.

    load          a bundle's config.json, or a process file for exec: read, decoded, checked
    table         the types and plain constraints of every field (runtime-spec 1.3, Linux)
    shapes        what the table is made of: text, number, array, record, mapping
    formats       the plain formats of strings: "an absolute path", "a list of CPUs"
    check         the quick walk over the table: raises the first problem
    rules         what fields say about each other: duplicates, what needs which namespace
    linux_rules   those of linux alone
    normalize     what every runtime takes though the specification has it otherwise
    cold/diagnostics   the slow, complete answer: all problems, and warnings with the nearest name
    schema        the table as a JSON Schema
    pointer       the path of a field as people write it: mounts[3].options[1]
    json          JSON in and out
    config        the types of config.json for a type checker, written from the table
    default       what `hutch spec` writes
    capabilities, rlimits, signal_names, user_ids, container_id    names and what they stand for

Nothing here changes the system; only load reads files. The package imports none of its modules by
itself: each verb pays for what it uses.
"""
