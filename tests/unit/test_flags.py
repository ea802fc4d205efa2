"""Every flag of every verb, and the test that sees its effect.

A flag without a line here fails; so does a line whose test is not there or does not give the flag.
"""

import ast
from pathlib import Path

import pytest
from hutch.cli.table import GLOBAL, VERBS

TESTS = Path(__file__).parents[1] / "container"

VM = "../vm/test_checkpoint::"
VM_FLAGS = "../vm/test_checkpoint_flags::test_"
SWITCHES = {
    "tcp-established": VM + "test_connections_are_saved_only_if_asked_for",
    "ext-unix-sk": VM_FLAGS + "a_socket_connected_to_the_hosts_is_saved_only_if_asked_for",
    "shell-job": VM_FLAGS + "the_callers_terminal_is_taken_only_if_asked_for",
    "file-locks": VM_FLAGS + "file_locks_are_saved_only_if_asked_for",
    "auto-dedup": VM_FLAGS
    + "what_is_not_needed_any_more_is_punched_out_of_the_images_if_asked_for",
    "link-remap": VM_FLAGS + "a_name_is_made_for_a_file_whose_own_is_gone_only_if_asked_for",
}
CGROUP_MODE = VM + "test_with_every_mode_for_cgroups_it_is_in_the_cgroup_of_its_config"
EMPTY = VM + "test_an_empty_network_namespace_is_made_anew"
LAZY = VM + "test_memory_can_be_fetched_when_it_is_needed"
IMAGES = "test_checkpoint::test_the_images_are_in_the_given_directory"
DELETES = "test_checkpoint::test_a_checkpoint_deletes_the_container_unless_it_is_left_running"
PRE_DUMP = VM + "test_a_checkpoint_builds_on_the_pre_dump_before"
CONSOLE = "test_terminal::test_the_console_socket_gets_the_master"
PIDFD = "test_handing::test_the_pidfd_socket_gets_the_first_process"
PRESERVED = "test_run::test_s01_preserved_descriptors_arrive_under_the_same_numbers_and_no_others"
KEYRING = "test_lifecycle::test_a_session_keyring_is_new_unless_the_caller_asks_to_keep_its_own"
PID_FILE = "test_lifecycle::test_the_pid_file_has_the_pid_and_is_relative_to_the_callers_directory"
PIVOT = "test_lifecycle::test_no_pivot_changes_the_root_too"
EXEC = "test_run::test_exec_flags_change_the_process"
EXEC_LABELS = "test_run::test_exec_labels_are_errors_on_a_host_without_the_module"
EXPLAINED = "test_explain::test_explain_shows_the_plan_that_create_runs"
HANDED_OUT = "test_explain::test_explain_shows_the_pid_file_and_the_pidfd_after_the_create"
LIST = "test_listing::test_list_as_json_is_one_compact_line_of_states_with_the_owners_name"
ORPHANS = (
    "test_handing::test_run_adopts_orphans_of_a_container_without_a_pid_namespace"
    "_unless_told_not_to"
)
EXPLAINS = "test_seccomp_explain::test_"
RECORDED = "test_seccomp_record::test_"
SCHEMATA = "../unit/test_intel_rdt::test_update_writes_schemata"
EACH = "test_update::test_each_flag_changes_its_limit_and_no_other"

SEEN = {
    "": {
        "root": "test_lifecycle::test_two_roots_do_not_see_each_others_containers",
        "log": "test_listing::test_the_log_gets_the_error_in_runcs_form_and_stderr_the_message",
        "log-format": "test_listing::test_the_log_as_json_has_sorted_keys",
        "debug": "test_run::test_debug_logs_each_step",
        "trace": "test_trace::test_create_is_traced_up_to_the_barrier",
        "systemd-cgroup": "test_listing::test_the_systemd_driver_is_a_clear_error",
        "rootless": "test_handing::test_rootless_true_does_without_cgroups_that_cannot_be_had",
        "strict": "test_strict::test_with_strict_a_created_container_is_not_deleted",
        "help": "test_listing::test_the_help_lists_every_verb_and_global_flag",
        "version": "test_listing::test_the_version_is_in_three_lines_and_its_parts_follow",
    },
    "checkpoint": {
        **SWITCHES,
        "image-path": IMAGES,
        "work-path": IMAGES,
        "parent-path": PRE_DUMP,
        "pre-dump": PRE_DUMP,
        "leave-running": DELETES,
        "tcp-skip-in-flight": VM_FLAGS
        + "a_connection_that_is_not_accepted_yet_is_left_out_only_if_asked_for",
        "lazy-pages": LAZY,
        "page-server": VM + "test_memory_can_go_through_a_page_server",
        "status-fd": LAZY,
        "manage-cgroups-mode": CGROUP_MODE,
        "empty-ns": EMPTY,
    },
    "create": {
        "bundle": "test_lifecycle::test_create_takes_a_relative_bundle",
        "console-socket": CONSOLE,
        "pid-file": PID_FILE,
        "pidfd-socket": PIDFD,
        "no-pivot": PIVOT,
        "no-new-keyring": KEYRING,
        "preserve-fds": PRESERVED,
    },
    "delete": {
        "force": "test_lifecycle::test_delete_force_kills_a_running_one_and_takes_an_unknown_one"
    },
    "events": {
        "interval": "test_events::test_statistics_come_at_every_interval_until_the_container_ends",
        "stats": "test_events::test_stats_are_one_line_in_runcs_form",
    },
    "exec": {
        "console-socket": "test_terminal::test_exec_detached_sends_its_terminal_too",
        "cwd": EXEC,
        "env": EXEC,
        "tty": "test_run::test_exec_tty_gives_a_terminal",
        "user": EXEC,
        "additional-gids": EXEC,
        "process": "test_run::test_exec_process_reads_a_file",
        "shell-status": "test_run::test_exec_ends_as_in_a_shell_if_asked_for",
        "detach": "test_run::test_exec_detached_leaves_the_process_and_writes_its_pid",
        "pid-file": "test_run::test_exec_in_the_foreground_writes_the_pid_too",
        "pidfd-socket": "test_handing::test_the_pidfd_socket_of_exec_gets_the_new_process",
        "process-label": EXEC_LABELS,
        "apparmor": EXEC_LABELS,
        "no-new-privs": "test_run::test_exec_no_new_privs_is_off_as_in_the_config_unless_asked_for",
        "cap": EXEC,
        "preserve-fds": "test_run::test_exec_preserves_descriptors",
        "cgroup": "test_run::test_exec_starts_in_a_sub_cgroup",
        "ignore-paused": "test_run::test_exec_ignore_paused_waits_for_the_resume",
    },
    "check": {
        "format": "test_check::test_the_forms_of_the_output",
        "bundle": "test_check::test_the_forms_of_the_output",
        "host": "test_check::test_check_host_has_a_verdict_for_each_feature",
    },
    "explain": {
        "html": "test_explain_page::test_what_cannot_be_shown_is_refused_and_writes_nothing",
        "times": "test_explain_page::test_what_cannot_be_shown_is_refused_and_writes_nothing",
        "format": "test_listing::test_explain_as_json_names_lane_call_and_field",
        "id": "test_listing::test_explain_as_json_names_lane_call_and_field",
        "bundle": EXPLAINED,
        "console-socket": EXPLAINED,
        "no-pivot": EXPLAINED,
        "no-new-keyring": EXPLAINED,
        "preserve-fds": EXPLAINED,
        "pid-file": HANDED_OUT,
        "pidfd-socket": HANDED_OUT,
    },
    "kill": {"all": "test_lifecycle::test_kill_all_reaches_every_process"},
    "list": {
        "format": LIST,
        "quiet": "test_listing::test_list_of_nothing_is_a_header_or_null",
    },
    "ps": {"format": "test_listing::test_ps_as_json_is_a_compact_array_of_host_pids"},
    "restore": {
        **SWITCHES,
        "bundle": "test_checkpoint::test_mounts_that_come_from_the_host_are_named_to_criu",
        "console-socket": VM + "test_a_terminal_comes_back_over_the_console_socket",
        "detach": VM + "test_a_terminal_comes_back_over_the_console_socket",
        "pid-file": VM + "test_memory_goes_on_where_it_was_and_the_container_is_whole",
        "no-subreaper": VM + "test_restore_in_the_foreground_stays_to_the_end_and_takes_signals",
        "no-pivot": "test_checkpoint::test_no_pivot_gives_a_warning_that_it_has_no_effect",
        "image-path": "test_checkpoint::test_mounts_that_come_from_the_host_are_named_to_criu",
        "work-path": VM + "test_memory_goes_on_where_it_was_and_the_container_is_whole",
        "lazy-pages": LAZY,
        "manage-cgroups-mode": CGROUP_MODE,
        "empty-ns": EMPTY,
        "lsm-profile": VM_FLAGS + "another_apparmor_profile_if_asked_for",
        "lsm-mount-context": "../vm/test_selinux::"
        "test_restore_gives_mounts_another_context_if_asked_for",
    },
    "run": {
        "bundle": "test_run::test_run_keep_leaves_the_stopped_container",
        "console-socket": CONSOLE,
        "detach": "test_run::test_run_detached_returns_at_once_and_the_container_lives",
        "keep": "test_run::test_run_keep_leaves_the_stopped_container",
        "no-subreaper": ORPHANS,
        "pid-file": "test_handing::test_run_passes_on_that_the_program_is_ready",
        "pidfd-socket": PIDFD,
        "no-pivot": PIVOT,
        "no-new-keyring": KEYRING,
        "preserve-fds": PRESERVED,
        "seccomp-explain": EXPLAINS + "it_says_which_rule_refuses_which_call_of_which_process",
    },
    "seccomp": {
        "output": RECORDED + "a_shell_session_runs_under_its_profile_and_does_nothing_else",
        "check": RECORDED + "a_shell_session_runs_under_its_profile_and_does_nothing_else",
        "bundle": RECORDED + "a_shell_session_runs_under_its_profile_and_does_nothing_else",
        "detach": RECORDED + "exec_is_recorded_and_a_pause_does_no_harm",
        "console-socket": CONSOLE,
        "no-subreaper": ORPHANS,
        "pid-file": RECORDED + "a_recording_takes_the_flags_of_run",
        "pidfd-socket": PIDFD,
        "no-pivot": RECORDED + "a_recording_takes_the_flags_of_run",
        "no-new-keyring": RECORDED + "a_recording_takes_the_flags_of_run",
        "preserve-fds": RECORDED + "a_recording_takes_the_flags_of_run",
        "format": EXPLAINS + "the_exit_codes_of_diff_are_those_of_diff_1",
    },
    "spec": {
        "bundle": "test_listing::test_spec_writes_a_config_that_runs_and_never_overwrites",
        "rootless": "test_listing::test_spec_rootless_has_a_user_namespace",
    },
    "install-runtime": {
        "write": "test_install_runtime::test_podman_and_buildah_run_containers_with_it",
        "remove": "test_install_runtime::test_a_link_and_the_mode_stay",
        "check": "test_install_runtime::test_containerd_finds_it_and_runs_a_container",
        "default": "test_install_runtime::test_podman_and_buildah_run_containers_with_it",
        "config": "test_install_runtime::test_a_link_and_the_mode_stay",
        "name": "test_install_runtime::test_the_program_is_this_one_or_the_named_one",
        "program": "test_install_runtime::test_the_program_is_this_one_or_the_named_one",
    },
    "top": {
        "all": "test_top::test_a_table_that_is_printed_once",
        "count": "test_top::test_a_table_that_is_printed_once",
        "sort": "test_top::test_a_table_that_is_printed_once",
        "interval": "test_top::test_the_first_table_comes_after_one_interval",
        "format": "test_top::test_as_json",
    },
    "update": {
        "resources": "test_update::test_resources_from_a_file_or_stdin_as_docker_sends_them",
        "blkio-weight": "test_update::test_blkio_weight_is_written_where_the_host_has_it",
        "cpu-burst": EACH,
        "cpu-idle": EACH,
        "cpu-period": EACH,
        "cpu-quota": EACH,
        "cpu-rt-period": EACH,
        "cpu-rt-runtime": "test_update::test_cpu_rt_runtime_is_written_or_the_error_is_the_kernels",
        "cpu-share": EACH,
        "cpuset-cpus": EACH,
        "cpuset-mems": EACH,
        "l3-cache-schema": SCHEMATA,
        "mem-bw-schema": SCHEMATA,
        "memory": EACH,
        "memory-reservation": EACH,
        "memory-swap": EACH,
        "pids-limit": EACH,
    },
}
ROWS = [
    (verb, flag)
    for verb, flags in [("", GLOBAL), *[(verb, row[4]) for verb, row in VERBS.items()]]
    for flag in flags
]


@pytest.mark.parametrize(("verb", "flag"), ROWS, ids=[f"{v} --{f[0]}" for v, f in ROWS])
def test_a_flag_has_a_test_that_gives_it(verb: str, flag: tuple[str, str, str, str]) -> None:
    name, short = flag[:2]
    place = SEEN.get(verb, {}).get(name)
    assert place, f"no test is known to see the effect of {verb} --{name}"
    file, _, test = place.partition("::")
    source = (TESTS / f"{file}.py").read_text()
    found = {
        node.name: ast.get_source_segment(source, node) or ""
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    }
    assert test in found, f"{place} is not there"
    if "from tests.support.checkpoints import" in source:
        source += (TESTS.parent / "support" / "checkpoints.py").read_text()
    # In the test itself, or in what it shares with the others of its file.
    given = [f"--{name}", f'"{name}"', *([f'"-{short}"'] if short else [])]
    assert any(word in found[test] or word in source for word in given), f"{place}: no --{name}"


def test_no_line_is_left_of_a_flag_that_is_gone() -> None:
    known = {(verb, flag[0]) for verb, flag in ROWS}
    assert {(verb, name) for verb, flags in SEEN.items() for name in flags} <= known
