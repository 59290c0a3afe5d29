"""People sign in through an issuer of OpenID Connect, and the issuer may be wrong in every way."""
import re
import urllib.error
import urllib.parse
import urllib.request

import pytest

from called_service import PASSWORD, SESSION, Service, add, made
from servers.issuer import Issuer
from servers.ports import free_port

OIDC = SESSION + "/oidc"
CLIENT_SECRET = "client-secret-4711"


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    """Follows the issuer's redirects by hand; keeps cookies as a browser would."""

    def __init__(self, service):
        self.service, self.cookies = service, {}
        self.last = None

    def ask(self, method, path, body=None, token=""):
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if token:
            headers["X-CSRF-Token"] = token
        self.last = self.service.ask(method, path, None, body, headers)
        for header in self.last.cookies:
            name, value = header.split(";")[0].split("=", 1)
            self.cookies[name] = value
            if "Max-Age=0" in header:
                del self.cookies[name]
        return self.last

    def sent_to(self, path=OIDC):
        """Where the issuer is asked to let the person in."""
        reply = self.ask("GET", path)
        assert reply.status == 302, reply.text
        return reply.headers["location"]

    def let_in(self, address):
        """The issuer's side: at once, and back to the callback."""
        try:
            urllib.request.build_opener(Stay).open(address, timeout=20)
        except urllib.error.HTTPError as answer:
            assert answer.code == 302, answer.read()
            back = urllib.parse.urlsplit(answer.headers["Location"])
            return f"{back.path}?{back.query}"
        raise AssertionError("the issuer did not send anybody back")

    def sign_in(self, path=OIDC):
        return self.ask("GET", self.let_in(self.sent_to(path)))


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    one = Issuer(tmp_path_factory.mktemp("issuer")).start()
    yield one
    one.stop()


def set_up(home, issuer, port, more=""):
    (home.path / "secrets").mkdir(exist_ok=True)
    (home.path / "secrets/client").write_text(CLIENT_SECRET)
    toml = home.path / "millrace.toml"
    toml.write_text(toml.read_text() + f"""
[server]
listen = "127.0.0.1:{port}"
[server.oidc]
issuer = "{issuer.url}"
client_id = "millrace"
client_secret = "file:secrets/client"
redirect_url = "http://127.0.0.1:{port}{OIDC}/callback"
{more}""")


@pytest.fixture(scope="module")
def shop(home_of_module, engine, issuer):
    made(home_of_module, engine)
    set_up(home_of_module, issuer, free_port())
    add(home_of_module, "ana@example.com", "editor")
    return home_of_module


@pytest.fixture(scope="module")
def service_here(shop):
    with Service(shop, listen=None) as service:
        yield service


@pytest.fixture
def browser(service_here, issuer):
    issuer.wish(claims={"email": "Ana@Example.com", "email_verified": True})
    return Browser(service_here)


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_a_person_whom_the_issuer_knows_is_signed_in_as_with_a_password(browser, issuer, alg):
    issuer.wish(alg=alg, claims={"email": "Ana@Example.com", "email_verified": True})
    address = browser.sent_to(OIDC + "?to=/docs/howto/people.md")
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
    assert address.startswith(issuer.url) and asked["scope"] == "openid email"
    assert asked["code_challenge_method"] == "S256" and asked["client_id"] == "millrace"
    kept, = browser.last.cookies
    assert "HttpOnly" in kept and "SameSite=Lax" in kept and f"Path={OIDC};" in kept
    page = browser.ask("GET", browser.let_in(address))
    assert page.status == 200, page.text
    session = next(cookie for cookie in page.cookies if cookie.startswith("millrace_session"))
    assert "HttpOnly" in session and "SameSite=Strict" in session
    assert 'data-to="/docs/howto/people.md"' in page.text
    nonce, = re.findall(r'script nonce="(\w+)"', page.text)
    assert f"'nonce-{nonce}'" in page.headers["content-security-policy"]
    assert list(browser.cookies) == ["millrace_session"]
    ana = browser.ask("GET", SESSION).json["data"]
    assert (ana["email"], ana["role"], ana["grants"]) == ("ana@example.com", "editor", [])
    token, = re.findall(r'data-csrf-token="(\w+)"', page.text)
    unit = {"name": f"unit{alg}"}
    assert browser.ask("POST", "/console/v1/unit_id_types", unit).status == 403
    assert browser.ask("POST", "/console/v1/unit_id_types", unit, token).status == 201
    assert browser.ask("DELETE", SESSION, token=token).status == 200
    assert browser.ask("GET", SESSION).status == 401


def test_the_address_may_come_from_the_userinfo_endpoint(browser, issuer):
    issuer.wish(claims={}, userinfo={"email": "ana@example.com", "email_verified": True})
    assert browser.sign_in().status == 200
    issuer.wish(claims={}, userinfo={"email": "ana@example.com", "email_verified": True,
                                     "sub": "somebody-else"})
    assert "which e-mail address" in browser.sign_in().json["message"]


GOOD = {"email": "ana@example.com", "email_verified": True}


@pytest.mark.parametrize("wishes, said", [
    ({"claims": {**GOOD, "nonce": "another"}}, "of another sign-in"),
    ({"claims": {**GOOD, "nonce": None}}, "of another sign-in"),
    ({"claims": {**GOOD, "aud": "other-client"}}, "for another client"),
    ({"claims": {**GOOD, "aud": ["millrace", "other"]}}, "for another client"),
    ({"claims": {**GOOD, "iss": "http://localhost:1"}}, "another issuer"),
    ({"claims": {**GOOD, "exp": 1700000000}}, "has expired"),
    ({"claims": {**GOOD, "exp": None}}, "when it expires"),
    ({"claims": {**GOOD, "nbf": 4000000000}}, "of the future"),
    ({"claims": {**GOOD, "sub": None}}, "for whom"),
    ({"claims": GOOD, "alg": "PS256"}, "RS256 or ES256"),
    ({"claims": {**GOOD, "email_verified": False}}, "does not vouch"),
    ({"claims": {"email": "ana@example.com"}}, "trust_email"),
    ({"claims": {}}, "which e-mail address"),
    ({"claims": {**GOOD, "email": "nobody@example.com"}}, "millrace user create nobody@"),
    ({"claims": GOOD, "token": {"body": {"id_token": "a.b.c"}}}, "ID token is not good"),
    ({"claims": GOOD, "token": {"body": {}}}, "no token"),
    ({"claims": GOOD, "token": {"statusCode": 400, "body": {"error": "invalid_grant"}}},
     "invalid_grant"),
])
def test_what_is_not_good_about_a_token_lets_nobody_in_and_is_said(browser, issuer, wishes, said):
    issuer.wish(**wishes)
    reply = browser.sign_in()
    assert reply.status == 401 and said in reply.json["message"], reply.text
    assert "millrace_session" not in browser.cookies


def test_a_sign_in_ends_where_it_began(browser, service_here):
    back = browser.let_in(browser.sent_to())
    stranger = Browser(service_here)
    assert "not begun in this browser" in stranger.ask("GET", back).json["message"]
    browser.let_in(browser.sent_to())  # The state of the first is not good any more.
    assert browser.ask("GET", back).status == 401
    assert browser.ask("GET", OIDC + "/callback").status == 401
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(browser.sent_to()).query)["state"][0]
    assert browser.ask("GET", f"{OIDC}/callback?state={state}").status == 400
    refused = browser.ask("GET", f"{OIDC}/callback?state={state}&error=access_denied"
                          "&error_description=not+today")
    assert refused.status == 401 and "access_denied not today" in refused.json["message"]
    assert browser.ask("GET", f"{OIDC}/callback?state={state}&code=made-up").status >= 400
    assert "millrace_session" not in browser.cookies


@pytest.mark.parametrize("to", ["https://elsewhere.example.com", "//elsewhere.example.com",
                                "/\\elsewhere", '/"><script>', "docs", "/%0d%0aX: y"])
def test_it_leads_to_no_other_site(browser, to):
    reply = browser.ask("GET", f"{OIDC}?to={urllib.parse.quote(to, safe='%')}")
    assert reply.status == 400 and "location" not in reply.headers


def test_who_was_deactivated_stays_out(browser, shop, issuer):
    add(shop, "leaver@example.com", "viewer")
    shop.run("user", "deactivate", "leaver@example.com")
    issuer.wish(claims={**GOOD, "email": "leaver@example.com"})
    assert "was deactivated" in browser.sign_in().json["message"]


def test_an_issuer_that_cannot_be_asked_is_503_and_passwords_still_do(
        shop, issuer, service_here, browser):
    back = browser.let_in(browser.sent_to())
    issuer.wish(token={"statusCode": 401, "body": {"error": "invalid_client"}})
    reply = browser.ask("GET", back)
    assert reply.status == 503 and "invalid_client" in reply.json["message"]
    assert "client_secret under [server.oidc]" in reply.json["message"]
    back = browser.let_in(browser.sent_to())
    issuer.stop()
    try:
        reply = browser.ask("GET", back)
        assert reply.status == 503 and issuer.url in reply.json["message"]
        assert reply.headers["retry-after"] and "[server.oidc]" in reply.json["message"]
        assert service_here.ask("POST", SESSION, None, {
            "email": "ana@example.com", "password": PASSWORD}).status == 200
    finally:
        issuer.start()
    # Its keys are new now.
    issuer.wish(claims=GOOD)
    assert browser.sign_in().status == 200
    assert CLIENT_SECRET not in "".join(service_here.log)


def test_new_people_come_in_only_where_that_was_wanted(home, engine, issuer):
    made(home, engine)
    set_up(home, issuer, free_port(), 'create_role = "viewer"\ntrust_email = true\n')
    with Service(home, listen=None) as service:
        issuer.wish(claims={"email": "new@example.com"})
        browser = Browser(service)
        assert browser.sign_in().status == 200
        assert browser.ask("GET", SESSION).json["data"]["role"] == "viewer"
        issuer.wish(claims={"email": "new@example.com", "email_verified": False})
        assert browser.sign_in().status == 401
    assert "new@example.com" in home.run("user", "list").stdout


def test_without_a_table_there_is_no_such_sign_in(home, engine):
    with Service(made(home, engine)) as service:
        assert service.ask("GET", OIDC).status == 404
        assert service.ask("GET", OIDC + "/callback?code=x&state=y").status == 404


@pytest.mark.parametrize("line, said", [
    ('issuer = "http://idp.example.com"', "in clear text"),
    ('client_secret = "plain"', "clear text"),
    ('create_role = "admin"', "viewer"),
    ('redirect_url = "https://millrace.example.com/elsewhere"', "/api/v1/session/oidc/callback"),
])
def test_mistakes_in_the_table_are_named(home, issuer, line, said):
    home.init()
    set_up(home, issuer, 8080)
    toml = home.path / "millrace.toml"
    key = line.split(" ")[0]
    kept = [one for one in toml.read_text().splitlines() if not one.startswith(key)]
    toml.write_text("\n".join([*kept, line, ""]))
    assert said in home.run("run", "list", code=1).stderr
