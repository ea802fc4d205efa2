"""Code that several tests use. Tests import from here, never from each other or from a conftest.

containers       a runtime's command, bundles, and their fixtures
sandboxes        hutch.run and hutch.Sandbox, with their own state
leftovers        finds, reports and removes what a session of tests has left
every_operation  containers whose plans, taken together, have every operation
installation     copies of the installation with another build of hutch-init
controls         controls of attacks: the same container without the attack runs
cgroups          cgroups and processes in them, without containers
checkpoints      a container that counts, for checkpoint and restore
systemd          containers in systemd's scopes
ordinary_user    the command as a user who is not root
rootless         warren as a user who is not root
disks            small file systems that fill up
plans            compiles plans from configs, and reads their operations
complete_config  a config with every field; config_grammar makes random configs
device_cases     device rules and what they allow
seccomp          containers whose system calls are explained or recorded
classic_bpf      what a seccomp filter returns for a system call
hostile_json     hostile texts for a JSON parser
networks         test hosts with their own networks, for the networks of warren
browser          a real browser, for pages
screens          a program on a terminal, and what a person sees there
registries       registries on loopback, and warren's command with its own store
fake_registry    a registry whose replies a test decides: wrong, cut off or refusing
checked          configs that were checked
shells           completes command lines with bash, zsh and fish
podman           podman and overlayfs, for comparing images
layers           unpacks single layers; hostile layers
import_graph     which file uses which other file
reboot           what a sudden end of the machine leaves
stress           many containers at once; kill -9 of warren and conmon
"""
