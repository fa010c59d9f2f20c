"""Every test of the flood modules below runs with each scheme."""

from collections.abc import Iterator

import pytest

from tests.flood import basins

SCHEMES = ("first_order", "second_order")
BOTH = ("test_analytic", "test_forcing", "test_properties", "test_rest")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.module.__name__.rpartition(".")[2] in BOTH:
        metafunc.fixturenames.append("scheme")
        metafunc.parametrize("scheme", SCHEMES, indirect=True, scope="module")


@pytest.fixture(scope="module")
def scheme(request: pytest.FixtureRequest) -> Iterator[str]:
    """The scheme that `basins` gives to its solvers while a test runs."""
    basins.SCHEME, before = request.param, basins.SCHEME
    yield request.param
    basins.SCHEME = before
