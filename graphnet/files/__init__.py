"""What can be told about `.gnet` files: what is in one, whether it is sound, how two differ."""

from graphnet.files.difference import Difference, diff_files
from graphnet.files.info import Info, read_file_info
from graphnet.files.verification import TOLERANCE, Verification, verify_file

__all__ = ["TOLERANCE", "Difference", "Info", "Verification", "diff_files", "read_file_info", "verify_file"]
