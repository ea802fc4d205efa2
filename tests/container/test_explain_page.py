"""explain --html: the page in a real browser."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hutch.cli.cold.explain_html.stages import OPERATIONS
from hutch.plan.operations import NAMES

from tests.support.browser import Browser
from tests.support.containers import Bundle, Runtime

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

MARKED = "[...document.querySelectorAll('.on')].map(e => e.id)"
# What a text would need to become a script, in each place where a text can stand.
HOSTILE = (
    "</script><script>window.hit=1</script>",
    "<img src=x onerror='window.hit=1'>",
    '"><svg onload=window.hit=1>',
    "' onmouseover='window.hit=1' x='",
    "</style><script>window.hit=1</script>",
    "</title><script>window.hit=1</script><!--",
    "\u202egnp.exe",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def page(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> Path:
    """The page of a bundle with a hook and a filter, with the times of a run."""
    bundle.hook("createRuntime", "true")
    bundle.config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": [f"call{n}" for n in range(40)], "action": "SCMP_ACT_ERRNO"}],
    }
    bundle.save()
    path, trace = tmp_path / "page.html", str(tmp_path / "trace")
    hutch("--trace", trace, "run", "--bundle", str(bundle.path), "test")
    hutch("explain", "--html", str(path), "--times", trace, str(bundle.path))
    return path


def test_every_operation_belongs_to_a_part_of_the_work() -> None:
    assert set(OPERATIONS) == set(NAMES)


def test_a_field_and_its_steps_are_marked_together(
    page: Path, browser: Browser, hutch: Runtime, bundle: Bundle
) -> None:
    rows: list[dict[str, Any]] = json.loads(hutch("explain", "-f", "json", str(bundle.path)).out)
    browser.open(page)
    assert browser.requests == [page.as_uri()] and browser.said == []
    assert browser.run("document.querySelectorAll('.step').length") == len(rows)
    does = browser.run("[...document.querySelectorAll('.does')].map(e => e.textContent)")
    assert does == [row["does"] for row in rows]
    number = [row["from"] for row in rows].index("mounts[1]") + 1
    browser.move(f"#s{number}")
    (field,) = set(browser.run(MARKED)) - {f"s{number}"}
    text = browser.run(f"document.getElementById('{field}').textContent")
    assert '"destination": "/dev"' in text and "/proc" not in text
    # The other way: a field has all steps of the fields in it.
    name = "f-" + b"hooks".hex()
    browser.move(f"#{name}")
    numbers = [n for n, row in enumerate(rows, 1) if row["from"].startswith("hooks")]
    assert len(numbers) == 2
    assert set(browser.run(MARKED)) == {name, *(f"s{n}" for n in numbers)}
    # A click keeps them; Escape lets go.
    browser.click(f"#s{numbers[0]} .does")
    browser.move("h1")
    assert f"s{numbers[0]}" in browser.run(MARKED)
    browser.press("Escape")
    assert browser.run(MARKED) == []


def test_it_is_used_with_keys_alone_and_read_aloud(page: Path, browser: Browser) -> None:
    browser.open(page)
    for _ in range(40):
        browser.press("Tab")
        if browser.run("document.activeElement.matches('.marks a')"):
            break
    assert len(browser.run(MARKED)) >= 2
    browser.press("Enter")
    assert browser.run("document.querySelector('.step:target') !== null")
    browser.run("document.querySelector('.step[data-f] a').focus()")
    assert len(browser.run(MARKED)) == 2
    names = browser.names()
    links = [name for role, name in names if role == "link"]
    assert "mounts[1]" in links and any(re.fullmatch(r"steps \d+ to \d+", one) for one in links)
    assert ("heading", "How this container is made") in names
    texts = [name for role, name in names if role == "StaticText"]
    assert "hutch, outside" in texts and "hutch-init, inside" in texts
    # No element has two ids, no link leads nowhere.
    assert browser.run("""[...document.querySelectorAll('a')].every(
        a => document.getElementById(a.getAttribute('href').slice(1)))""")
    assert browser.run("""(ids => new Set(ids).size === ids.length)(
        [...document.querySelectorAll('[id]')].map(e => e.id))""")


def test_the_times_of_a_trace(page: Path, browser: Browser, tmp_path: Path) -> None:
    browser.open(page)
    trace = json.loads((tmp_path / "trace").read_text())["traceEvents"]
    inside = [each for each in trace if each["ph"] == "X" and each["tid"] == 2]
    bars = browser.run("document.querySelectorAll('.step .length').length")
    assert bars == len(inside)
    titles = browser.run("[...document.querySelectorAll('.time title')].map(e => e.textContent)")
    assert any(title.startswith("make the cgroup: ") for title in titles)
    assert not any(title.startswith("wait for the program") for title in titles)


@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_read_in_both_themes_and_on_a_narrow_screen(
    page: Path, browser: Browser, dark: bool
) -> None:
    """Text has a contrast of 4.5 at least (WCAG 2.2, 1.4.3); nothing is wider than the page."""
    contrast = """(() => {
        const lum = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92
            : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const of = s => (s.match(/[\\d.]+/g) || []).map(Number);
        const bg = e => { for (; e; e = e.parentElement) { const c = of(getComputedStyle(e)
            .backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } };
        return Math.min(...[...document.querySelectorAll(
            'p, a, h1, h2, h3, small, .does, .string, .value, .key, .why span, .why code, .took')]
            .map(e => { const [a, b] = [lum(of(getComputedStyle(e).color)), lum(bg(e))];
                return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); })) })()"""
    browser.open(page, dark=dark, width=1280)
    assert browser.run(contrast) >= 4.5
    browser.open(page, dark=dark, width=360)
    assert browser.run("document.documentElement.scrollWidth") <= 360


def test_a_hostile_config_runs_no_script(
    hutch: Runtime, bundle: Bundle, browser: Browser, tmp_path: Path
) -> None:
    config = bundle.config
    config["process"]["args"] = ["true", *HOSTILE]
    config["process"]["env"] = [f"A={text}" for text in HOSTILE]
    config["hostname"] = HOSTILE[0]
    config["annotations"] = dict.fromkeys(HOSTILE, HOSTILE[1])
    config["mounts"].append({"destination": "/" + HOSTILE[2], "type": "tmpfs"})
    config["hooks"] = {"poststop": [{"path": "/" + HOSTILE[1], "args": list(HOSTILE)}]}
    folder = tmp_path / HOSTILE[5].replace("/", "")
    shutil.copytree(bundle.path, folder, symlinks=True)
    (folder / "config.json").write_text(json.dumps(config))
    path = tmp_path / "page.html"
    hutch("explain", "--html", str(path), str(folder))
    browser.open(path)
    browser.move(f"#f-{b'annotations'.hex()}")
    assert browser.run("window.hit === undefined") and browser.said == []
    assert browser.run("document.querySelectorAll('script').length") == 1
    assert browser.run("document.querySelectorAll('img, svg').length") == 0
    assert browser.run("document.querySelectorAll('[onmouseover]').length") == 0
    assert HOSTILE[0] in browser.run("document.querySelector('.json').textContent")
    assert "\u202e" not in path.read_text() and "\\u202egnp.exe" in path.read_text()
    # If a text were not escaped, the page's policy would still keep it from running.
    for text in HOSTILE[:3]:
        path.write_text(path.read_text().replace("<header>", f"<header>{text}"))
    browser.open(path)
    assert browser.run("document.querySelectorAll('script').length") == 2
    assert browser.run("window.hit === undefined") and browser.said != []
    # Control: without the policy it runs.
    path.write_text(re.sub("<meta http-equiv[^>]*>", "", path.read_text()))
    browser.open(path)
    assert browser.run("window.hit") == 1


def test_what_cannot_be_shown_is_refused_and_writes_nothing(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    path, wrong = str(tmp_path / "page.html"), tmp_path / "wrong"
    words = ["explain", "--html", path, "--times", str(wrong), str(bundle.path)]
    assert "read the trace" in hutch.refuses(*words)
    for content in ("", "[]", '{"traceEvents": [{"ph": "X", "name": 1}]}', "[" * 100000):
        wrong.write_text(content)
        assert "is not the trace of a container that was made" in hutch.refuses(*words)
    assert "--times needs --html" in hutch.refuses("explain", "--times", "x", str(bundle.path))
    assert "one bundle" in hutch.refuses("explain", "--html", path, "a", "b")
    assert not Path(path).exists()
    assert hutch("explain", "--html", "-", str(bundle.path)).out.startswith("<!doctype html>")
