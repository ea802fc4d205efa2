"""The command lines of hutch and warren: parse, call, print. No logic.

table      hutch's verbs and flags: the one source of parsing, --help and completion
arguments  the parser of that table
usage      --help and --version
log        --log, --log-format, --debug: how an error or a warning is told
main       hutch's entry
verbs      one file a verb
warren     warren's command line
"""
