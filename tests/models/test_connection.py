"""What the environment says about proxies, authorities and keys."""

import datetime
import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import keyring
import keyring.backend
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aid.config import OpenAIModel
from aid.errors import ModelError
from aid.models import keys, make
from aid.models.address import proxy_for, server_name
from aid.models.backend import Message, Prompt
from aid.models.recording import Recording
from aid.models.replay_server import ReplayServer

Serve = Callable[..., Awaitable[ReplayServer]]


def self_signed(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that is its own authority: its file, and the server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "model server")])
    now = datetime.datetime.now(datetime.UTC)
    serial, later = x509.random_serial_number(), now + datetime.timedelta(1)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), serial, now, later)
        .add_extension(host, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "cert.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context


async def said_by(url: str) -> str:
    backend = make("m", OpenAIModel(base_url=url, model="m", retries=0))
    try:
        prompt = Prompt(messages=(Message("user", "hello"),), format="udiff")
        return "".join([chunk.text async for chunk in backend.stream(prompt)])
    except ModelError as error:
        return str(error)
    finally:
        await backend.close()


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
async def test_trusts_the_authority_the_environment_names(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    certificate, context = self_signed(tmp_path)
    server = await serve(Recording(reply="safe"), secure=context)
    untrusted = await said_by(server.url)
    assert untrusted.startswith(f"{server.url} showed a certificate that isn't trusted")
    assert untrusted.endswith("set SSL_CERT_FILE to your authority's file")
    monkeypatch.setenv(variable, str(certificate))
    assert await said_by(server.url) == "safe"


async def test_says_that_a_server_does_not_speak_tls(serve: Serve) -> None:
    url = (await serve(Recording(reply="never"))).url.replace("http:", "https:")
    assert await said_by(url) == f"{url} does not speak TLS as it should: is it http:// rather than https://?"


async def test_says_which_file_of_authorities_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    assert await said_by("https://127.0.0.1:1/v1") == (
        f"can't read certificates from {tmp_path / 'none'}: correct SSL_CERT_FILE"
    )


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://models.test/v1", "http://secure.proxy:1"),
        ("http://models.test/v1", "http://any.proxy:2"),
        ("https://inside.firm.test/v1", None),
        ("http://127.0.0.1:8080/v1", None),
        ("http://[::1]:8080/v1", None),
        ("http://localhost:8080/v1", None),
        ("http://box.localhost/v1", None),
    ],
)
def test_finds_the_proxy_that_leads_to_a_server(monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None) -> None:
    monkeypatch.setenv("https_proxy", "http://secure.proxy:1")
    monkeypatch.setenv("all_proxy", "http://any.proxy:2")
    monkeypatch.setenv("no_proxy", "firm.test")
    assert proxy_for(url) == proxy


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://user:pass@host.test:8/v1?key=secret#x", "https://host.test:8/v1"),
        ("https://host.test/v1", "https://host.test/v1"),
        ("http://host.test:port/v1", "the model server"),
        ("unix:/run/model.sock", "/run/model.sock"),
        ("", "the model server"),
    ],
)
def test_names_a_server_without_its_secrets(url: str, name: str) -> None:
    assert server_name(url) == name


class OneKey(keyring.backend.KeyringBackend):
    """A keyring that holds one key."""

    priority = 1  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        return "from the keyring" if (service, username) == ("models.test", "aid") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


@pytest.fixture
def own_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(OneKey())
    yield
    keyring.set_keyring(before)


@pytest.mark.usefixtures("own_keyring")
async def test_takes_the_key_from_the_environment_then_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", " from the environment\n")
    assert await keys.api_key("THE_KEY", "models.test") == "from the environment"
    monkeypatch.delenv("THE_KEY")
    assert await keys.api_key("THE_KEY", "models.test") == "from the keyring"
    assert await keys.api_key(None, None) is None
    with pytest.raises(ModelError, match=r"run 'keyring set elsewhere\.test aid'"):
        await keys.api_key(None, "elsewhere.test")


async def test_refuses_a_key_no_header_can_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "two\nlines")
    with pytest.raises(ModelError) as refused:
        await keys.api_key("THE_KEY", None)
    assert "two" not in str(refused.value)
