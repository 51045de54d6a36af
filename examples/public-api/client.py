"""A client of the projects API as CI jobs have it: standard library only.

    export PROJECTS_API_KEY=lk_...   (or PROJECTS_TOKEN=..., a user's access token)
    python3 client.py http://localhost:3000 list
    python3 client.py http://localhost:3000 show PROJECT
    python3 client.py http://localhost:3000 describe PROJECT 'What the build has made'
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import quote

TRIES = 4
ANSWER_SECONDS = 30
LONGEST_PAUSE_SECONDS = 60


def credential():
    """The header of the credential that the environment has; none for an anonymous caller."""
    key = os.environ.get("PROJECTS_API_KEY")
    token = os.environ.get("PROJECTS_TOKEN")
    if key:
        return {"X-API-Key": key}
    return {"Authorization": f"Bearer {token}"} if token else {}


def call(url, method="GET", body=None):
    """Asks the API, again after a pause where it says how long to wait."""
    request = urllib.request.Request(url, method=method, headers=credential())
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    for tries_left in reversed(range(TRIES)):
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:
                return json.load(response)
        except urllib.error.HTTPError as refused:
            pause = pause_after(refused)
            if pause is None or tries_left == 0:
                raise
        time.sleep(pause)


def pause_after(refused):
    """Seconds to wait before the same request is worth sending again; None where it is not."""
    wanted = refused.headers.get("Retry-After", "")
    if refused.code not in (429, 503) or not wanted.isdigit():
        return None
    return int(wanted) if int(wanted) <= LONGEST_PAUSE_SECONDS else None


def explain(refused):
    """The API's errors have a code and a message. What a proxy in front of it sends may be anything."""
    try:
        answer = json.load(refused)
        return f"{refused.code} {answer['error']}: {answer['message']}"
    except (ValueError, KeyError, TypeError):
        return f"{refused.code} {refused.reason}"


def run(base, command, project="", text=""):
    projects = f"{base}/api/projects"
    if command == "list":
        return call(projects)
    if command == "show":
        return call(f"{projects}/{quote(project, safe='')}")
    if command == "describe":
        return call(f"{projects}/{quote(project, safe='')}", "PATCH", {"description": text})
    raise SystemExit(__doc__)


if not 3 <= len(sys.argv) <= 5:
    raise SystemExit(__doc__)
try:
    print(json.dumps(run(*sys.argv[1:])))
except urllib.error.HTTPError as refused:
    raise SystemExit(explain(refused))
except OSError as error:
    raise SystemExit(f"{sys.argv[1]} does not answer: {error}")
