import gzip
import re
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from graphnet.compiler.errors import ArgumentError, DataError
from graphnet.data import download_mnist, load_mnist
from graphnet.data.mnist import fetch
from graphnet.data.mnist.download import DEFAULT_MIRRORS

NAMES = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
]
LAST = NAMES[-1]


@pytest.fixture
def good(tmp_path, tiny, mirror):
    """Address of a mirror on which everything is in order."""
    return mirror.serve(tiny.write(tmp_path / "origin"))


def head(handler, length=None, **headers):
    handler.send_response(200)
    if length is not None:
        headers["Content-Length"] = str(length)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def expect_failure(cache, mirrors, text, **options):
    """The download fails with the text and leaves nothing at all behind."""
    with pytest.raises(DataError, match=text) as caught:
        download_mnist(mirrors=mirrors, **options)
    assert not cache.exists()
    return str(caught.value)


def test_fetches_all_four_files_and_they_load(cache, good, mirror):
    done = download_mnist(mirrors=[good])
    assert (done.directory, done.fetched) == (cache / "mnist", tuple(NAMES))
    assert str(done) == f"fetched {', '.join(NAMES)} into {cache / 'mnist'}; checksums are right"
    assert mirror.requested == [f"/good/{name}" for name in NAMES]
    assert names_in(cache / "mnist") == sorted(NAMES)
    assert names_in(cache) == ["mnist"]
    dataset = load_mnist()
    assert (dataset.name, len(dataset.x_train)) == ("mnist", 60)


def test_a_complete_cache_is_left_alone(cache, good, mirror):
    download_mnist(mirrors=[good])
    mirror.requested.clear()
    done = download_mnist(mirrors=[good])
    assert done.fetched == ()
    assert str(done) == f"{cache / 'mnist'} is complete and its checksums are right; nothing to download"
    assert mirror.requested == []


def test_force_fetches_again(good, mirror):
    download_mnist(mirrors=[good])
    mirror.requested.clear()
    assert download_mnist(mirrors=[good], force=True).fetched == tuple(NAMES)
    assert len(mirror.requested) == 4


def test_only_missing_and_damaged_files_are_fetched_and_others_stay(cache, good, mirror):
    download_mnist(mirrors=[good])
    (cache / "mnist" / "my notes.txt").write_text("mine")
    (cache / "mnist" / NAMES[0]).write_bytes(b"damaged")
    (cache / "mnist" / LAST).unlink()
    mirror.requested.clear()
    assert download_mnist(mirrors=[good]).fetched == (NAMES[0], LAST)
    assert mirror.requested == [f"/good/{NAMES[0]}", f"/good/{LAST}"]
    assert names_in(cache / "mnist") == sorted([*NAMES, "my notes.txt"])
    assert load_mnist().name == "mnist"


def test_the_cache_directory_can_be_given(tmp_path, good, cache):
    assert download_mnist(tmp_path / "other", [good.rstrip("/")]).directory == tmp_path / "other" / "mnist"
    assert not cache.exists()


def test_differently_packed_files_are_as_good(cache, good, tiny, mirror, tmp_path):
    for path in (tmp_path / "origin").iterdir():
        mirror.put(f"/good/{path.name}", gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=77))
    download_mnist(mirrors=[good])
    assert load_mnist().name == "mnist"


def test_a_second_mirror_steps_in_for_a_single_file(cache, good, mirror):
    for name in NAMES[1:]:
        mirror.answers[f"/first/{name}"] = mirror.answers[f"/good/{name}"]
    download_mnist(mirrors=[f"{mirror.address}/first", good])
    assert mirror.requested == [f"/first/{NAMES[0]}", f"/good/{NAMES[0]}"] + [
        f"/first/{n}" for n in NAMES[1:]
    ]
    assert load_mnist().name == "mnist"


def test_every_mirror_is_listed_with_its_reason(cache, good, mirror):
    mirror.put(f"/html/{NAMES[0]}", b"<html>buy this domain</html>")
    with socket.socket() as unused:  # bound but not listening: nobody answers there
        unused.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{unused.getsockname()[1]}"
        mirrors = [f"{mirror.address}/gone", f"{mirror.address}/html", dead, "ftp://example.org"]
        text = expect_failure(cache, mirrors, "train-images-idx3-ubyte.gz: no mirror could serve it; tried")
    lines = text.splitlines()
    assert lines[1] == f"  {mirror.address}/gone/{NAMES[0]}: answered 404 Not Found"
    assert lines[2].startswith(f"  {mirror.address}/html/{NAMES[0]}: is not a sound gzip file (")
    assert lines[3].startswith(f"  {dead}/{NAMES[0]}: cannot be reached (")
    assert lines[4] == f"  ftp://example.org/{NAMES[0]}: is not an http:// or https:// address"


def test_wrong_content_of_the_last_file_leaves_nothing(cache, good, mirror):
    mirror.put(f"/good/{LAST}", gzip.compress(b"another file"))
    expect_failure(
        cache, [good], r"t10k-labels-idx1-ubyte.gz.*\n.*expected SHA-256 .* unpacked, found .* of 12 bytes"
    )
    assert len(mirror.requested) == 4


def test_a_body_that_is_cut_off_leaves_nothing(cache, good, mirror):
    def cut(handler):
        head(handler, 1000)
        handler.wfile.write(bytes(123))

    mirror.answers[f"/good/{LAST}"] = cut
    expect_failure(cache, [good], "broke off after 123 of 1,000 bytes")


def test_a_chunked_body_that_is_cut_off_leaves_nothing(cache, good, mirror):
    def cut(handler):
        handler.protocol_version = "HTTP/1.1"
        head(handler, Transfer_Encoding="chunked", Connection="close")
        handler.wfile.write(b"400\r\nonly a little")
        handler.close_connection = True

    mirror.answers[f"/good/{LAST}"] = cut
    expect_failure(cache, [good], r"broke off \(IncompleteRead")


def test_a_body_without_a_length_is_fine_when_it_is_complete(cache, good, mirror, tmp_path):
    content = (tmp_path / "origin" / LAST).read_bytes()

    def whole(handler):
        head(handler)
        handler.wfile.write(content)

    mirror.answers[f"/good/{LAST}"] = whole
    download_mnist(mirrors=[good])
    assert load_mnist().name == "mnist"


def test_a_body_that_is_announced_too_large_is_not_read(cache, good, mirror):
    mirror.answers[f"/good/{LAST}"] = lambda handler: head(handler, 10**15)
    expect_failure(
        cache, [good], r"announces 1,000,000,000,000,000 bytes, more than the 1,062 that the file may"
    )


def test_a_body_that_grows_beyond_the_limit_is_given_up(cache, good, mirror):
    def endless(handler):
        head(handler)
        with suppress(OSError):  # the client hangs up long before the end, as it should
            for _ in range(1000):
                handler.wfile.write(bytes(10_000))

    mirror.answers[f"/good/{LAST}"] = endless
    expect_failure(cache, [good], r"sends more than the 1,062 bytes that the file may take")


def test_a_bomb_is_not_unpacked(cache, good, mirror):
    mirror.put(f"/good/{NAMES[0]}", gzip.compress(bytes(20_000_000)))
    expect_failure(cache, [good], "expected 47,056 bytes unpacked, found more")


def test_a_mirror_that_speaks_no_http_is_given_up(cache, good, mirror):
    mirror.answers[f"/good/{LAST}"] = lambda handler: handler.wfile.write(b"220 mail.example.org ESMTP\r\n")
    expect_failure(cache, [good], r"broke off \(BadStatusLine: 220 mail")


def test_a_malformed_address_is_given_up(cache, tiny):
    expect_failure(cache, ["http://127.0.0.1:port"], r"broke off \(InvalidURL: nonnumeric port")


def dripping(handler, stop, text=b"x", pause=0.01):
    """Sends a text again and again, a byte at a time, until the client hangs up."""
    with suppress(OSError):
        while not stop.wait(pause):
            for byte in text:
                handler.wfile.write(bytes([byte]))


def flooding(handler, text=bytes(100_000)):
    """Sends without end and without a pause, until the client hangs up."""
    with suppress(OSError):
        while True:
            handler.wfile.write(text)


def redirect(handler, to):
    handler.send_response(302)
    handler.send_header("Location", to)
    handler.end_headers()


SLOW = {
    "a body a byte at a time": lambda handler, stop: (head(handler, 500), dripping(handler, stop)),
    "a chunked body that never gets to its first chunk": lambda handler, stop: (
        head(handler, Transfer_Encoding="chunked"), dripping(handler, stop, b"0")),
    "a body that falls silent": lambda handler, stop: (head(handler, 500), stop.wait()),
    "a head a byte at a time": dripping,
    "a head without end": lambda handler, stop: (head_only(handler), dripping(handler, stop, b"X: y\r\n")),
    "100 Continue without end": lambda handler, stop: flooding(handler, b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "nothing at all": lambda handler, stop: stop.wait(),
}
HOSTILE = {
    "an error with an endless body": (
        lambda handler, stop: (handler.send_response(500), handler.end_headers(), flooding(handler)),
        "answered 500 Internal Server Error"),
    "escape sequences in the reason": (
        lambda handler, stop: handler.wfile.write(b"HTTP/1.1 404 \x1b[31mred\x07\x9b2J\r\n\r\n"),
        r"answered 404 \x1b[31mred\x07\x9b2J"),
    "a long reason": (
        lambda handler, stop: handler.wfile.write(b"HTTP/1.1 404 " + b"no" * 5000 + b"\r\n\r\n"),
        "answered 404 " + "no" * 143 + "n …"),
    "escape sequences instead of an answer": (
        lambda handler, stop: handler.wfile.write(b"\x1b]0;title\x07\r\n"),
        r"broke off (BadStatusLine: \x1b]0;title\x07"),
    "a redirect to ftp": (
        lambda handler, stop: redirect(handler, "ftp://127.0.0.1/x"),
        "redirects to ftp://127.0.0.1/x, which is not an http:// or https:// address"),
    "a redirect to a file": (
        lambda handler, stop: redirect(handler, "file:///etc/hostname"),
        "redirects to file:///etc/hostname, which is not an http:// or https:// address"),
    "a redirect to no address": (
        lambda handler, stop: redirect(handler, "http://["), "broke off (ValueError: Invalid IPv6 URL)"),
    "redirects in a circle": (
        lambda handler, stop: redirect(handler, handler.path), "redirects more than 5 times, at last to http://127.0.0.1:"),
    "a redirect to nowhere": (
        lambda handler, stop: (handler.send_response(302), handler.end_headers()), "answered 302 Found"),
}


def head_only(handler):
    handler.send_response(200)
    handler.flush_headers()


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_mirror_is_given_up_and_the_next_one_tried(cache, good, mirror, name):
    """On a busy machine even the head of an answer may come too late, so either text is right."""
    mirror.answers[f"/slow/{NAMES[0]}"] = lambda handler: SLOW[name](handler, mirror.stop)
    mirrors = [f"{mirror.address}/slow", f"{mirror.address}/gone"]
    lines = expect_failure(cache, mirrors, "no mirror could serve it", timeout=0.2).splitlines()
    reason = "sent (fewer than 200 bytes|no answer) within 0\\.2 s"
    assert re.fullmatch(f"  {mirror.address}/slow/{NAMES[0]}: {reason}", lines[1])
    assert len(lines) == 3


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mirror_is_given_up_and_the_next_one_serves(cache, good, mirror, name):
    answer, reason = HOSTILE[name]
    mirror.answers[f"/bad/{NAMES[0]}"] = lambda handler: answer(handler, mirror.stop)
    text = expect_failure(cache, [f"{mirror.address}/bad"], "no mirror could serve it")
    (line,) = text.splitlines()[1:]
    assert line.startswith(f"  {mirror.address}/bad/{NAMES[0]}: {reason}")
    assert line.isprintable()
    done = download_mnist(mirrors=[f"{mirror.address}/bad", good])
    assert done.fetched == tuple(NAMES)
    assert load_mnist().name == "mnist"


def test_a_mirror_that_takes_too_long_is_given_up_however_steadily_it_sends(cache, good, mirror):
    def steady(handler):
        head(handler, 500)
        dripping(handler, mirror.stop)

    mirror.answers[f"/good/{NAMES[0]}"] = steady
    expect_failure(cache, [good], "idx3-ubyte.gz: takes longer than 0.3 s", timeout=60.0, deadline=0.3)


def test_the_body_of_a_redirect_is_not_read(cache, good, mirror):
    sent = []

    def elsewhere(handler):
        redirect(handler, f"/good/{NAMES[0]}")
        with suppress(OSError):
            for _ in range(1000):
                handler.wfile.write(bytes(100_000))
                sent.append(100_000)

    mirror.answers[f"/moved/{NAMES[0]}"] = elsewhere
    for name in NAMES[1:]:
        mirror.answers[f"/moved/{name}"] = lambda handler: redirect(handler, handler.path.replace("moved", "good"))
    download_mnist(mirrors=[f"{mirror.address}/moved"])
    assert load_mnist().name == "mnist"
    assert len(sent) < 1000


@pytest.mark.parametrize("address", ["http://[", "http://", "http://a b/", "http://\x1b[2J/", "https://[::1", "http://é\u202e"])
def test_an_address_that_is_none_is_given_up(cache, tiny, address):
    text = expect_failure(cache, [address], "no mirror could serve it")
    (line,) = text.splitlines()[1:]
    assert line.isprintable()


@pytest.mark.parametrize("moment", [1, 4])
def test_an_interrupt_leaves_nothing(cache, good, monkeypatch, moment):
    checked = []

    def interrupted(body, file):
        checked.append(file)
        if len(checked) == moment:
            raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "check_packed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        download_mnist(mirrors=[good])
    assert len(checked) == moment
    assert not cache.exists()


def test_a_failure_keeps_what_the_cache_had(cache, good, mirror):
    download_mnist(mirrors=[good])
    before = {name: (cache / "mnist" / name).read_bytes() for name in NAMES}
    del mirror.answers[f"/good/{LAST}"]
    with pytest.raises(DataError, match="answered 404"):
        download_mnist(mirrors=[good], force=True)
    assert names_in(cache / "mnist") == sorted(NAMES)
    assert {name: (cache / "mnist" / name).read_bytes() for name in NAMES} == before


def test_a_cache_that_cannot_be_written_to_is_found_out_before_anything_is_fetched(cache, good, mirror):
    cache.write_bytes(b"a file where the directory should be")
    with pytest.raises(DataError, match=r"cache.mnist: cannot be written to: "):
        download_mnist(mirrors=[good])
    assert mirror.requested == []


def test_the_bar_is_drawn_only_when_wanted(good, capsys):
    download_mnist(mirrors=[good])  # the test's stderr is no terminal
    assert capsys.readouterr().err == ""
    download_mnist(mirrors=[good], force=True, progress=True)
    assert "train-images-idx3-ubyte.gz: 100%" in capsys.readouterr().err


@pytest.mark.parametrize("mirrors", [[], "http://127.0.0.1/"])
def test_mirrors_must_be_a_list(mirrors):
    with pytest.raises(
        ArgumentError, match=r"download_mnist: mirrors is .*, but a list of one address or more"
    ):
        download_mnist(mirrors=mirrors)


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["timeout", "deadline"])
def test_times_must_be_positive(name, seconds):
    with pytest.raises(
        ArgumentError, match=rf"download_mnist: {name} is .*, but it must be a positive number"
    ):
        download_mnist(**{name: seconds})


def test_there_are_several_mirrors_to_begin_with():
    assert len(set(DEFAULT_MIRRORS)) >= 3
    assert all(
        mirror.startswith(("http://", "https://")) and mirror.endswith("/") for mirror in DEFAULT_MIRRORS
    )
