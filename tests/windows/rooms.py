"""The tests that also run on Windows, and those among them that cannot hold there, each with its reason."""

from __future__ import annotations

import sys

import pytest

ROOMS = (
    "tests/settings/",
    "tests/system/",
    "tests/state/test_instance.py",
    "tests/state/test_requests.py",
    "tests/state/test_status.py",
    "tests/watcher/test_filters.py",
    "tests/worker/test_output.py",
    "tests/worker/test_retry_policy.py",
    "tests/windows/",
)
DESKTOP = "folders of Linux desktops"
LINKS = "needs symlinks, for which Windows wants a right and which wine does not make"
LONG = "wine's disk is one of Linux, whose names have 255 bytes"
MODES = "Windows has no permissions for owner, group and others"
NAMES = "Windows allows no such name"
POSIX = "a way of publishing that only POSIX systems take"
OPEN = "Windows lets no one delete an open file"
SLOW = "takes minutes on wine"
POWER = "this Windows takes no power requests"
CANNOT_HOLD = {
    "test_atomic.py::test_a_temporary_is_private_and_complete": MODES,
    "test_atomic.py::test_an_atomic_write_keeps_the_permissions": MODES,
    "test_requests.py::test_only_the_owner_may_write_requests": MODES,
    "test_autostart.py::test_at_most_one_entry_is_on": LINKS,
    "test_publish.py::test_a_name_that_is_taken_is_never_replaced": LINKS,
    "test_publish.py::test_a_file_with_the_same_bytes_may_be_adopted_as_the_copy": LINKS,
    "test_requests.py::test_a_folder_or_a_link_in_place_of_a_request_is_set_aside": LINKS,
    "test_requests.py::test_a_photo_gets_the_path_below_its_watched_folder": LINKS,
    "test_requests.py::test_a_photo_in_nested_watched_folders_belongs_to_the_innermost": LINKS,
    "test_requests.py::test_a_photo_that_is_a_link_keeps_its_path": LINKS,
    "test_requests.py::test_a_photo_outside_the_watched_folder_is_refused[in/link/a.jpg]": LINKS,
    "test_autostart.py::test_the_autostart_folder_follows_xdg_config_home": DESKTOP,
    "test_logs.py::test_each_photo_has_one_line_and_each_failure_its_reason": NAMES,
    "test_paths.py::test_the_home_of_an_unknown_user_is_an_ordinary_folder_name": (
        "there the home of any user lies beside one's own"
    ),
    "test_filemanager.py::test_an_entry_is_switched_on_and_off_again_and_again[nautilus]": DESKTOP,
    "test_filemanager.py::test_an_entry_is_switched_on_and_off_again_and_again[dolphin]": DESKTOP,
    "test_filters.py::test_a_large_folder_is_offered_whole": SLOW,
    "test_output.py::test_a_copy_takes_its_originals_times_and_permissions": MODES,
    "test_output.py::test_a_dangling_link_below_the_output_is_in_the_way": LINKS,
    "test_output.py::test_a_disk_without_permissions_and_times_gets_its_copies_anyway": MODES,
    "test_output.py::test_a_folder_replaced_by_a_link_while_its_photo_is_restored_gets_nothing": LINKS,
    "test_output.py::test_a_link_below_the_output_is_not_followed_and_nothing_is_created_behind_it": LINKS,
    "test_output.py::test_a_long_name_leaves_room_for_the_tails_of_side_files": LONG,
    "test_output.py::test_a_side_file_that_cannot_be_written_is_logged_and_leaves_the_copy_as_it_is": LONG,
    "test_output.py::test_an_output_that_is_a_link_is_followed": LINKS,
    "test_status.py::test_a_ledger_without_its_log_is_named_instead_of_zeros": OPEN,
    "test_status.py::test_a_ledger_written_out_before_its_log_was_lost_is_named_as_old": OPEN,
    "test_status.py::test_a_ledger_that_was_deleted_under_the_daemon_is_named": OPEN,
    "test_status.py::test_a_ledger_without_its_log_and_without_a_daemon_is_no_empty_ledger": OPEN,
    "test_sleep.py::test_windows_takes_requests_again_and_again": POWER,
    "test_store.py::test_a_config_that_is_a_link_stays_a_link": LINKS,
    "test_publish.py::test_a_claimed_name_is_removed_when_the_rename_fails": POSIX,
    "test_publish.py::test_a_rename_that_succeeded_despite_an_error_is_kept": POSIX,
}


def mark_for_windows(items: list[pytest.Item]) -> None:
    """Mark the tests of ROOMS with `windows`, and skip on Windows those of CANNOT_HOLD."""
    for item in items:
        if not item.nodeid.startswith(ROOMS):
            continue
        item.add_marker("windows")
        name = f"{item.path.name}::{item.name}"
        reason = CANNOT_HOLD.get(name) or CANNOT_HOLD.get(name.partition("[")[0])
        if reason and sys.platform == "win32":
            item.add_marker(pytest.mark.skip(reason=reason))
