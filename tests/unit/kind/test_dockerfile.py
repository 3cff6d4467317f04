from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.errors import UsageError
from sandbox.kind.bundle.dockerfile import read_dockerfile

TEXT = """# a comment
ARG BASE
FROM ${BASE}
ENV PYTHONPATH=/app \\
    TMPDIR=/tmp
WORKDIR /app
COPY fixtures/it/requirements.lock requirements.lock
RUN python -m pip install --no-deps -r requirements.lock
COPY sandbox sandbox
COPY fixtures/__init__.py fixtures/
USER 65532
EXPOSE 8080
ENTRYPOINT ["python", "-m", "fixtures.it"]
CMD ["--port", "8080"]
"""


def test_a_dockerfile_says_what_runs_what_is_copied_and_what_is_installed(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(TEXT)

    said = read_dockerfile(tmp_path / "Dockerfile")

    assert (["python", "-m", "fixtures.it"], ["--port", "8080"]) == (said.runs.entrypoint, said.runs.arguments)
    assert ("65532", "/app", {"PYTHONPATH": "/app", "TMPDIR": "/tmp"}) == (
        said.runs.user,
        said.runs.workdir,
        said.runs.env,
    )
    assert (("sandbox", "/app/sandbox"), ("fixtures/__init__.py", "/app/fixtures/__init__.py")) == said.copies
    assert "fixtures/it/requirements.lock" == said.lock


@pytest.mark.parametrize(
    "line", ["RUN apt-get install curl", "COPY --chmod=0755 a b", "ENTRYPOINT python -m it", "ADD a b", "VOLUME /data"]
)
def test_what_the_bundle_cannot_follow_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM x\n\n{line}\n")

    with pytest.raises(UsageError) as caught:
        read_dockerfile(tmp_path / "Dockerfile")

    assert f"{tmp_path / 'Dockerfile'}:3" in str(caught.value)
    assert line in str(caught.value)
