"""TLS in the server itself."""
import http.client
import json
import socket
import ssl

from called_service import Service, make_key
from servers.smtp import certificate


def test_a_server_with_a_certificate_speaks_tls_and_nothing_else(shop, tmp_path):
    crt, key_file = certificate(tmp_path)
    toml = shop.path / "millrace.toml"
    plain = toml.read_text()
    toml.write_text(plain + f'\n[server]\ntls_certificate = "{crt}"\ntls_key = "{key_file}"\n')
    key = make_key(shop)
    with Service(shop) as service:
        assert "tls=yes" in "".join(service.log)
        trusting = ssl.create_default_context(cafile=str(crt))
        call = http.client.HTTPSConnection(service.host, int(service.port), context=trusting,
                                           timeout=20)
        for _ in range(3):
            call.request("GET", "/console/v1/ingestion/runs", headers={"STATSIG-API-KEY": key})
            reply = call.getresponse()
            assert reply.status == 200 and "data" in json.loads(reply.read())
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        for context in (ssl.create_default_context(), old):
            try:
                with socket.create_connection((service.host, int(service.port)), 10) as raw:
                    context.wrap_socket(raw, server_hostname="127.0.0.1").close()
                raise AssertionError("neither an unknown issuer nor TLS 1.1 is good enough")
            except ssl.SSLError:
                pass
        with socket.create_connection((service.host, int(service.port)), 10) as raw:
            raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200" not in raw.recv(1000)
        call.close()
        assert service.stop() == 0


def test_a_certificate_that_cannot_be_used_is_named(shop, tmp_path):
    toml = shop.path / "millrace.toml"
    plain = toml.read_text()
    toml.write_text(plain + '\n[server]\ntls_certificate = "no.crt"\n')
    assert "only one is given" in shop.run("serve", "--listen", "127.0.0.1:0", code=1).stderr
    toml.write_text(plain + '\n[server]\ntls_certificate = "no.crt"\ntls_key = "no.key"\n')
    assert "no.crt for TLS" in shop.run("serve", "--listen", "127.0.0.1:0", code=1).stderr
