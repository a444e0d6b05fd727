"""Which device code runs on which GPU under which driver."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda import tables
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.target import Target
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.compatibility import DeviceCode, assess
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.driver_support import recommended_driver
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.verdict import Driver, Gpu


def verdict_of(capability, driver, *, sass=(), ptx=(), **versions):
    cuda, reports = versions.get("cuda", "12.4"), versions.get("reports")
    code = DeviceCode(
        tuple(Target.parse(target) for target in sass),
        tuple((Target.parse(target), Version.parse(isa) if isa else None) for target, isa in ptx),
        Version.parse(cuda) if cuda else None,
    )
    return assess(Gpu("the card", Target.of_gpu(capability)), Driver.of(driver, reports), code)


@pytest.mark.parametrize(
    ("sass", "capability", "expected"),
    [
        ("61", "6.1", "native"),
        ("60", "6.1", "same_major"),
        ("61", "6.0", "impossible"),
        ("52", "6.1", "impossible"),
        ("86", "8.9", "same_major"),
        ("80", "8.6", "same_major"),
        ("89", "8.6", "impossible"),
        ("90", "9.0", "native"),
        ("90a", "9.0", "native"),
        ("100", "12.0", "impossible"),
        ("120", "10.0", "impossible"),
        ("120", "12.1", "same_major"),
        ("100", "10.3", "same_major"),
        ("100a", "10.0", "native"),
        ("100a", "10.3", "impossible"),
        ("100f", "10.0", "native"),
        ("100f", "10.3", "same_major"),
        ("100f", "10.7", "same_major"),
        ("103f", "10.0", "impossible"),
        ("103f", "10.7", "same_major"),
        ("120f", "12.1", "same_major"),
        ("121f", "12.0", "impossible"),
        ("110f", "10.0", "impossible"),
        # Tegra and desktop parts do not run each other's SASS.
        ("50", "5.3", "impossible"),
        ("53", "5.3", "native"),
        ("61", "6.2", "impossible"),
        ("70", "7.2", "impossible"),
        ("80", "8.7", "impossible"),
        ("86", "8.7", "impossible"),
        ("87", "8.9", "impossible"),
        ("87", "8.7", "native"),
    ],
)
def test_sass_runs_on_its_chip_and_on_later_ones_of_its_major(sass, capability, expected) -> None:
    newest = {"5": "580.65.06", "6": "580.65.06", "7": "580.65.06"}.get(capability[0], "615.10")
    assert verdict_of(capability, newest, sass=[sass], cuda="12.9").verdict == expected


def test_sass_is_preferred_to_ptx_and_its_own_chip_to_a_relative() -> None:
    assert verdict_of("8.6", "580.65.06", sass=["80", "86"], ptx=[("80", "8.4")]).verdict == "native"
    assert verdict_of("8.6", "580.65.06", sass=["80"], ptx=[("86", "8.4")]).verdict == "same_major"


@pytest.mark.parametrize(
    ("isa", "driver", "expected", "code"),
    [
        ("8.4", "550.163.01", "jit", "jit"),
        ("8.4", "535.261.03", "impossible", "ptx_too_new"),
        ("8.5", "560.28.03", "jit", "jit"),
        ("8.5", "565.57.01", "jit", "jit"),
        ("8.7", "565.57.01", "impossible", "ptx_too_new"),
        ("8.8", "575.51.03", "jit", "jit"),
    ],
)
def test_ptx_runs_where_the_driver_knows_its_isa(isa, driver, expected, code) -> None:
    verdict = verdict_of("6.1", driver, ptx=[("50", isa)])
    assert (verdict.verdict, verdict.code) == (expected, code)


def test_ptx_that_is_too_new_names_what_the_driver_reads_and_error_222() -> None:
    verdict = verdict_of("8.0", "535.261.03", ptx=[("80", "8.4")])
    assert (verdict.code, verdict.cuda_error) == ("ptx_too_new", 222)
    assert "PTX up to ISA 8.2" in verdict.sentence
    assert "CUDA 12.4" in verdict.remedy


def test_the_driver_to_update_to_is_told_from_the_ptx_where_the_toolkit_is_not_named() -> None:
    verdict = verdict_of("8.0", "535.261.03", ptx=[("80", "8.4")], cuda=None)
    assert verdict.remedy.startswith("Update the driver to one for CUDA 12,")


def test_ptx_of_an_unknown_isa_takes_that_of_the_images_toolkit() -> None:
    assert verdict_of("8.0", "535.261.03", ptx=[("80", None)], cuda="12.4").code == "ptx_too_new"
    assert verdict_of("8.0", "535.261.03", ptx=[("80", None)], cuda="12.1").code == "jit"
    unknown = verdict_of("8.0", "535.261.03", ptx=[("80", None)], cuda=None)
    assert unknown.code == "jit"
    assert "ISA unknown" in unknown.sentence


def test_the_toolkit_of_an_image_without_a_version_is_told_from_its_ptx() -> None:
    verdict = verdict_of("9.0", "550.163.01", sass=["90"], ptx=[("90", "9.0")], cuda=None)
    assert verdict.code == "driver_too_old"
    assert "CUDA 13" in verdict.sentence


@pytest.mark.parametrize(
    ("cuda", "driver", "runs"),
    [
        ("11.8", "450.80.02", True),
        ("11.8", "450.51.05", False),
        ("12.9", "525.60.13", True),
        ("12.0", "520.61.05", False),
        ("13.0", "580.65.06", True),
        ("13.3", "580.65.06", True),
        ("13.0", "575.64.03", False),
        ("10.2", "450.80.02", True),
        ("10.2", "450.51.05", False),
    ],
)
def test_one_driver_floor_holds_for_all_toolkits_of_a_major(cuda, driver, runs) -> None:
    verdict = verdict_of("7.5", driver, sass=["75"], cuda=cuda)
    assert verdict.runs is runs
    assert runs or (verdict.code, verdict.cuda_error) == ("driver_too_old", 35)


def test_a_newer_driver_runs_older_toolkits() -> None:
    assert verdict_of("7.5", "615.10", sass=["75"], cuda="11.0").verdict == "native"


@pytest.mark.parametrize(("capability", "last"), [("3.7", 470), ("5.2", 580), ("6.1", 580), ("7.0", 580)])
def test_a_branch_that_dropped_the_chip_ends_every_question(capability, last) -> None:
    sass = capability.replace(".", "")
    assert verdict_of(capability, f"{last}.99", sass=[sass], cuda="11.4").verdict == "native"
    dropped = verdict_of(capability, "590.44.01", sass=[sass], cuda="11.4")
    assert (dropped.code, dropped.cuda_error) == ("branch_dropped_gpu", 100)
    assert f"branch {last} is the last" in dropped.sentence


def test_the_remedy_for_a_dropped_card_is_its_last_branch_unless_that_helps_nobody() -> None:
    pascal = verdict_of("6.1", "590.44.01", sass=["61"])
    assert pascal.remedy == "Install driver branch 580, with its proprietary kernel modules."
    assert "would not help" in verdict_of("3.7", "590.44.01", sass=["37"]).remedy


@pytest.mark.parametrize(
    ("capability", "driver", "first"),
    [("10.0", "550.163.01", "570.26"), ("12.1", "570.26", "575.51.03"), ("9.0", "515.43.04", "520.61.05")],
)
def test_a_driver_from_before_the_chip_is_too_old_whatever_the_code(capability, driver, first) -> None:
    verdict = verdict_of(capability, driver, sass=[capability.replace(".", "")], cuda="11.8")
    assert verdict.code == "driver_too_old"
    assert f"≥ {first}" in verdict.remedy


def test_no_code_names_what_there_is_and_error_209() -> None:
    verdict = verdict_of("7.0", "580.65.06", sass=["75", "80"], ptx=[("75", "9.0")], cuda="13.0")
    assert (verdict.code, verdict.cuda_error) == ("no_code_for_gpu", 209)
    assert "SASS for 75, 80 and PTX for 75" in verdict.sentence
    assert "no device code" in verdict_of("7.0", "580.65.06").sentence


def test_no_driver_is_its_own_verdict() -> None:
    verdict = verdict_of("6.1", None, sass=["61"])
    assert (verdict.code, verdict.cuda_error) == ("driver_missing", 35)
    assert "branch 580" in verdict.remedy


def test_a_toolkit_that_no_driver_of_the_card_reaches_is_not_answered_with_a_driver_update() -> None:
    verdict = verdict_of("3.7", "470.256.02", sass=["37"], cuda="12.3")
    assert verdict.code == "driver_too_old"
    assert "older CUDA toolkit" in verdict.remedy


def test_tegra_is_judged_by_the_cuda_version_and_not_by_the_drivers_number() -> None:
    jetson = {"reports": "12.6", "cuda": "12.6"}
    assert verdict_of("8.7", "540.4.0", sass=["87"], **jetson).verdict == "native"
    assert verdict_of("8.7", None, sass=["87"], **jetson).verdict == "native"
    assert verdict_of("8.7", "540.4.0", sass=["87"], cuda="13.0", reports="12.6").code == "driver_too_old"


@pytest.mark.parametrize(
    ("card", "image", "expected", "note"),
    [
        (("13.0", "615.10"), ("13.4", "130"), "native", "Compute capability 13.0"),
        (("13.0", "615.10"), ("13.4", "120"), "impossible", "Compute capability 13.0"),
        (("9.0", "700.10"), ("13.0", "90"), "native", "Driver branch 700"),
        (("9.0", "700.10"), ("14.0", "90"), "impossible", "CUDA 14.0"),
    ],
)
def test_what_is_beyond_the_tables_is_answered_and_said(card, image, expected, note) -> None:
    verdict = verdict_of(*card, sass=[image[1]], cuda=image[0])
    assert verdict.verdict == expected
    assert any(note in text for text in verdict.beyond_tables)


def test_a_cuda_14_image_runs_on_a_driver_that_reports_cuda_14() -> None:
    assert verdict_of("9.0", "700.10", sass=["90"], cuda="14.0", reports="14.1").verdict == "native"
    assert verdict_of("9.0", "700.10", ptx=[("90", "10.0")], cuda="14.0", reports="14.1").verdict == "jit"


def test_what_the_tables_hold_needs_no_note() -> None:
    assert verdict_of("6.1", "550.163.01", sass=["61"]).beyond_tables == ()


def test_every_sentence_names_the_card_its_capability_and_the_driver() -> None:
    for verdict in (
        verdict_of("6.1", "550.163.01", sass=["61"]),
        verdict_of("6.1", "550.163.01", sass=["60"]),
        verdict_of("6.1", "550.163.01", ptx=[("60", "8.4")]),
        verdict_of("6.1", "550.163.01", ptx=[("60", "8.8")]),
        verdict_of("6.1", "550.163.01", sass=["61"], cuda="13.0"),
        verdict_of("6.1", "590.44.01", sass=["61"]),
    ):
        assert "the card (compute capability 6.1)" in verdict.sentence
        assert "550.163.01" in verdict.sentence or "590.44.01" in verdict.sentence


def test_a_driver_describes_itself_by_what_is_known() -> None:
    assert str(Driver.of("550.163.01")) == "driver 550.163.01 (CUDA 12.4)"
    assert str(Driver.of("390.157")) == "driver 390.157"
    assert str(Driver.of(None, "12.4")) == "a driver that reports CUDA 12.4"
    assert str(Driver.of(None)) == "no driver"


@pytest.mark.parametrize(
    ("capability", "advice"),
    [("6.1", "branch 580"), ("7.5", "≥ 580.65.06"), ("10.7", "≥ 615"), ("13.0", "≥ 580.65.06"), ("8.7", "≥ 580.65.06")],
)
def test_the_recommended_driver_is_one_that_the_card_has(capability, advice) -> None:
    assert advice in recommended_driver(Gpu("the card", Target.of_gpu(capability)))


@pytest.mark.parametrize(
    ("capability", "flavours"),
    [("6.1", ("proprietary",)), ("7.5", ("proprietary", "open")), ("12.0", ("open",))],
)
def test_kernel_modules_come_in_the_flavour_of_the_chip(capability, flavours) -> None:
    assert tables.kernel_module_flavours(Version.parse(capability)) == flavours
