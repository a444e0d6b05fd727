"""The one form of a problem."""

from __future__ import annotations

from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError, Problem


def test_a_documented_problem_names_its_section() -> None:
    assert Problem.documented("no_gpu", "No GPU.", "Fit one.").as_dict() == {
        "code": "no_gpu",
        "message": "No GPU.",
        "remedy": "Fit one. See docs/troubleshooting.md#no_gpu",
    }


def test_an_error_says_what_its_problem_says() -> None:
    problem = Problem("docker_timeout", "Docker did not answer.", "Wait.")
    error = InspectionError(problem)
    assert (str(error), error.problem) == ("Docker did not answer.", problem)
