"""What `docker build` would make, as a folder with packages that an ordinary account can use."""

import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.integration.docker.files import copied, installed_locks
from tests.servers import ROOT


def ordinary_account() -> pwd.struct_passwd | None:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def as_account(account: pwd.struct_passwd | None) -> dict[str, Any]:
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def find_python() -> str:
    """One that an ordinary account can run: root's own may be out of its reach."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (sys.executable, f"/usr/local/bin/{name}", f"/usr/bin/{name}"):
        with suppress(OSError, subprocess.CalledProcessError):
            subprocess.run([path, "-c", ""], check=True, capture_output=True, **as_account(ordinary_account()))
            return path
    pytest.skip(f"SKIPPED: no {name} that an ordinary account can run")


def build_image(folder: Path) -> Path:
    """What `docker build` would: the packages of the locks and the files that are copied, nothing else."""
    subprocess.run([find_python(), "-m", "venv", "--without-pip", folder / "packages"], check=True)
    packages = next((folder / "packages" / "lib").glob("python3.*")) / "site-packages"
    locks = "".join(path.read_text() for path in installed_locks())
    for name in re.findall(r"^([\w.-]+)==", locks, re.MULTILINE):
        with suppress(importlib.metadata.PackageNotFoundError):  # one for other systems
            install(importlib.metadata.distribution(name), packages, folder / "packages" / "bin")
    target = folder / "backout"
    target.mkdir()
    for source in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, target)
    return target


def install(package: importlib.metadata.Distribution, packages: Path, programs: Path) -> None:
    """A package that is installed here, where an image would have it: linked, if an ordinary account can follow."""
    for top in {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}:
        original, copy = Path(str(package.locate_file(top))), packages / top
        if copy.exists():
            continue
        test = subprocess.run(["test", "-r", original], check=False, **as_account(ordinary_account()))
        if test.returncode == 0:
            copy.symlink_to(original)
        elif original.is_dir():
            shutil.copytree(original, copy)
        else:
            shutil.copy(original, copy)
    for script in package.entry_points.select(group="console_scripts"):
        program = programs / script.name
        program.write_text(
            f"#!{programs}/python\nimport sys\nfrom {script.module} import {script.attr}\nsys.exit({script.attr}())\n"
        )
        program.chmod(0o755)
