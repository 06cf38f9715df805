"""The address of a cluster is tried before Ray, which would wait for minutes."""

from __future__ import annotations

import socket

import pytest

pytest.importorskip("pyarrow", reason="pip install 'facewatch[test]' for the tests of archives")

from facewatch.archive.cluster import require_listener
from facewatch.errors import EngineUnavailable


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://localhost:{}"])
def test_a_port_where_nothing_listens_is_said_at_once(form):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = form.format(listener.getsockname()[1])
        require_listener(address)
    with pytest.raises(EngineUnavailable, match=r"cannot be reached: .*check the address"):
        require_listener(address)


def test_a_word_of_rays_own_is_left_to_ray():
    require_listener("auto")
