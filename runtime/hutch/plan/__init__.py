"""The compiler: a checked config and facts of the host in, a plan out.

A plan is data: what the runtime does, the namespaces the first process starts in, and the
operations that hutch-init carries out, each with the field of config.json it comes from. Nothing
here makes a system call or imports what does, so that a plan can be printed, compared and tested
anywhere, by anybody.

README.md has the rules, and the files in reading order.
"""
