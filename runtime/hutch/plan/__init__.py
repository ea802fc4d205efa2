"""The compiler: its input is a checked config and facts about the host, its output a plan.

A plan is data: what the runtime does, the namespaces the first process starts in, and the
operations that hutch-init carries out, each with the field of config.json it comes from. No module
here makes a system call or imports a module that does. So a plan can be printed, compared and
tested on any machine and by any user.

README.md has the rules, and the files in reading order.
"""
