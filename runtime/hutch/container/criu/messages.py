"""CRIU's RPC messages. They are encoded here without a protobuf library, since few are needed.

The numbers are those of CRIU's images/rpc.proto; protobuf.dev, "Encoding", describes the bytes.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    # The number of each field of a message, and "number", "text" or the fields of one inside.
    Fields = Mapping[str, tuple[int, "str | Fields"]]

DUMP, RESTORE, PRE_DUMP, NOTIFY, VERSION = 1, 2, 4, 6, 10

CGROUP_MODES = {"ignore": 0, "soft": 3, "full": 4, "strict": 5}

OPTIONS: "Fields" = {
    "images_dir_fd": (1, "number"),
    "pid": (2, "number"),
    "leave_running": (3, "number"),
    "ext_unix_sk": (4, "number"),
    "tcp_established": (5, "number"),
    "evasive_devices": (6, "number"),
    "shell_job": (7, "number"),
    "file_locks": (8, "number"),
    "log_level": (9, "number"),
    "log_file": (10, "text"),
    "ps": (11, {"address": (1, "text"), "port": (2, "number")}),
    "notify_scripts": (12, "number"),
    "root": (13, "text"),
    "parent_img": (14, "text"),
    "track_mem": (15, "number"),
    "auto_dedup": (16, "number"),
    "work_dir_fd": (17, "number"),
    "link_remap": (18, "number"),
    "ext_mnt": (23, {"key": (1, "text"), "val": (2, "text")}),
    "manage_cgroups": (24, "number"),
    "cg_root": (25, {"ctrl": (1, "text"), "path": (2, "text")}),
    "rst_sibling": (26, "number"),
    "inherit_fd": (27, {"key": (1, "text"), "fd": (2, "number")}),
    "ext_masters": (30, "number"),
    "manage_cgroups_mode": (34, "number"),
    "external": (37, "text"),
    "empty_ns": (38, "number"),
    "freeze_cgroup": (44, "text"),
    "tcp_skip_in_flight": (46, "number"),
    "lazy_pages": (48, "number"),
    "status_fd": (49, "number"),
    "orphan_pts_master": (50, "number"),
    "config_file": (51, "text"),
    "lsm_profile": (53, "text"),
    "lsm_mount_context": (63, "text"),
}

REQUEST: "Fields" = {
    "type": (1, "number"),
    "opts": (2, OPTIONS),
    "notify_success": (3, "number"),
}


def encode(message: "Mapping[str, object]", fields: "Fields") -> bytes:
    """The bytes of the message. A list is a repeated field; None and "" are left out."""
    result = b""
    for name, value in message.items():
        number, kind = fields[name]
        for item in value if isinstance(value, list) else [value]:
            if item is None or item == "":
                continue
            if isinstance(item, int):
                result += _varint(number << 3) + _varint(item)
                continue
            if isinstance(item, str):
                data = item.encode()
            else:
                assert isinstance(item, dict) and not isinstance(kind, str)
                data = encode(item, kind)
            result += _varint(number << 3 | 2) + _varint(len(data)) + data
    return result


def decode(data: bytes) -> "dict[int, int | bytes]":
    """The fields of a message by their numbers; of a repeated field only the last value. Numbers
    are int, strings and messages are bytes. Raises ValueError if ``data`` is no message."""
    result: dict[int, int | bytes] = {}
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        value: int | bytes
        if kind == 0:
            value, at = _read_varint(data, at)
        elif kind in {1, 2, 5}:
            length = 8 if kind == 1 else 4
            if kind == 2:
                length, at = _read_varint(data, at)
            value = data[at : at + length]
            if len(value) != length:
                raise ValueError("the message is cut off")
            at += length
        else:
            raise ValueError(f"unknown wire type {kind}")
        result[key >> 3] = value
    return result


def _varint(value: int) -> bytes:
    """A varint: seven bits in each byte, the lowest first; only the last byte has its high bit
    clear."""
    result = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)


def _read_varint(data: bytes, at: int) -> "tuple[int, int]":
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("the message is cut off")
