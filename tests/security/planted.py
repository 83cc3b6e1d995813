"""Secrets of many kinds, drawn by seed and planted into code as people write it.

The forms here follow the vendors' documents, not the rules under test; nothing here imports them.
Every value is drawn when a test runs, so the repository holds none.
"""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable
from dataclasses import dataclass

HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits
LOWER = string.ascii_lowercase + string.digits
ALNUM = string.ascii_letters + string.digits
WEB = ALNUM + "-_"
BASE64 = ALNUM + "+/"
BASE32 = string.ascii_uppercase + "234567"
SYMBOLS = ALNUM + "!#%^*-_=+.~?"


@dataclass(frozen=True, slots=True)
class Planted:
    """A piece of code, the parts of it that must not be shown, and the kind they are of."""

    kind: str
    language: str
    code: str
    parts: tuple[str, ...]


class Draw:
    """Random strings of one seed."""

    def __init__(self, random: random.Random) -> None:
        self.random = random

    def of(self, alphabet: str, low: int, high: int | None = None) -> str:
        return "".join(self.random.choices(alphabet, k=self.random.randint(low, high or low)))

    def one(self, *choices: str) -> str:
        return self.random.choice(choices)

    def uuid(self) -> str:
        return "-".join(self.of(HEX, n) for n in (8, 4, 4, 4, 12))

    def password(self) -> str:
        """Eight to twenty characters with a digit and a symbol, as a policy asks for."""
        body = self.of(SYMBOLS, 6, 18) + self.of(string.digits, 1) + self.of("!#%^*-_+", 1)
        return self.of(string.ascii_letters, 1) + "".join(self.random.sample(body, len(body)))

    def word_password(self) -> str:
        """Words with digits, as people choose them."""
        words = (
            "tiger",
            "Sunny",
            "copper",
            "Winter",
            "river",
            "Maple",
            "orange",
            "falcon",
            "Magic",
            "harbor",
        )
        joint = self.one("", "-", "_", "!")
        return f"{self.one(*words)}{joint}{self.one(*words)}{self.random.randint(10, 9999)}{self.one('', '!', '#')}"

    def encoded(self, low: int, high: int) -> str:
        return base64.b64encode(self.random.randbytes(self.random.randint(low, high))).decode()

    def armour(self, lines: int, width: int = 64) -> list[str]:
        return [self.of(BASE64, width) for _ in range(lines)] + [self.of(BASE64, 22) + "=="]

    def jwt(self) -> str:
        head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
        claims = (
            f'{{"sub":"{self.of(string.digits, 10)}","iat":{self.random.randint(10**9, 2 * 10**9)}}}'
        )
        body = base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")
        return f"{head}.{body}.{self.of(WEB, 43)}"


MARKED: dict[str, Callable[[Draw], str]] = {
    "aws access key": lambda d: d.one("AKIA", "ASIA") + d.of(BASE32, 16),
    "google api key": lambda d: "AIza" + d.of(WEB, 35),
    "google oauth secret": lambda d: "GOCSPX-" + d.of(WEB, 28),
    "google access token": lambda d: "ya29." + d.of(WEB, 60, 160),
    "azure client secret": lambda d: (
        d.of(ALNUM, 3) + d.of(string.digits, 1) + "Q~" + d.of(WEB + ".~", 34)
    ),
    "digitalocean token": lambda d: d.one("dop", "doo", "dor") + "_v1_" + d.of(HEX, 64),
    "github classic token": lambda d: d.one("ghp", "gho", "ghu", "ghs", "ghr") + "_" + d.of(ALNUM, 36),
    "github fine-grained token": lambda d: f"github_pat_{d.of(ALNUM, 22)}_{d.of(ALNUM, 59)}",
    "gitlab token": lambda d: d.one("glpat-", "glrt-", "gldt-") + d.of(WEB, 20),
    "slack bot token": lambda d: (
        f"xoxb-{d.of(string.digits, 11, 13)}-{d.of(string.digits, 12, 13)}-{d.of(ALNUM, 24)}"
    ),
    "slack app token": lambda d: f"xapp-1-A{d.of(UPPER, 10)}-{d.of(string.digits, 13)}-{d.of(HEX, 64)}",
    "slack webhook": lambda d: (
        f"https://hooks.slack.com/services/T{d.of(UPPER, 8, 10)}/B{d.of(UPPER, 8, 10)}/{d.of(ALNUM, 24)}"
    ),
    "discord bot token": lambda d: (
        f"{d.one('M', 'N')}{d.of(ALNUM, 23, 25)}.{d.of(WEB, 6)}.{d.of(WEB, 38)}"
    ),
    "telegram bot token": lambda d: f"{d.of('123456789', 9, 10)}:AA{d.of(WEB, 33)}",
    "twilio key": lambda d: "SK" + d.of(HEX, 32),
    "sendgrid key": lambda d: f"SG.{d.of(WEB, 22)}.{d.of(WEB, 43)}",
    "mailgun key": lambda d: "key-" + d.of(HEX, 32),
    "mailchimp key": lambda d: f"{d.of(HEX, 32)}-us{d.random.randint(1, 21)}",
    "stripe key": lambda d: d.one("sk_live_", "rk_live_", "sk_test_") + d.of(ALNUM, 24, 99),
    "stripe webhook secret": lambda d: "whsec_" + d.of(ALNUM, 32),
    "square token": lambda d: "sq0atp-" + d.of(WEB, 22),
    "shopify token": lambda d: d.one("shpat_", "shpss_", "shpca_") + d.of(HEX, 32),
    "openai key": lambda d: (
        d.one("sk-proj-", "sk-svcacct-", "sk-") + f"{d.of(ALNUM, 20)}T3BlbkFJ{d.of(ALNUM, 20)}"
    ),
    "anthropic key": lambda d: f"sk-ant-api03-{d.of(WEB, 93)}AA",
    "huggingface token": lambda d: "hf_" + d.of(string.ascii_letters, 34),
    "replicate token": lambda d: "r8_" + d.of(ALNUM, 37),
    "groq key": lambda d: "gsk_" + d.of(ALNUM, 52),
    "npm token": lambda d: "npm_" + d.of(ALNUM, 36),
    "pypi token": lambda d: "pypi-AgEIcHlwaS5vcmc" + d.of(WEB, 130, 160),
    "rubygems key": lambda d: "rubygems_" + d.of(HEX, 48),
    "docker hub token": lambda d: "dckr_pat_" + d.of(WEB, 27),
    "terraform token": lambda d: f"{d.of(ALNUM, 14)}.atlasv1.{d.of(WEB, 67)}",
    "vault token": lambda d: d.one("hvs.", "hvb.") + d.of(WEB, 90, 100),
    "databricks token": lambda d: "dapi" + d.of(HEX, 32),
    "new relic key": lambda d: "NRAK-" + d.of(UPPER, 27),
    "grafana token": lambda d: f"glsa_{d.of(ALNUM, 32)}_{d.of(HEX, 8)}",
    "linear key": lambda d: "lin_api_" + d.of(ALNUM, 40),
    "notion token": lambda d: d.one("ntn_" + d.of(ALNUM, 46), "secret_" + d.of(ALNUM, 43)),
    "airtable token": lambda d: f"pat{d.of(ALNUM, 14)}.{d.of(HEX, 64)}",
    "figma token": lambda d: "figd_" + d.of(WEB, 40),
    "postman key": lambda d: f"PMAK-{d.of(HEX, 24)}-{d.of(HEX, 34)}",
    "hubspot token": lambda d: f"pat-{d.one('na1', 'eu1')}-{d.uuid()}",
    "tailscale key": lambda d: f"tskey-auth-{d.of(ALNUM, 17)}-{d.of(ALNUM, 32)}",
    "doppler token": lambda d: "dp.pt." + d.of(ALNUM, 43),
    "planetscale token": lambda d: "pscale_tkn_" + d.of(WEB, 43),
    "age key": lambda d: "AGE-SECRET-KEY-1" + d.of("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
    "json web token": lambda d: d.jwt(),
}
"""Kinds that are known by their own form, wherever they stand."""

NAMED: dict[str, tuple[tuple[str, ...], Callable[[Draw], str]]] = {
    "aws secret key": (
        ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "awsSecretKey"),
        lambda d: d.of(BASE64, 40),
    ),
    "azure storage key": (
        ("AccountKey", "account_key", "storageKey"),
        lambda d: d.of(BASE64, 86) + "==",
    ),
    "datadog key": (("DD_API_KEY", "datadog_api_key", "datadogApiKey"), lambda d: d.of(HEX, 32)),
    "heroku key": (("HEROKU_API_KEY", "heroku_api_key", "herokuKey"), lambda d: d.uuid()),
    "twilio auth token": (
        ("TWILIO_AUTH_TOKEN", "twilio_auth_token", "authToken"),
        lambda d: d.of(HEX, 32),
    ),
    "algolia key": (("ALGOLIA_ADMIN_KEY", "algolia_api_key", "algoliaKey"), lambda d: d.of(HEX, 32)),
    "oauth client secret": (
        ("client_secret", "CLIENT_SECRET", "clientSecret"),
        lambda d: d.of(ALNUM, 24, 64),
    ),
    "signing secret": (("SECRET_KEY", "jwt_secret", "signingKey"), lambda d: d.of(SYMBOLS, 32, 64)),
    "access token": (
        ("access_token", "ACCESS_TOKEN", "apiToken"),
        lambda d: d.of(d.one(HEX, ALNUM, WEB, LOWER), 20, 64),
    ),
    "api key": (("api_key", "API_KEY", "apiKey"), lambda d: d.of(d.one(HEX, ALNUM, LOWER), 16, 40)),
    "encryption key": (
        ("encryption_key", "ENCRYPTION_KEY", "encryptionKey"),
        lambda d: d.encoded(24, 48),
    ),
    "drawn password": (("password", "DB_PASSWORD", "smtpPassword"), lambda d: d.password()),
    "chosen password": (("password", "ADMIN_PASSWORD", "dbPasswd"), lambda d: d.word_password()),
    "ethereum key": (("PRIVATE_KEY", "private_key", "walletKey"), lambda d: "0x" + d.of(HEX, 64)),
}
"""Kinds that only the name they are given to tells apart from other text."""

_SCHEMES = ("postgres", "postgresql+psycopg", "mysql", "mongodb+srv", "redis", "amqp", "https")


def _pem(draw: Draw, label: str, lines: int) -> tuple[str, tuple[str, ...]]:
    body = draw.armour(lines)
    return "\n".join((f"-----BEGIN {label}-----", *body, f"-----END {label}-----")), tuple(body)


def _spread_pem(draw: Draw) -> tuple[str, tuple[str, ...]]:
    text, body = _pem(draw, draw.one("PRIVATE KEY", "EC PRIVATE KEY"), 12)
    return '{"type": "service_account", "private_key": "' + text.replace("\n", "\\n") + '\\n"}', body


def _url(draw: Draw) -> tuple[str, tuple[str, ...]]:
    password = draw.of(ALNUM + "!*-_.", 10, 24)
    host = draw.one("db.internal", "10.0.0.7", "cache.prod.svc", "localhost")
    return (
        f'DATABASE_URL = "{draw.one(*_SCHEMES)}://{draw.one("app", "root", "")}:{password}@{host}:5432/main"',
        (password,),
    )


def _ado(draw: Draw) -> tuple[str, tuple[str, ...]]:
    password = draw.password().replace("=", "x")
    return (
        f'"ConnectionString": "Server=sql01;Database=shop;User Id=sa;Password={password};Encrypt=true"',
        (password,),
    )


def _basic(draw: Draw) -> tuple[str, tuple[str, ...]]:
    value = base64.b64encode(f"{draw.of(LOWER, 6)}:{draw.of(SYMBOLS, 14)}".encode()).decode()
    return f'request.headers["Authorization"] = "Basic {value}"', (value,)


def _bearer(draw: Draw) -> tuple[str, tuple[str, ...]]:
    value = draw.of(WEB, 32, 48)
    return f'curl -H "Authorization: Bearer {value}" https://api.internal/v1/me', (value,)


def _curl(draw: Draw) -> tuple[str, tuple[str, ...]]:
    value = draw.of(ALNUM, 14)
    return f"curl -sS -u deploy:{value} https://ci.internal/job/build", (value,)


def _netrc(draw: Draw) -> tuple[str, tuple[str, ...]]:
    value = draw.password()
    return f"machine api.internal login deploy password {value}", (value,)


def _htpasswd(draw: Draw) -> tuple[str, tuple[str, ...]]:
    value = draw.one(
        "$2y$10$" + draw.of(ALNUM + "./", 53), f"$apr1${draw.of(ALNUM, 8)}${draw.of(ALNUM + './', 22)}"
    )
    return f"deploy:{value}", (value,)


def _npmrc(draw: Draw) -> tuple[str, tuple[str, ...]]:
    value = draw.uuid()
    return f"//registry.internal/:_authToken={value}", (value,)


def _putty(draw: Draw) -> tuple[str, tuple[str, ...]]:
    body = draw.armour(7)
    return "PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 8\n" + "\n".join(body), tuple(body)


SHAPED: dict[str, Callable[[Draw], tuple[str, tuple[str, ...]]]] = {
    "rsa private key": lambda d: _pem(d, "RSA PRIVATE KEY", 25),
    "pkcs8 private key": lambda d: _pem(d, "PRIVATE KEY", 26),
    "openssh private key": lambda d: _pem(d, "OPENSSH PRIVATE KEY", 6),
    "pgp private key": lambda d: _pem(d, "PGP PRIVATE KEY BLOCK", 30),
    "key inside json": _spread_pem,
    "putty key": _putty,
    "url with password": _url,
    "connection string": _ado,
    "basic authorization": _basic,
    "bearer authorization": _bearer,
    "curl user": _curl,
    "netrc entry": _netrc,
    "htpasswd entry": _htpasswd,
    "npmrc entry": _npmrc,
}
"""Kinds that are known by the format around them; each gives its own lines."""

_NAMES = ("token", "key", "value", "CREDENTIAL", "default", "cfg", "auth", "apiKey", "x", "SECRET", "id")

# One statement per language, and code around it. ``{n}`` the name, ``{v}`` the value.
_LINES: dict[str, tuple[str, ...]] = {
    "python": (
        '{n} = "{v}"',
        "{n}: str = '{v}'",
        'client = Client({n}="{v}", retries=3)',
        'CONFIG = {{"{n}": "{v}"}}',
    ),
    "typescript": (
        "const {n} = '{v}';",
        'export const {n}: string = "{v}";',
        "  {n}: `{v}`,",
        'this.{n} = "{v}";',
    ),
    "go": ('\t{n} := "{v}"', 'const {n} = "{v}"', '\t\t{n}: "{v}",', 'var {n} string = "{v}"'),
    "java": (
        'private static final String {n} = "{v}";',
        '    String {n} = "{v}";',
        'options.put("{n}", "{v}");',
    ),
    "ruby": ("{n} = '{v}'", 'config.{n} = "{v}"', ":{n} => '{v}',"),
    "rust": ('const {n}: &str = "{v}";', 'let {n} = "{v}";'),
    "php": ("${n} = '{v}';", "define('{n}', '{v}');", "    '{n}' => '{v}',"),
    "csharp": ('private const string {n} = "{v}";', 'var {n} = "{v}";'),
    "yaml": ("{n}: {v}", '  {n}: "{v}"', "      {n}: '{v}'"),
    "toml": ('{n} = "{v}"',),
    "json": ('  "{n}": "{v}",', '{{"{n}":"{v}"}}'),
    "shell": ('export {n}="{v}"', "{n}={v}", "{n}='{v}'"),
    "properties": ("app.{n}={v}", "{n} = {v}"),
    "dockerfile": ("ENV {n}={v}", "ARG {n}={v}"),
}
_AROUND: dict[str, tuple[str, str]] = {
    "python": (
        "import os\n\n\ndef connect(host: str, port: int = 443) -> Client:\n    check(host)\n",
        "\nprint(len(items))\n",
    ),
    "typescript": (
        "import { open } from './open';\n\nfunction start(port: number) {\n",
        "\n  return listen(port);\n}\n",
    ),
    "go": ('package main\n\nimport "fmt"\n\nfunc main() {\n', '\n\tfmt.Println("ready")\n}\n'),
    "java": ("package app;\n\npublic class Start {\n", "\n    void run() { open(); }\n}\n"),
    "ruby": ("require 'json'\n\nclass Start\n  def call\n", "\n  end\nend\n"),
    "rust": ("use std::env;\n\nfn main() {\n", "\n    run();\n}\n"),
    "php": ("<?php\nnamespace App;\n\n", "\nrun();\n"),
    "csharp": ("using System;\n\nclass Start\n{\n", "\n}\n"),
    "yaml": ("version: 3\nservices:\n", "\nreplicas: 2\n"),
    "toml": ("[server]\nport = 8080\n", "\nretries = 3\n"),
    "json": ('{\n  "port": 8080,\n', '\n  "retries": 3\n}\n'),
    "shell": ("#!/bin/sh\nset -eu\n\n", "\nexec ./server --port 8080\n"),
    "properties": ("server.port=8080\n", "\nserver.retries=3\n"),
    "dockerfile": ("FROM debian:stable-slim\n", '\nCMD ["./server"]\n'),
}


def kinds() -> tuple[str, ...]:
    """Every kind that can be planted."""
    return (*MARKED, *NAMED, *SHAPED)


def plant(count: int, seed: int) -> list[Planted]:
    """``count`` secrets, the kinds in turn, each in code of a drawn language."""
    draw = Draw(random.Random(seed))
    every = kinds()
    return [_planted(draw, every[index % len(every)]) for index in range(count)]


def _planted(draw: Draw, kind: str) -> Planted:
    language = draw.one(*_LINES)
    before, after = _AROUND[language]
    if kind in SHAPED:
        line, parts = SHAPED[kind](draw)
    else:
        names, make = NAMED.get(kind, (_NAMES, MARKED.get(kind, str)))
        value = make(draw)
        line, parts = draw.one(*_LINES[language]).format(n=draw.one(*names), v=value), (value,)
    return Planted(kind, language, before + line + after, parts)
