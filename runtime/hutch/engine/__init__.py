"""warren's containers, above images and the runtime.

engine      one store's engine: what all verbs need
containers  making, starting, ending and looking at containers
volumes     folders with a name that outlive containers
errors      what callers tell apart
"""
