"""When a page or a part of it was measured, and on which sources."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of git on this repository."""
    return subprocess.run(
        ["git", "-C", str(Path(__file__).parent), *arguments], capture_output=True, text=True, check=False
    )  # fmt: skip


def commit(sources: str) -> str:
    """The commit of the sources, with a + where these (":/twin/solvers/flood") are not as committed."""
    changed = git("status", "--porcelain", "--", sources).stdout.strip()
    return (git("rev-parse", "--short", "HEAD").stdout.strip() or "?") + ("+" if changed else "")


def measured(sources: str) -> str:
    """A line of Markdown: today, at this commit."""
    return f"*Measured {datetime.now(UTC):%Y-%m-%d} at {commit(sources)}.*"
