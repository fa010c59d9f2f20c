"""Every test of the flood modules below runs with each scheme."""

from collections.abc import Iterator

import pytest

from tests.flood import basins

SCHEMES = ("first_order", "second_order")
BOTH = ("test_analytic", "test_forcing", "test_properties", "test_rest", "test_watching")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.module.__name__.rpartition(".")[2] in BOTH:
        metafunc.fixturenames.append("scheme")
        metafunc.parametrize("scheme", SCHEMES, scope="module")


@pytest.fixture(autouse=True)
def _scheme(request: pytest.FixtureRequest) -> Iterator[None]:
    """The scheme that `basins` gives to its solvers while a test runs."""
    before = basins.SCHEME
    if hasattr(request.node, "callspec"):
        basins.SCHEME = request.node.callspec.params.get("scheme", before)
    yield
    basins.SCHEME = before
