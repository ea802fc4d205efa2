"""The compiler: a checked config and facts of the host in, a plan out.

A plan is data: what the runtime does, the namespaces the first process starts in, and the
operations that hutch-init carries out, each with the field of config.json it comes from. Nothing
here makes a system call or imports what does, so that a plan can be printed, compared and tested
anywhere, by anybody.

    compile     the order of everything, for create and run
    enter       the same for exec
    namespaces, mounts, mount_options, devices, process, sysctls, hooks      a subject each
    resources_compile, device_rules, cgroup_paths                            the container's cgroup
    operations  the operations, generated from native/plan.def
    encode      operations to bytes
    steps       a plan as a person reads it
    failure     what failed in a plan, as a sentence
"""
