"""Every test of the flood modules below runs with each scheme."""

from collections.abc import Iterator

import pytest

from tests.flood import basins

GODUNOV = ("first_order", "second_order")
SCHEMES = (*GODUNOV, "local_inertial")
BOTH = ("test_analytic", "test_forcing", "test_properties", "test_rest", "test_watching")
# Not for local inertia, which keeps no energy (its own: test_inertial).
OF_ENERGY = ("test_analytic", "test_a_wrong_state_stops_the_run_and_says_where")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    module = metafunc.module.__name__.rpartition(".")[2]
    if module in BOTH:
        energy = module in OF_ENERGY or metafunc.function.__name__ in OF_ENERGY
        metafunc.fixturenames.append("scheme")
        metafunc.parametrize("scheme", GODUNOV if energy else SCHEMES, scope="module")


@pytest.fixture(autouse=True)
def _scheme(request: pytest.FixtureRequest) -> Iterator[None]:
    """The scheme that `basins` gives to its solvers while a test runs."""
    before = basins.SCHEME
    if hasattr(request.node, "callspec"):
        basins.SCHEME = request.node.callspec.params.get("scheme", before)
    yield
    basins.SCHEME = before
