"""A client with nothing but Python's standard library: signs in, refreshes ahead of expiry, and signs out."""

import json
import os
import sys
import time
import urllib.error
import urllib.request

REFRESH_AHEAD_SECONDS = 5 * 60


class AnalyticsClient:
    def __init__(self, base_url):
        self.base_url = base_url
        self.access_token = None
        self.refresh_token = None
        self.expires_at = 0
        self.refreshes = 0

    def sign_in(self, username, password):
        self._keep(self._post("/auth/token", {"username": username, "password": password}))

    def get(self, path):
        if time.time() > self.expires_at - REFRESH_AHEAD_SECONDS:
            self._keep(self._post("/auth/refresh", {"refresh_token": self.refresh_token}))
            self.refreshes += 1
        return self._send(path, headers={"Authorization": f"Bearer {self.access_token}"})

    def sign_out(self):
        self._post("/auth/revoke", {"refresh_token": self.refresh_token})

    def _keep(self, tokens):
        self.access_token = tokens["access_token"]
        self.refresh_token = tokens["refresh_token"]
        self.expires_at = time.time() + tokens["expires_in"]

    def _post(self, path, body):
        return self._send(path, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})

    def _send(self, path, data=None, headers=None):
        request = urllib.request.Request(self.base_url + path, data=data, headers=headers or {})
        with urllib.request.urlopen(request, timeout=10) as response:
            text = response.read()
        return json.loads(text) if text else None


def main():
    client = AnalyticsClient(sys.argv[1])
    client.sign_in(os.environ["ANALYTICS_USER"], os.environ["ANALYTICS_PASSWORD"])
    print(json.dumps(client.get("/sales")["rows"]))
    time.sleep(float(os.environ.get("PAUSE_SECONDS", "0")))
    print(json.dumps(client.get("/sales")["rows"]))
    print(f"refreshed {client.refreshes} times")
    client.sign_out()
    try:
        client.get("/sales")
    except urllib.error.HTTPError as error:
        print(error.code, json.load(error)["error"]["code"])


if __name__ == "__main__":
    main()
