import subprocess
import sys

HEAVY = {"PIL", "matplotlib", "tqdm", "urllib.request", "zipfile"}


def test_importing_the_package_brings_no_heavy_module():
    code = f"import sys, graphnet.data; print(*{HEAVY} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
