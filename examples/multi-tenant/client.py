"""A service account with nothing but Python's standard library: gets short tokens with its secret, and calls for its organisation."""

import base64
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

RENEW_AHEAD_SECONDS = 30
ATTEMPTS = 4
LONGEST_PAUSE_SECONDS = 60


class ServiceClient:
    def __init__(self, api, client_id, client_secret, org):
        self.api = api
        self.org = org
        self.tokens = 0
        # Encoded like a form before they are joined (RFC 6749 section 2.3.1).
        pair = ":".join(urllib.parse.quote(part, safe="") for part in (client_id, client_secret))
        self._basic = base64.b64encode(pair.encode()).decode()
        self._token = None
        self._expires_at = 0

    def get(self, path, org=None):
        return self._send(path, self._headers(org))

    def post(self, path, body, org=None):
        headers = {**self._headers(org), "Content-Type": "application/json"}
        return self._send(path, headers, json.dumps(body).encode())

    def _headers(self, org):
        if time.time() > self._expires_at - RENEW_AHEAD_SECONDS:
            self._renew()
        return {"Authorization": f"Bearer {self._token}", "X-Org-Id": org or self.org}

    def _renew(self):
        """There is no refresh token: the next token comes the same way."""
        form = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
        answer = self._send("/auth/token", {"Authorization": f"Basic {self._basic}"}, form)
        self._token = answer["access_token"]
        self._expires_at = time.time() + answer["expires_in"]
        self.tokens += 1

    def _send(self, path, headers, body=None):
        request = urllib.request.Request(self.api + path, data=body, headers=headers)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with urllib.request.urlopen(request, timeout=30) as response:
                    return json.load(response)
            except urllib.error.HTTPError as error:
                seconds = pause_of(error)
                if seconds is None or attempt == ATTEMPTS:
                    raise
            time.sleep(seconds)


def pause_of(error):
    """Seconds to wait before the same request again; None for a refusal that stays. A 429 has changed nothing, so that any request may be repeated."""
    seconds = error.headers.get("Retry-After", "")
    if error.code != 429 or not seconds.isdigit():
        return None
    return min(int(seconds), LONGEST_PAUSE_SECONDS)


def attempt(title, call):
    """Prints what came of it: the answer, or the refusal's status and code."""
    try:
        print(title, json.dumps(call()))
    except urllib.error.HTTPError as error:
        print(title, error.code, json.load(error)["code"])


def main():
    client = ServiceClient(sys.argv[1], os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"], "acme")
    attempt("invoices:", lambda: [each["customer"] for each in client.get("/invoices")["invoices"]])
    attempt("another organisation:", lambda: client.get("/invoices", org="globex"))
    attempt("without the permission:", lambda: client.post("/invoices", {"customer": "Initech", "amount": 1}))
    attempt("a route for people:", lambda: client.get("/profile"))
    print("tokens:", client.tokens)


if __name__ == "__main__":
    main()
