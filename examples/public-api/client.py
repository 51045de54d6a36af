"""A client of the projects API as CI jobs have it: standard library only.

    export PROJECTS_API_KEY=lk_...   (or PROJECTS_TOKEN=..., a user's access token)
    python3 client.py http://localhost:3000 list
    python3 client.py http://localhost:3000 show PROJECT
    python3 client.py http://localhost:3000 describe PROJECT 'What the build has made'
"""

import json
import os
import sys
import urllib.error
import urllib.request


def credential():
    """The header of the credential that the environment has; none for an anonymous caller."""
    key = os.environ.get("PROJECTS_API_KEY")
    token = os.environ.get("PROJECTS_TOKEN")
    if key:
        return {"X-API-Key": key}
    return {"Authorization": f"Bearer {token}"} if token else {}


def call(url, method="GET", body=None):
    request = urllib.request.Request(url, method=method, headers=credential())
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def run(base, command, project="", text=""):
    projects = f"{base}/api/projects"
    if command == "list":
        return call(projects)
    if command == "show":
        return call(f"{projects}/{project}")
    if command == "describe":
        return call(f"{projects}/{project}", "PATCH", {"description": text})
    raise SystemExit(__doc__)


if len(sys.argv) < 3:
    raise SystemExit(__doc__)
try:
    print(json.dumps(run(*sys.argv[1:])))
except urllib.error.HTTPError as refused:
    answer = json.load(refused)
    raise SystemExit(f"{refused.code} {answer['error']}: {answer['message']}")
