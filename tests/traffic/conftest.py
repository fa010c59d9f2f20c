"""What the traffic tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def traffic_data() -> Path:
    """The TNTP networks of the real data."""
    root = Path(os.environ.get("TWIN_REAL_DATA", Path(__file__).parents[3] / "shared" / "data")) / "traffic"
    if not root.is_dir():
        pytest.skip(f"no real data at {root} (TWIN_REAL_DATA)")
    return root
