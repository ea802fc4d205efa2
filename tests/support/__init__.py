"""What several tests use. Tests import from here, never from each other or from a conftest.

containers       a runtime's command, bundles, and the fixtures that go with them
sandboxes        hutch.run and hutch.Sandbox, with a state of their own
leftovers        what a session of tests leaves on the machine is found, told and removed
every_operation  containers whose plans, taken together, have every operation
installation     copies of the installation with another build of hutch-init
controls         controls of attacks: the same attack where nothing stands in its way
cgroups          cgroups and processes in them, without containers
checkpoints      a container that counts, to be checkpointed
systemd          containers in systemd's scopes
ordinary_user    the command as a user who is not root
disks            small file systems that fill up
plans            plans compiled of configs, and what is in them
complete_config  a config with every field; config_grammar makes configs by chance
device_cases     device rules and what they allow
classic_bpf      what a seccomp filter says of a system call
hostile_json     texts that no parser may trip over
networks         hosts of their own for the networks of warren
registries       registries on loopback, and warren's command with a store of its own
fake_registry    a registry that lies, breaks off and refuses as it is told
checked          configs that the check has let pass
shells           bash, zsh and fish that complete a command line
podman           podman and overlayfs, to compare images with
layers           layers unpacked one by one, and hostile ones
import_graph     which file uses which
"""
