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


class ServiceClient:
    def __init__(self, api, client_id, client_secret, org):
        self.api = api
        self.org = org
        self.tokens = 0
        self._basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
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
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)


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
